// npm test: installs and builds what is missing, then every test that needs no other server. The recorded cases run by
// themselves, after the others: their timing is Kamailio's, and wants the machine.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build, install, ROOT } from './prepare.mjs';

install();
await build();
const vitest = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const given = process.argv.slice(2);
const runs = given.length > 0 ? [given] : [['--exclude', 'test/conformance/**'], ['test/conformance']];
let status = 0;
for (const args of runs) {
  const done = spawnSync(process.execPath, [vitest, 'run', ...args], { cwd: ROOT, stdio: 'inherit' });
  status ||= done.status ?? 1;
}
process.exit(status);
