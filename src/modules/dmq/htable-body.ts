/** Bodies of peer `htable`, read and written (dmq.md, 6.1). Pure: runs in the threads of the pool. */
import { hasFields, readFields } from './htable-fields.js';
import { intOf, isObject, parseJson } from './json.js';

export const ACTION = { SYNC: 1, SET: 2, EXPIRE: 3, DELETE: 4, DELETE_RE: 5, DELETE_PREFIX: 6 } as const;
const IS_STRING = 2;

/** Cells of an answer to a request for all cells, by columns: that crosses between threads at a fraction of the cost. */
export interface CellColumns {
  readonly tables: readonly string[];
  readonly keys: readonly string[];
  readonly values: readonly (number | string)[];
  /** Seconds since the epoch, 0 never. */
  readonly expires: readonly number[];
  /** When each was last written, 0 where the sender does not say. */
  readonly stamps: readonly number[];
}

export type HtablePlan =
  | { readonly kind: 'sync' }
  | { readonly kind: 'set'; readonly table: string; readonly key: string; readonly value: number | string }
  | { readonly kind: 'expire'; readonly table: string; readonly key: string; readonly seconds: number }
  | { readonly kind: 'delete'; readonly table: string; readonly key: string }
  | {
      readonly kind: 'delete-re' | 'delete-prefix';
      readonly table: string;
      readonly by: 'name' | 'value';
      readonly text: string;
    }
  | { readonly kind: 'cells'; readonly cells: CellColumns }
  /** Well-formed, but not to be carried out: 500. */
  | { readonly kind: 'failed' };

const isText = (name: string): boolean => name === 'htname' || name === 'cname' || name === 'strval';
const NUMBERS: ReadonlySet<string> = new Set(['action', 'type', 'intval', 'mode', 'last_modified']);

const FAILED: HtablePlan = { kind: 'failed' };

/** What a body asks for; undefined when it cannot be used (400). */
export function readHtable(body: string): HtablePlan | undefined {
  if (hasFields(body)) {
    const cells = readFields(body);
    return cells && { kind: 'cells', cells };
  }
  const root = parseJson(body);
  if (!isObject(root)) return undefined;
  let first = true;
  for (const name in root) {
    if (first && name === 'cells') return readCells(root.cells);
    first = false;
    if (isText(name) ? typeof root[name] !== 'string' : !NUMBERS.has(name)) return undefined;
  }
  return first ? undefined : planOf(root);
}

function planOf(m: Readonly<Record<string, unknown>>): HtablePlan | undefined {
  const table = textOf(m.htname);
  const key = textOf(m.cname);
  switch (intOf(m.action)) {
    case ACTION.SYNC:
      return { kind: 'sync' };
    case ACTION.SET: {
      const value = cellValue(m);
      return value === undefined ? undefined : { kind: 'set', table, key, value };
    }
    case ACTION.EXPIRE:
      return { kind: 'expire', table, key, seconds: intOf(m.intval) };
    case ACTION.DELETE:
      return { kind: 'delete', table, key };
    case ACTION.DELETE_RE:
      return { kind: 'delete-re', table, by: byOf(m), text: textOf(m.strval) };
    case ACTION.DELETE_PREFIX:
      return { kind: 'delete-prefix', table, by: byOf(m), text: textOf(m.strval) };
    default:
      return FAILED;
  }
}

const textOf = (v: unknown): string => (typeof v === 'string' ? v : '');
const byOf = (m: Readonly<Record<string, unknown>>) => (intOf(m.mode) === 0 ? 'name' : 'value');

function cellValue(m: Readonly<Record<string, unknown>>): number | string | undefined {
  if ((intOf(m.type) & IS_STRING) !== 0) return typeof m.strval === 'string' ? m.strval : undefined;
  return typeof m.intval === 'number' ? intOf(m.intval) : undefined;
}

/** Cells that are none are left out: one bad cell does not cost the others. */
function readCells(list: unknown): HtablePlan | undefined {
  if (!Array.isArray(list)) return undefined;
  const tables: string[] = [];
  const keys: string[] = [];
  const values: (number | string)[] = [];
  const expires: number[] = [];
  const stamps: number[] = [];
  for (const item of list as readonly unknown[]) {
    if (!isObject(item)) continue;
    const value = cellValue(item);
    const { htname, cname, last_modified } = item;
    if (value === undefined || typeof htname !== 'string' || typeof cname !== 'string') continue;
    if (htname === '' || cname === '') continue;
    tables.push(htname);
    keys.push(cname);
    values.push(value);
    expires.push(intOf(item.expire));
    stamps.push(typeof last_modified === 'number' ? last_modified : 0);
  }
  return { kind: 'cells', cells: { tables, keys, values, expires, stamps } };
}

// ------------------------------------------------------------------- writing

const ESCAPED = /["\\\0-\x1f]/;

/** JSON of a latin1 text; most have nothing to escape. */
export function quoted(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function valueText(value: number | string): string {
  return typeof value === 'string' ? `"type":2,"strval":${quoted(value)}` : `"type":0,"intval":${value}`;
}

export const SYNC_REQUEST = '{"action":1}';

export function setText(table: string, key: string, value: number | string): string {
  return `{"action":2,"htname":${quoted(table)},"cname":${quoted(key)},${valueText(value)},"mode":1}`;
}

export function expireText(table: string, key: string, seconds: number): string {
  return `{"action":3,"htname":${quoted(table)},"cname":${quoted(key)},"type":0,"intval":${seconds},"mode":0}`;
}

export function deleteText(table: string, key: string): string {
  return `{"action":4,"htname":${quoted(table)},"cname":${quoted(key)},"mode":0}`;
}

export function removeText(
  action: 'delete-re' | 'delete-prefix',
  table: string,
  by: 'name' | 'value',
  text: string,
): string {
  const number = action === 'delete-re' ? ACTION.DELETE_RE : ACTION.DELETE_PREFIX;
  const mode = by === 'name' ? 0 : 1;
  return `{"action":${number},"htname":${quoted(table)},"type":2,"strval":${quoted(text)},"mode":${mode}}`;
}

export const NO_CELLS = '{"cells":[]}';

/** One item of `{"cells":[…]}`. */
export function cellText(quotedTable: string, key: string, value: number | string, expire: number): string {
  return `{"htname":${quotedTable},"cname":${quoted(key)},${valueText(value)},"expire":${expire}}`;
}

/** Cells of one table in the making, without stamps: those cost a 5.6.3 node a line of its log each. */
export class JsonWriter {
  readonly #table: string;
  readonly #items: string[] = [];
  /** Characters so far, about. */
  length = 0;

  constructor(table: string) {
    this.#table = quoted(table);
  }

  add(key: string, value: number | string, expire: number): void {
    const item = cellText(this.#table, key, value, expire);
    this.#items.push(item);
    this.length += item.length + 1;
  }

  get body(): string {
    return `{"cells":[${this.#items.join(',')}]}`;
  }
}
