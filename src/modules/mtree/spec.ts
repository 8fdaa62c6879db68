/** `modparam("mtree", "mtree", "name=rates;dbtable=rates;type=0")`. */
import type { BindResult } from '../../runtime/module.js';
import { TREE, type TreeType } from './tree.js';

export interface TreeSpec {
  readonly name: string;
  readonly table: string;
  readonly type: TreeType;
  /** Several trees share the table: rows are told apart by their column `tname`. */
  readonly multi: boolean;
  /** Prefix and values; empty: the columns of the parameters. */
  readonly columns: readonly string[];
}

const MAX_COLUMNS = 8;
const TYPES: readonly TreeType[] = Object.values(TREE);

export function parseTreeSpec(text: string): BindResult<TreeSpec> {
  const fields = new Map<string, string>();
  for (const part of text.split(';')) {
    const at = part.indexOf('=');
    if (at >= 0) fields.set(part.slice(0, at).trim().toLowerCase(), unquote(part.slice(at + 1).trim()));
  }
  const name = fields.get('name');
  if (name === undefined || name === '')
    return { error: `invalid mtree name in '${text}'`, hint: 'write name=rates;dbtable=rates' };
  const type = TYPES.find((t) => t === Number(fields.get('type') ?? 0));
  if (type === undefined)
    return { error: `unknown tree type <${fields.get('type')}>`, hint: '0 text, 1 weights, 2 numbers' };
  const multi = Number(fields.get('multi') ?? 0);
  if (multi !== 0 && multi !== 1) return { error: `unknown multi value <${fields.get('multi')}>` };
  const columns = fields.get('cols')?.split(',') ?? [];
  if (columns.length === 1) return { error: 'there must be at least two columns (prefix, value)' };
  if (columns.length > MAX_COLUMNS) return { error: `too many columns ${columns.length}` };
  return { ok: { name, table: fields.get('dbtable') ?? 'mtree', type, multi: multi === 1, columns } };
}

const unquote = (text: string) => text.replace(/^"(.*)"$|^'(.*)'$/, '$1$2');

/** Order of trees: the short names first. */
export function byName(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}

/** All trees that the parameter defines, in order. What is wrong with one is told where it stands. */
export function parseTrees(values: readonly string[]): { readonly specs: TreeSpec[]; readonly errors: string[] } {
  const specs: TreeSpec[] = [];
  const errors: string[] = [];
  for (const text of values) {
    const spec = parseTreeSpec(text);
    if ('error' in spec) continue;
    if (specs.some((s) => s.name === spec.ok.name)) errors.push(`duplicate tree with name [${spec.ok.name}]`);
    else specs.push(spec.ok);
  }
  return { specs: specs.sort((a, b) => byName(a.name, b.name)), errors };
}
