// Plays the recorded cases and writes test/conformance/known-failures.json: failing cases that load a module which is not built
// are explained by it; others keep the reason they had, or get none and must be explained by hand.
//   node scripts/known-failures.mjs [--from LOG] [GROUP/ …]     --from: the output of a run of run.mjs instead of a new run
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './prepare.mjs';

const { MODULES } = await import('../dist/modules/index.js');
const built = new Set(MODULES.map((m) => m.name));
const folder = path.join(ROOT, 'test', 'conformance');
const file = path.join(folder, 'known-failures.json');
const args = process.argv.slice(2);
const from = args.indexOf('--from');
const output =
  from >= 0
    ? readFileSync(args[from + 1], 'utf8')
    : spawnSync(
        process.execPath,
        [path.join(folder, 'run.mjs'), '--bin', 'node bin/kamscript.js', '--jobs', '3', ...args],
        {
          cwd: ROOT,
          encoding: 'utf8',
          maxBuffer: 1 << 28,
        },
      ).stdout;
const failed = [...output.matchAll(/^not ok (.*)$/gm)].map((m) => m[1]);
const groups = new Set([...output.matchAll(/^([a-z]+): \d+\/\d+$/gm)].map((m) => m[1]));
const old = JSON.parse(readFileSync(file, 'utf8'));
const known = Object.fromEntries(Object.entries(old).filter(([name]) => !groups.has(name.split('/')[0])));

function reason(name) {
  const cfg = readFileSync(path.join(folder, 'cases', name, 'kamailio.cfg'), 'latin1');
  const missing = [...cfg.matchAll(/^\s*loadmodule\s+"([^"]*)"/gm)]
    .map((m) => path.basename(m[1], '.so'))
    .filter((m) => !built.has(m));
  if (missing.length > 0) return `needs ${missing.join(', ')}: not built yet (issue 3)`;
  return old[name] ?? '';
}

for (const name of failed) known[name] = reason(name);
writeFileSync(
  file,
  `${JSON.stringify(Object.fromEntries(Object.entries(known).sort(([a], [b]) => (a < b ? -1 : 1))), null, 2)}\n`,
);
const open = Object.entries(known).filter(([, why]) => why === '');
console.log(`${Object.keys(known).length} known failures`);
for (const [name] of open) console.log(`to be explained: ${name}`);
