import { expect, test } from 'vitest';
import { killAmidLoad } from '../../support/register-load.js';

test('kill -9 amid REGISTERs: every registration that was answered 200 is in the embedded database', async () => {
  const { answered, lost } = await killAmidLoad('', [800, 1200, 500]);
  expect(lost).toEqual([]);
  expect(answered).toBeGreaterThan(20);
}, 60_000);
