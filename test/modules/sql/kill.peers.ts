import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMariadb, type ThrowawayDatabase } from '../../support/databases.js';
import { killAmidLoad } from '../../support/register-load.js';

let db: ThrowawayDatabase;

beforeAll(async () => {
  db = await startMariadb();
}, 120_000);

afterAll(() => db?.stop());

test('kill -9 amid REGISTERs: every registration that was answered 200 is in MariaDB', async () => {
  const settings = `loadmodule "db_mysql.so"\nmodparam("usrloc", "db_url", "${db.url}")`;
  const { answered, lost } = await killAmidLoad(settings, [1500, 2500, 700]);
  expect(lost).toEqual([]);
  expect(answered).toBeGreaterThan(20);
});
