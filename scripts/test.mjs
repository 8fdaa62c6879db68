// npm test: installs and builds what is missing, then every test that needs no other server.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { build, install, ROOT } from './prepare.mjs';

install();
build();
const vitest = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const done = spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit' });
process.exit(done.status ?? 1);
