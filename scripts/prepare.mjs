// Installs and builds what a fresh clone lacks, and nothing when all is in place.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

function run(command, args) {
  const done = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.error) throw done.error;
  if (done.status !== 0) {
    console.error(`${command} ${args.join(' ')} failed with status ${done.status}`);
    process.exit(1);
  }
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(full) : statSync(full).mtimeMs);
  }
  return latest;
}

/** Packages as package-lock.json has them. */
export function install() {
  const stamp = path.join(ROOT, 'node_modules', '.kamscript-lock');
  const want = createHash('sha256')
    .update(readFileSync(path.join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === want) return;
  if (existsSync(path.join(ROOT, 'node_modules')) && installed()) {
    writeFileSync(stamp, want);
    return;
  }
  console.error('Installing packages …');
  run('npm', ['ci', '--no-audit', '--no-fund']);
  writeFileSync(stamp, want);
}

/** Does node_modules hold what the lock file names (an earlier `npm install` by hand)? */
function installed() {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages).every(([where, entry]) => {
    if (where === '' || entry.optional) return true;
    const file = path.join(ROOT, where, 'package.json');
    return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === entry.version;
  });
}

/** Compiles src to dist, and that to dist/bundle, when something in src is newer. */
export async function build() {
  const dist = path.join(ROOT, 'dist');
  const stamp = path.join(dist, '.built');
  const sources = Math.max(newest(path.join(ROOT, 'src')), statSync(path.join(ROOT, 'tsconfig.build.json')).mtimeMs);
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= sources) return;
  console.error('Building …');
  run(process.execPath, [path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  await bundle();
  mkdirSync(dist, { recursive: true });
  writeFileSync(stamp, '');
}
