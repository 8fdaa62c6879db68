/** `modparam("htable", "htable", "name=>size=4;autoexpire=60;…")`. */
import type { BindResult } from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import type { TableSpec } from './table.js';

type Field = 'size' | 'autoexpire' | 'initval' | 'updateexpire' | 'dmqreplicate' | 'dbmode';
const NUMBERS: readonly string[] = ['size', 'autoexpire', 'initval', 'updateexpire', 'dmqreplicate', 'dbmode'];
const KNOWN = [...NUMBERS, 'dbtable', 'cols'].join(', ');
const MAX_COLUMNS = 8;

export function parseTableSpec(text: string): BindResult<TableSpec> {
  const m = /^\s*([^=\s]+)\s*=>\s*(.*?);?\s*$/s.exec(text);
  if (m === null) return { error: `invalid htable parameter '${text}'`, hint: 'write name=>size=4;autoexpire=60' };
  const numbers = new Map<string, number>();
  let dbtable = '';
  let cols: readonly string[] = [];
  for (const part of m[2]!.split(';').map((p) => p.trim())) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = at < 0 ? part : part.slice(0, at).trim();
    const value =
      at < 0
        ? ''
        : part
            .slice(at + 1)
            .trim()
            .replace(/^"(.*)"$/, '$1');
    if (NUMBERS.includes(name)) {
      const number = parseInt32(value);
      if (number === undefined || (number < 0 && name !== 'initval'))
        return { error: `htable '${m[1]}': ${name}=${value} is no number` };
      numbers.set(name, number);
    } else if (name === 'dbtable') dbtable = value;
    else if (name === 'cols') cols = value.replace(/^'(.*)'$/, '$1').split(',');
    else return { error: `htable '${m[1]}': unknown attribute '${name}'`, hint: `known are ${KNOWN}` };
  }
  if (cols.length === 1) return { error: `htable '${m[1]}': cols must be at least two columns (key, value)` };
  if (cols.length > MAX_COLUMNS) return { error: `htable '${m[1]}': too many columns ${cols.length}` };
  const of = (name: Field, otherwise: number) => numbers.get(name) ?? otherwise;
  return {
    ok: {
      name: m[1]!,
      slots: slotCount(of('size', 4)),
      autoexpire: of('autoexpire', 0),
      initval: numbers.get('initval') ?? null,
      updateexpire: of('updateexpire', 1) !== 0,
      dmqreplicate: of('dmqreplicate', 0),
      dbtable,
      dbmode: of('dbmode', 0),
      cols,
    },
  };
}

/** `size` is the power of two; odd values get what Kamailio makes of them. */
function slotCount(size: number): number {
  if (size <= 1) return 8;
  return size > 31 ? 1 << 14 : (1 << size) >>> 0;
}

/** All tables that the parameter defines; a name may come once. */
export function parseTables(values: readonly string[]): { tables: TableSpec[]; errors: string[] } {
  const tables: TableSpec[] = [];
  const errors: string[] = [];
  for (const text of values) {
    const spec = parseTableSpec(text);
    if ('error' in spec) errors.push(spec.error);
    else if (tables.some((t) => t.name === spec.ok.name)) errors.push(`htable already configured '${spec.ok.name}'`);
    else tables.push(spec.ok);
  }
  return { tables, errors };
}
