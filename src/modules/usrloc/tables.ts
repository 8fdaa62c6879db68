/** The location tables that a script works with: they are there, and loaded, before the first message. */
import type { Script } from '../../parser/tree.js';
import { constantValue } from '../../runtime/compile/constant.js';

/** Functions whose first argument names a table. */
const WITH_TABLE: ReadonlySet<string> = new Set([
  'save',
  'lookup',
  'lookup_to_dset',
  'lookup_branches',
  'registered',
  'unregister',
  'reg_fetch_contacts',
]);

/** In the order in which they first occur. */
export function tablesOf(script: Script): readonly string[] {
  const found = new Set<string>();
  look(script.items, found);
  return [...found];
}

function look(node: unknown, found: Set<string>): void {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node) look(item, found);
    return;
  }
  if ('kind' in node && node.kind === 'call' && 'name' in node && WITH_TABLE.has(`${node.name}`)) {
    const first = 'args' in node && Array.isArray(node.args) ? node.args[0] : undefined;
    const name = first === undefined ? undefined : constantValue(first);
    if (typeof name === 'string') found.add(name);
  }
  for (const [key, value] of Object.entries(node)) if (!key.toLowerCase().endsWith('span')) look(value, found);
}
