/** Tables that come out of a database and go back to it (ht_db.c). */
import {
  type Database,
  DbError,
  type DbRecord,
  type DbResult,
  type DbType,
  type DbValue,
  openDatabase,
} from '../../runtime/database.js';
import { type Host, LEVEL } from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import type { HtableParams } from './state.js';
import type { Table } from './table.js';

/** A cell as the database has it; `expire` is a second since the epoch, 0: the table's own rule. */
export interface StoredCell {
  readonly key: string;
  readonly value: number | string;
  readonly expire: number;
}

/** Value of the column of key types: the rows of one name are an array. */
const ARRAY = 1;

/** Opens the database of `db_url`, works with it, and closes it. Rejects with a DbError. */
export async function withDatabase<T>(host: Host, url: string, work: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase(host, url);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

const keepsExpiry = (table: Table, params: HtableParams) => table.spec.autoexpire > 0 && params.db_expires !== 0;

/** All cells of the database's table. */
export async function loadCells(db: Database, table: Table, params: HtableParams, now: number): Promise<StoredCell[]> {
  const { dbtable, cols } = table.spec;
  if (cols.length > 0) return packedCells(await db.query({ table: dbtable, columns: cols, orderBy: cols[0]! }));
  const columns = [params.key_name_column, params.key_type_column, params.value_type_column, params.key_value_column];
  if (keepsExpiry(table, params)) columns.push(params.expires_column);
  const result = await db.query({ table: dbtable, columns, orderBy: params.key_name_column });
  checkTypes(result, dbtable);
  const cells: StoredCell[] = [];
  const sizes = new Map<string, number>();
  for (const [name, keyType, valueType, content, expires] of result.rows) {
    const expire = Number(expires ?? 0);
    if (expire > 0 && expire < now) continue;
    let key = textOf(name, 'key', dbtable);
    if (keyType === ARRAY) {
      const at = sizes.get(key) ?? 0;
      sizes.set(key, at + 1);
      key = `${key}[${at}]`;
    }
    const value = textOf(content, 'value', dbtable);
    cells.push({ key, value: valueType === 1 ? (parseInt32(value) ?? 0) : value, expire });
  }
  for (const [key, size] of sizes) cells.push({ key: key + params.array_size_suffix, value: size, expire: 0 });
  return cells;
}

const TEXTS: readonly DbType[] = ['str', 'string', 'blob'];

function checkTypes({ columns, rows }: DbResult, table: string): void {
  if (rows.length === 0) return;
  const [key, keyType, valueType] = columns;
  if (key !== undefined && !TEXTS.includes(key.type)) throw new DbError(`${table}: key type must be string`);
  for (const column of [keyType, valueType])
    if (column !== undefined && column.type !== 'int')
      throw new DbError(`${table}: column ${column.name} must be int, it is ${column.type}`);
}

function textOf(value: DbValue | undefined, what: string, table: string): string {
  if (value === null || value === undefined) throw new DbError(`${table}: null ${what} in a row`);
  return String(value);
}

/** Attribute `cols`: all columns after the first make one text, a comma between them, an asterisk for null. */
function packedCells({ rows }: DbResult): StoredCell[] {
  return rows.map(([key, ...values]) => ({
    key: textOf(key, 'key', 'cols'),
    value: values.map((v) => (v === null ? '*' : String(v))).join(','),
    expire: 0,
  }));
}

/** Puts cells in the place of those that the table has. Nobody is told: each node of a bus reads the database itself. */
export function replaceCells(table: Table, cells: readonly StoredCell[], now: number): void {
  table.clear();
  for (const { key, value, expire } of cells) table.set(key, value, now, expire > now ? expire - now : 0);
}

/** Writes a table over what the database has of it. */
export async function storeCells(
  db: Database,
  host: Host,
  table: Table,
  params: HtableParams,
  now: number,
): Promise<void> {
  const { dbtable, autoexpire, cols } = table.spec;
  if (cols.length > 0) {
    host.log.write(LEVEL.WARN, 'htable', `saving htable [${table.name}] with custom db columns is not available`);
    return;
  }
  await db.delete(dbtable, []);
  for (const cell of table.inOrder()) {
    if (autoexpire > 0 && cell.expire <= now) continue;
    const record: DbRecord = {
      [params.key_name_column]: cell.key,
      [params.key_type_column]: 0,
      [params.value_type_column]: typeof cell.value === 'number' ? 1 : 0,
      [params.key_value_column]: String(cell.value),
      ...(keepsExpiry(table, params) ? { [params.expires_column]: cell.expire } : {}),
    };
    await insert(db, host, dbtable, record);
  }
}

/** A row that the database refuses is told; the others go on. */
async function insert(db: Database, host: Host, table: string, record: DbRecord): Promise<void> {
  try {
    await db.insert(table, record);
  } catch (e) {
    if (!(e instanceof DbError)) throw e;
    host.log.write(LEVEL.ERR, 'htable', `failed to store a key in table [${table}]: ${e.message}`);
  }
}
