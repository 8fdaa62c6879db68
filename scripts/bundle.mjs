// dist/ as a few files under dist/bundle: loading some 550 modules one by one is most of a start of the command.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), 'dist');
const ENTRIES = ['cli/main', 'cli/shadow/worker', 'modules/nsq/worker', 'modules/dmq/worker', 'server/parse-worker'];

/** Bundles what `tsc` wrote into dist/; packages stay outside. */
export async function bundle() {
  const { rolldown } = await import('rolldown');
  const out = path.join(DIST, 'bundle');
  // Made beside the old one, which a server may be loading just now.
  const next = `${out}.${process.pid}`;
  const build = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, path.join(DIST, `${name}.js`)])),
    platform: 'node',
    external: (id) => !/^[./]|^[A-Za-z]:[\\/]/.test(id),
  });
  await build.write({ dir: next, format: 'esm', sourcemap: true, chunkFileNames: '[name]-[hash].js' });
  await build.close();
  // The command takes the bundle only where this stamp is no older than what tsc wrote.
  writeFileSync(path.join(next, '.bundled'), '');
  rmSync(out, { recursive: true, force: true });
  renameSync(next, out);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
