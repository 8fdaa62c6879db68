/** Files that a script names. */
import { dirname, join } from 'node:path';
import type { Program } from './program.js';

/** A name without a slash is that of a file beside the script. */
export function besideScript(program: Program, name: string): string {
  const script = program.script.items?.[0]?.span.file;
  return name.includes('/') || script === undefined ? name : join(dirname(script), name);
}
