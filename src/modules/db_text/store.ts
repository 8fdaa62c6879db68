/** Tables of directories, kept in memory: what all connections of a server share. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Database,
  type DbCondition,
  DbError,
  type DbQuery,
  type DbRecord,
  type DbResult,
  type DbValue,
  plainValue,
  type RawResult,
} from '../../runtime/database.js';
import {
  complete,
  isNumeric,
  parseTable,
  printTable,
  type TextColumn,
  type TextFormat,
  type TextTable,
} from './file.js';
import { parseStatement, type TextStatement } from './statement.js';

interface Loaded {
  readonly table: TextTable;
  readonly file: string;
  /** Of the file when it was read or written, in milliseconds. */
  modified: number;
  changed: boolean;
}

export class TextStore {
  readonly #format: TextFormat;
  /** 0: a table is read once; 1: again whenever its file has changed, and written after each change. */
  readonly #mode: number;
  readonly #tables = new Map<string, Promise<Loaded>>();

  readonly #most: () => number;

  /** `most`: greatest number of rows of a result. */
  constructor(format: TextFormat, mode: number, most: () => number = () => Number.POSITIVE_INFINITY) {
    this.#format = format;
    this.#mode = mode;
    this.#most = most;
  }

  /** The rows that fit. A result that is full before the end of the table is none. */
  bounded<T>(rows: readonly T[], fits: (row: T) => boolean): T[] {
    const most = this.#most();
    const out: T[] = [];
    for (const [i, row] of rows.entries()) {
      if (!fits(row)) continue;
      if (out.push(row) === most && i < rows.length - 1)
        throw new DbError(`Truncated table at [${most}] rows. Please increase 'max_result_rows' param!`);
    }
    return out;
  }

  /** Rejects with a DbError. */
  async table(directory: string, name: string): Promise<Loaded> {
    const file = join(directory, name);
    const known = this.#tables.get(file);
    if (known !== undefined) {
      const loaded = await known;
      if (this.#mode === 0 || (await modified(file)) <= loaded.modified) return loaded;
    }
    const loading = this.#load(file);
    this.#tables.set(file, loading);
    try {
      return await loading;
    } catch (e) {
      this.#tables.delete(file);
      throw e;
    }
  }

  async #load(file: string): Promise<Loaded> {
    let text: string;
    const time = await modified(file);
    try {
      text = await readFile(file, 'latin1');
    } catch (e) {
      throw new DbError(`failed to open file [${file}]: ${(e as NodeJS.ErrnoException).code ?? String(e)}`);
    }
    const parsed = parseTable(text, this.#format);
    if ('error' in parsed) throw new DbError(`${file}: ${parsed.error}`);
    return { table: parsed.ok, file, modified: time, changed: false };
  }

  async changed(loaded: Loaded): Promise<void> {
    loaded.changed = true;
    if (this.#mode !== 0) await this.#write(loaded);
  }

  async #write(loaded: Loaded): Promise<void> {
    loaded.changed = false;
    try {
      await writeFile(loaded.file, printTable(loaded.table, this.#format), 'latin1');
    } catch (e) {
      loaded.changed = true;
      throw new DbError(`failed to write file [${loaded.file}]: ${(e as NodeJS.ErrnoException).code ?? String(e)}`);
    }
    loaded.modified = await modified(loaded.file);
  }

  /** Writes all tables that have changed. */
  async writeAll(): Promise<void> {
    for (const loading of this.#tables.values()) {
      const loaded = await loading;
      if (loaded.changed) await this.#write(loaded);
    }
  }
}

async function modified(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === undefined) throw e;
    return 0;
  }
}

/** Some rows, with what the table says of their columns. */
export interface TextRows extends DbResult {
  readonly columns: readonly TextColumn[];
}

/** A directory of tables. */
export class TextDatabase implements Database {
  readonly #store: TextStore;
  readonly #directory: string;

  constructor(store: TextStore, directory: string) {
    this.#store = store;
    this.#directory = directory;
  }

  async query({ table: name, columns, where = [], orderBy }: DbQuery): Promise<TextRows> {
    const { table } = await this.#store.table(this.#directory, name);
    const wanted = columns?.map((c) => indexOf(table, name, c)) ?? table.columns.map((_c, i) => i);
    const rows = this.#store.bounded(table.rows, matcher(table, name, where));
    if (orderBy !== undefined) {
      const by = indexOf(table, name, orderBy);
      rows.sort((a, b) => compare(a[by] ?? null, b[by] ?? null));
    }
    return {
      columns: wanted.map((i) => table.columns[i]!),
      rows: rows.map((row) => wanted.map((i) => row[i] ?? null)),
    };
  }

