/** Worker threads run the compiled files: tests that need some call `built()` first. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LOCK = join(ROOT, 'dist.lock');
/** Milliseconds after which a lock is one that somebody forgot. */
const STALE = 60_000;

/** Compiles src/ into dist/ when a source is newer than what is there. Two test files at once wait for each other. */
export async function built(): Promise<void> {
  while (!fresh()) {
    try {
      mkdirSync(LOCK);
    } catch {
      if (existsSync(LOCK) && Date.now() - statSync(LOCK).mtimeMs > STALE) rmdirSync(LOCK);
      await new Promise((done) => setTimeout(done, 100));
      continue;
    }
    try {
      const { status, stdout } = spawnSync(
        process.execPath,
        [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
        { cwd: ROOT, encoding: 'utf8' },
      );
      if (status !== 0) throw new Error(`the build fails:\n${stdout}`);
    } finally {
      rmdirSync(LOCK);
    }
  }
}

/** Is every compiled file there and no older than its source? */
function fresh(): boolean {
  const src = join(ROOT, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .every((name) => {
      const out = join(ROOT, 'dist', name.replace(/\.ts$/, '.js'));
      return existsSync(out) && statSync(out).mtimeMs >= statSync(join(src, name)).mtimeMs;
    });
}
