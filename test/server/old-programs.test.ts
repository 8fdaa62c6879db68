/** Old versions of a script are freed once nothing runs on them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { distFile } from '../../src/runtime/worker-file.js';
import { built } from '../support/built.js';

const PROBE = `import { load } from '${distFile('testing/index.js')}';
const text = (n) => 'loadmodule "sl.so"\\nloadmodule "pv.so"\\nrequest_route { $var(x) = "' + n + '"; sl_send_reply("200", "$var(x)"); }';
const s = await load('a.cfg', { text: text(0) });
const old = [];
for (let n = 1; n <= 20; n++) {
  old.push(new WeakRef(s.program));
  const { ok } = await s.reload(text(n));
  if (!ok) throw new Error('not reloaded');
  await s.request({});
}
await s.request({});
for (let n = 0; n < 5; n++) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  gc();
}
console.log(old.filter((r) => r.deref() !== undefined).length);
await s.close();
`;

test('of twenty versions that a reload replaced at most the last is still held', async () => {
  await built();
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'gc-')), 'probe.mjs');
  writeFileSync(file, PROBE);
  const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', file], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(Number(stdout)).toBeLessThanOrEqual(1);
}, 30_000);
