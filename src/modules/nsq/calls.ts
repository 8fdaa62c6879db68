/** Which functions a script calls at all: their threads are started with the server and not with the first call. */
import type { Script } from '../../parser/tree.js';

export function calledFunctions(script: Script, names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  look(script.items, new Set(names), found);
  return found;
}

function look(node: unknown, names: ReadonlySet<string>, found: Set<string>): void {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node) look(item, names, found);
    return;
  }
  if ('kind' in node && node.kind === 'call' && 'name' in node && typeof node.name === 'string' && names.has(node.name))
    found.add(node.name);
  for (const [key, value] of Object.entries(node)) if (!key.toLowerCase().endsWith('span')) look(value, names, found);
}
