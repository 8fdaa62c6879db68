/** Files of -P and -G. */
import { rmSync, writeFileSync } from 'node:fs';

/** Writes the process id; what it gives removes the file. */
export function writePid(path: string | undefined): () => void {
  if (path === undefined) return () => undefined;
  writeFileSync(path, `${process.pid}\n`);
  return () => rmSync(path, { force: true });
}