  async insert(name: string, record: DbRecord): Promise<void> {
    const loaded = await this.#store.table(this.#directory, name);
    const { table } = loaded;
    const row: DbValue[] = table.columns.map(() => null);
    for (const [i, value] of cells(table, name, record)) row[i] = value;
    const wrong = complete(row, table);
    if (wrong !== undefined) throw new DbError(`${name}: ${wrong}`);
    table.rows.push(row);
    await this.#store.changed(loaded);
  }

  async update(name: string, record: DbRecord, where: readonly DbCondition[]): Promise<number> {
    const loaded = await this.#store.table(this.#directory, name);
    const values = cells(loaded.table, name, record);
    const rows = loaded.table.rows.filter(matcher(loaded.table, name, where));
    for (const row of rows) for (const [i, value] of values) row[i] = value;
    if (rows.length > 0) await this.#store.changed(loaded);
    return rows.length;
  }

  async delete(name: string, where: readonly DbCondition[]): Promise<number> {
    const loaded = await this.#store.table(this.#directory, name);
    const { table } = loaded;
    const goes = matcher(table, name, where);
    const stay = table.rows.filter((row) => !goes(row));
    const gone = table.rows.length - stay.length;
    if (gone > 0) {
      table.rows.splice(0, table.rows.length, ...stay);
      await this.#store.changed(loaded);
    }
    return gone;
  }

  async raw(text: string): Promise<RawResult & TextRows> {
    const statement = parseStatement(text);
    if (statement === undefined) throw new DbError('error executing sql statement');
    if (statement.kind === 'select') {
      const result = await this.query(statement);
      return { ...result, changed: 0 };
    }
    const { kind, table, where } = statement;
    return {
      columns: [],
      rows: [],
      changed: kind === 'delete' ? await this.delete(table, where) : await this.#put(statement),
    };
  }

  /** Changes rows; `replace` makes one where none has the key. */
  async #put({ kind, table, values, where }: TextStatement & { kind: 'update' | 'replace' }): Promise<number> {
    const record = recordOf(values);
    const changed = await this.update(table, record, where);
    if (changed > 0 || kind === 'update') return changed;
    await this.insert(table, { ...recordOf(where), ...record });
    return 1;
  }

  async close(): Promise<void> {
    // The tables stay for the next connection.
  }
}

const recordOf = (terms: readonly DbCondition[]): DbRecord =>
  Object.fromEntries(terms.map(({ column, value }) => [column, value]));

function indexOf(table: TextTable, name: string, column: string): number {
  const at = table.columns.findIndex((c) => c.name.toLowerCase() === column.toLowerCase());
  if (at < 0) throw new DbError(`table ${name} has no column ${column}`);
  return at;
}

/** Values of a record with the place of their column. */
function cells(table: TextTable, name: string, record: DbRecord): [at: number, value: DbValue][] {
  return Object.entries(record).map(([column, given]) => {
    const value = plainValue(given);
    const at = indexOf(table, name, column);
    const { type } = table.columns[at]!;
    if (value !== null && isNumeric(type) !== (typeof value === 'number'))
      throw new DbError(`${name}.${column}: ${typeof value} for a column of type ${type}`);
    return [at, value];
  });
}

/** Null is less than anything. */
function compare(a: DbValue, b: DbValue): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [x, y] = [String(a), String(b)];
  if (x === y) return 0;
  return x < y ? -1 : 1;
}

const HOLDS: Readonly<Record<DbCondition['op'], (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<': (order) => order < 0,
  '>': (order) => order > 0,
  '<=': (order) => order <= 0,
  '>=': (order) => order >= 0,
  '<>': (order) => order !== 0,
};

function matcher(table: TextTable, name: string, where: readonly DbCondition[]): (row: readonly DbValue[]) => boolean {
  const tests = where.map(({ column, op, value }) => ({
    at: indexOf(table, name, column),
    holds: HOLDS[op],
    value: plainValue(value),
  }));
  return (row) => tests.every(({ at, holds, value }) => holds(compare(row[at] ?? null, value)));
}
