/** Where the compiled file of a worker thread lies. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Path of the compiled worker `name` (`./worker.js`) beside the file whose `import.meta.url` is `from`. Threads cannot load
 * TypeScript: where the caller itself runs from src/ (vitest), it is the one that `npm run build` put into dist/.
 */
export function workerFile(name: string, from: string): string {
  const file = fileURLToPath(new URL(name, from));
  if (existsSync(file)) return file;
  const at = file.lastIndexOf('/src/');
  return at < 0 ? file : `${file.slice(0, at)}/dist/${file.slice(at + '/src/'.length)}`;
}
