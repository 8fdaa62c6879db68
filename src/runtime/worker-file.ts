/** Where a compiled file of the project lies: a worker thread's, or one that another process loads. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** `dist/` of the project, whether this code runs from `src/` (vitest), from `dist/` or from the bundle in `dist/bundle/`. */
function distFolder(): string {
  const here = fileURLToPath(import.meta.url);
  const at = Math.max(here.lastIndexOf('/src/'), here.lastIndexOf('/dist/'));
  return `${here.slice(0, at)}/dist`;
}

/**
 * Path of a compiled file: `modules/nsq/worker.js` for `src/modules/nsq/worker.ts`. Threads and other processes cannot load
 * TypeScript, so it is the one that `npm run build` put into dist/.
 */
export const distFile = (name: string): string => `${distFolder()}/${name}`;

/** As `distFile`; from within the bundle the bundled form, which loads faster. */
export function workerFile(name: string): string {
  const bundled = distFile(`bundle/${name}`);
  return import.meta.url.includes('/dist/bundle/') && existsSync(bundled) ? bundled : distFile(name);
}
