/** What the script and management commands do to a table: listeners are told first, then it is done. */
import type { Regex } from '../../runtime/regex.js';
import { cachedRegex } from '../../runtime/regex-cache.js';
import { parseInt32 } from '../../runtime/values.js';
import type { HtableState } from './state.js';
import type { Cell, Table } from './table.js';

export function put(state: HtableState, table: Table, key: string, value: number | string, lifetime = 0): void {
  if (state.isHeard(table)) {
    state.tell(table, {
      action: 'set',
      table: table.name,
      key,
      value,
      type: typeof value === 'number' ? 'int' : 'str',
    });
  }
  table.set(key, value, table.spec.autoexpire > 0 ? state.now() : 0, lifetime);
}

/** Sets value and lifetime: told as two changes. */
export function putWithLifetime(
  state: HtableState,
  table: Table,
  key: string,
  value: number | string,
  lifetime: number,
): void {
  if (state.isHeard(table)) {
    state.tell(table, {
      action: 'set',
      table: table.name,
      key,
      value,
      type: typeof value === 'number' ? 'int' : 'str',
    });
    state.tell(table, { action: 'expire', table: table.name, key, expiry: lifetime });
  }
  table.set(key, value, state.now(), lifetime);
}

export function remove(state: HtableState, table: Table, key: string): boolean {
  if (state.isHeard(table)) state.tell(table, { action: 'delete', table: table.name, key });
  return table.delete(key);
}

export function setLifetime(state: HtableState, table: Table, key: string, seconds: number): void {
  if (state.isHeard(table)) state.tell(table, { action: 'expire', table: table.name, key, expiry: seconds });
  table.setLifetime(key, seconds, state.now());
}

/** Adds and gives the new value; what is told is the result. */
export function add(state: HtableState, table: Table, key: string, step: number): number | null {
  const value = table.add(key, step, table.spec.autoexpire > 0 ? state.now() : 0);
  if (value === undefined) return null;
  if (state.isHeard(table)) state.tell(table, { action: 'set', table: table.name, key, value, type: 'int' });
  return value;
}

type By = 'name' | 'value';

/** Text of a cell that is looked at: its name, or its value if that is a text. */
function textOf(cell: Cell, by: By): string | undefined {
  if (by === 'name') return cell.key;
  return typeof cell.value === 'string' ? cell.value : undefined;
}

const LINES = { ignoreCase: true, newline: true };

/** False for a bad or empty expression. */
export function removeMatching(state: HtableState, table: Table, by: By, source: string): boolean {
  if (state.isHeard(table)) state.tell(table, { action: 'delete-re', table: table.name, by, value: source });
  return applyMatching(table, by, source);
}

/** Removes what matches without telling anybody: what a peer asks for. */
export function applyMatching(table: Table, by: By, source: string): boolean {
  const re = source === '' ? undefined : cachedRegex(source, LINES);
  if (re === undefined) return false;
  table.deleteWhere((cell) => matches(cell, by, re));
  return true;
}

function matches(cell: Cell, by: By, re: Regex): boolean {
  const text = textOf(cell, by);
  return text !== undefined && re.test(text);
}

export function removePrefixed(state: HtableState, table: Table, by: By, prefix: string): boolean {
  if (state.isHeard(table)) state.tell(table, { action: 'delete-prefix', table: table.name, by, value: prefix });
  return applyPrefixed(table, by, prefix);
}

/** Removes by prefix without telling anybody. */
export function applyPrefixed(table: Table, by: By, prefix: string): boolean {
  if (prefix === '') return false;
  table.deleteWhere((cell) => textOf(cell, by)?.startsWith(prefix) ?? false);
  return true;
}

/** Is there a cell whose name, or text value, is `eq`, `ne`, begins with (`sw`) or matches (`re`) the text? */
export function hasMatch(table: Table, by: By, operator: string, text: string): boolean {
  const test = textTest(operator, text);
  if (test === undefined || text === '') return false;
  for (const cell of table.cells.values()) {
    const own = textOf(cell, by);
    if (own !== undefined && test(own)) return true;
  }
  return false;
}

function textTest(operator: string, text: string): ((own: string) => boolean) | undefined {
  if (operator === 'eq') return (own) => own === text;
  if (operator === 'ne') return (own) => own !== text;
  if (operator === 'sw') return (own) => own.startsWith(text);
  if (operator !== 're') return undefined;
  const re = cachedRegex(text, LINES);
  return re === undefined ? undefined : (own) => re.test(own);
}

/** `$shtcn`, `$shtcv`: how many cells fit `~~re`, `%~prefix`, `~%suffix`, `==text`, `eqN`, `**`, or a bare expression. */
export function countMatching(table: Table, by: By, pattern: string): number {
  if (pattern === '') return 0;
  const operator = pattern.slice(0, 2);
  const rest = pattern.slice(2);
  if (operator === '**') return table.cells.size;
  const known = ['~~', '~%', '%~', '==', 'eq'].includes(operator);
  if (known && rest === '') return 0;
  if (operator === 'eq') return by === 'name' ? 0 : countWhere(table, (c) => c.value === (parseInt32(rest) ?? 0));
  const test = countTest(known ? operator : '~~', known ? rest : pattern);
  return test === undefined ? 0 : countWhere(table, (c) => test(textOf(c, by)));
}

function countTest(operator: string, text: string): ((own: string | undefined) => boolean) | undefined {
  if (operator === '~%') return (own) => own?.endsWith(text) ?? false;
  if (operator === '%~') return (own) => own?.startsWith(text) ?? false;
  if (operator === '==') return (own) => own === text;
  const re = cachedRegex(text, LINES);
  return re === undefined ? undefined : (own) => own !== undefined && re.test(own);
}

function countWhere(table: Table, test: (cell: Cell) => boolean): number {
  let n = 0;
  for (const cell of table.cells.values()) if (test(cell)) n++;
  return n;
}
