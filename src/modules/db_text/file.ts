/** The text of a db_text table: a line of columns, then a line for each row. */
import type { DbType, DbValue } from '../../runtime/database.js';

export interface TextColumn {
  readonly name: string;
  readonly type: DbType;
  readonly nullable: boolean;
  /** An int that counts by itself where a row has none. */
  readonly auto: boolean;
}

export interface TextTable {
  readonly columns: readonly TextColumn[];
  readonly rows: DbValue[][];
}

export interface TextFormat {
  /** One character between the fields of a row. */
  readonly delimiter: string;
  /** An empty text is a text, not a null. */
  readonly emptyString: boolean;
}

export type TextResult = { readonly ok: TextTable } | { readonly error: string };

/** `name(type[,attribute])`; only the first letters of type and attribute count. */
const COLUMN = /[ ]*([^ (\n]*)[ ]*\([ ]*([sidbt])([^\n),]*)(?:,[ ]*([na])[^\n)]*)?\)[ ]*/iy;

const TYPES: Readonly<Record<string, DbType>> = { i: 'int', d: 'double', b: 'blob', t: 'datetime' };

/** `string` is told from `str` by a letter i. */
function typeOf(letter: string, rest: string): DbType {
  return TYPES[letter] ?? (/i/i.test(rest) ? 'string' : 'str');
}

function parseColumns(line: string): TextColumn[] | undefined {
  const out: TextColumn[] = [];
  COLUMN.lastIndex = 0;
  while (COLUMN.lastIndex < line.length) {
    const m = COLUMN.exec(line);
    if (m === null) return undefined;
    const [, name = '', letter = '', rest = '', attribute = ''] = m;
    const type = typeOf(letter.toLowerCase(), rest);
    const auto = attribute.toLowerCase() === 'a';
    if (auto && (type !== 'int' || out.some((c) => c.auto))) return undefined;
    out.push({ name, type, nullable: attribute.toLowerCase() === 'n', auto });
  }
  return out.length === 0 ? undefined : out;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '0': '\0' };

/** Fields of a row as they are written, escapes and all. */
function split(line: string, delimiter: string): string[] {
  const out: string[] = [];
  let from = 0;
  for (let at = 0; at <= line.length; at++) {
    if (line[at] === '\\') at++;
    else if (at === line.length || line[at] === delimiter) {
      out.push(line.slice(from, at));
      from = at + 1;
    }
  }
  return out;
}

function parseValue(text: string, type: DbType, format: TextFormat): DbValue | undefined {
  if (text === '') return format.emptyString && !isNumeric(type) ? '' : null;
  if (type === 'int' || type === 'datetime') return /^-?\d+$/.test(text) ? Number(text) | 0 : undefined;
  if (type === 'double') return /^-?\d+(\.\d*)?$/.test(text) ? Number(text) : undefined;
  return unescaped(text, format.delimiter);
}

function unescaped(text: string, delimiter: string): string | undefined {
  if (!text.includes('\\')) return text;
  let wrong = false;
  const out = text.replace(/\\([\s\S]?)/g, (_all, c: string) => {
    if (c === delimiter) return c;
    const known = ESCAPES[c];
    if (known === undefined) wrong = true;
    return known ?? '';
  });
  return wrong ? undefined : out;
}

export const isNumeric = (type: DbType) => type === 'int' || type === 'double' || type === 'datetime';

/** Greatest number of a column, and what comes after it. */
export function nextNumber(table: TextTable, column: number): number {
  return table.rows.reduce((most, row) => Math.max(most, Number(row[column] ?? 0)), 0) + 1;
}

export function parseTable(text: string, format: TextFormat): TextResult {
  const [head = '', ...lines] = text.split('\n');
  const columns = parseColumns(head);
  if (columns === undefined) return { error: 'line 1: not a list of columns such as id(int,auto) name(string)' };
  const table: TextTable = { columns, rows: [] };
  for (const [i, line] of lines.entries()) {
    if (line === '') continue;
    const row = parseRow(line, table, format);
    if (typeof row === 'string') return { error: `line ${i + 2}: ${row}` };
    table.rows.push(row);
  }
  return { ok: table };
}

/** The row, or what is wrong with it. */
function parseRow(line: string, table: TextTable, format: TextFormat): DbValue[] | string {
  const { columns } = table;
  const fields = split(line, format.delimiter);
  // A delimiter may end the line.
  if (fields.length === columns.length + 1 && fields.at(-1) === '') fields.pop();
  if (fields.length !== columns.length) return `${fields.length} fields for ${columns.length} columns`;
  const row: DbValue[] = [];
  for (const [i, column] of columns.entries()) {
    const value = parseValue(fields[i] ?? '', column.type, format);
    if (value === undefined) return `column ${column.name}: '${fields[i]}' is no ${column.type}`;
    row.push(value);
  }
  return complete(row, table) ?? row;
}

/** Fills in numbers that count by themselves; a text when a column may not be null. */
export function complete(row: DbValue[], table: TextTable): string | undefined {
  for (const [i, column] of table.columns.entries()) {
    if (row[i] !== null || column.nullable) continue;
    if (!column.auto) return `column ${column.name}: null value not allowed`;
    row[i] = nextNumber(table, i);
  }
  return undefined;
}

/** The text of a table, as `parseTable` reads it. */
export function printTable(table: TextTable, format: TextFormat): string {
  const rows = table.rows.map((row) => row.map((value) => printValue(value, format)).join(format.delimiter));
  return `${[printHead(table.columns), ...rows].join('\n')}\n`;
}

function printHead(columns: readonly TextColumn[]): string {
  return columns.map((c) => `${c.name}(${c.type === 'datetime' ? 'time' : c.type}${attribute(c)})`).join(' ');
}

/** The lines of a result, as 5.6.3 prints one: doubles with two digits. */
export function printResult(columns: readonly TextColumn[], rows: readonly (readonly DbValue[])[], format: TextFormat) {
  const cell = (value: DbValue, i: number) =>
    columns[i]?.type === 'double' && typeof value === 'number' ? value.toFixed(2) : printValue(value, format);
  return [`${printHead(columns)}\n`, ...rows.map((row) => row.map(cell).join(format.delimiter))];
}

function attribute(column: TextColumn): string {
  if (column.nullable) return ',null';
  return column.auto ? ',auto' : '';
}

const WRITTEN: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\', '\0': '\\0' };

function printValue(value: DbValue, format: TextFormat): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  let out = '';
  for (const c of value) out += WRITTEN[c] ?? (c === format.delimiter ? `\\${c}` : c);
  return out;
}
