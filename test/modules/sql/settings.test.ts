/** Parameters of the database modules that have an effect on their connections. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectionSettings, dbPostgres } from '../../../src/modules/db_postgres/index.js';
import { SqliteClient } from '../../../src/modules/db_sqlite/client.js';
import { openDatabase } from '../../../src/runtime/database.js';
import { runScript } from '../../support/script.js';

test('a file of db_set_readonly is read, never written, and not made', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kamscript-sqlite-'));
  const [file, none] = [join(folder, 'a.db'), join(folder, 'none.db')];
  const client = new SqliteClient(file, '');
  client.exec("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x')");
  await client.close();
  const script = await runScript(`loadmodule "pv.so"
loadmodule "db_sqlite.so"
modparam("db_sqlite", "db_set_readonly", "${file}")
modparam("db_sqlite", "db_set_readonly", "${none}")
request_route { exit; }
`);
  const db = await openDatabase(script.host, `sqlite://${file}`);
  expect((await db.query({ table: 't' })).rows).toEqual([['x']]);
  await expect(db.insert('t', { a: 'y' })).rejects.toThrow(/readonly/);
  await db.close();
  await expect(openDatabase(script.host, `sqlite://${none}`)).rejects.toThrow(/unable to open/);
  expect(existsSync(none)).toBe(false);
  await script.stop();
  rmSync(folder, { recursive: true });
});

test('settings of connections to PostgreSQL', () => {
  expect(connectionSettings({ timeout: 0, tcp_keepalive: 0, con_param: [] })).toEqual({
    connectionTimeoutMillis: 10_000,
  });
  const con_param = ['application_name=kamailio', 'options = -c statement_timeout=5s', 'connect_timeout=4'];
  expect(connectionSettings({ timeout: 0, tcp_keepalive: 30, con_param })).toEqual({
    connectionTimeoutMillis: 4000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    application_name: 'kamailio',
    options: '-c statement_timeout=5s',
  });
  const { con_param: definition } = dbPostgres.params ?? {};
  expect(definition?.type === 'list' && definition.check?.('nosuch=1')).toMatch(/^one of application_name/);
});
