/** Databases as modules see them: Kamailio's db1 interface, of which a driver module such as db_text gives one kind. */
import type { Host } from './host.js';

export type DbType = 'int' | 'double' | 'str' | 'string' | 'blob' | 'datetime';

/** Text and blobs have one character for each byte; a datetime is seconds since the epoch. */
export type DbValue = string | number | null;

export interface DbColumn {
  readonly name: string;
  readonly type: DbType;
}

/** A point in time, for columns of dates, which take it in their own way. Queries give seconds. */
export class DbTime {
  readonly seconds: number;
  constructor(seconds: number) {
    this.seconds = seconds;
  }
}

/** What may be written, and compared with. */
export type DbInput = DbValue | DbTime;

/** For databases without dates of their own. */
export function plainValue(value: DbInput): DbValue {
  return value instanceof DbTime ? value.seconds : value;
}

export interface DbCondition {
  readonly column: string;
  readonly op: '=' | '<' | '>' | '<=' | '>=' | '<>';
  readonly value: DbInput;
}

export interface DbQuery {
  readonly table: string;
  /** Left out: all, in the order of the table. */
  readonly columns?: readonly string[];
  /** All of them must hold. */
  readonly where?: readonly DbCondition[];
  /** Column to order by, ascending. */
  readonly orderBy?: string;
}

export interface DbResult {
  readonly columns: readonly DbColumn[];
  readonly rows: readonly (readonly DbValue[])[];
}

export type DbRecord = Readonly<Record<string, DbInput>>;

/** One change of several. `put`: an insert that takes the place of a row with the same key. */
export type DbWrite =
  | { readonly kind: 'insert' | 'put'; readonly table: string; readonly record: DbRecord }
  | {
      readonly kind: 'update';
      readonly table: string;
      readonly record: DbRecord;
      readonly where: readonly DbCondition[];
    }
  | { readonly kind: 'delete'; readonly table: string; readonly where: readonly DbCondition[] };

/** What a statement of the caller's own gives. */
export interface RawResult extends DbResult {
  /** Rows that it changed; for a question, as the database counts: those that it gave, or none. */
  readonly changed: number;
}

/** An open database. All methods reject with a DbError. */
export interface Database {
  query(query: DbQuery): Promise<DbResult>;
  insert(table: string, record: DbRecord): Promise<void>;
  /** How many rows were changed. */
  update(table: string, record: DbRecord, where: readonly DbCondition[]): Promise<number>;
  /** How many rows are gone. */
  delete(table: string, where: readonly DbCondition[]): Promise<number>;
  /** All of them, or none where one fails. Missing: they are made one by one. */
  batch?(writes: readonly DbWrite[]): Promise<void>;
  /** A statement in the database's own language. Missing: it has none. */
  raw?(statement: string): Promise<RawResult>;
  close(): Promise<void>;
}

/** Makes changes in order: all or none where the database can do that. */
export async function writeAll(db: Database, writes: readonly DbWrite[]): Promise<void> {
  if (db.batch !== undefined) return await db.batch(writes);
  for (const w of writes) {
    if (w.kind === 'update') await db.update(w.table, w.record, w.where);
    else if (w.kind === 'delete') await db.delete(w.table, w.where);
    else await db.insert(w.table, w.record);
  }
}

/** What a module `db_NAME` offers for URLs that begin with `NAME:`. */
export interface DatabaseDriver {
  /** `place` is the URL without its scheme and the two slashes. */
  open(host: Host, place: string): Promise<Database>;
}

/** A database that is not there, or a question that it cannot answer. */
export class DbError extends Error {}

/** Name of the module that a URL such as `text:///var/db` wants; undefined where it is no URL. */
export function driverOf(url: string): string | undefined {
  const scheme = /^([A-Za-z0-9_]+):/.exec(url)?.[1];
  return scheme === undefined ? undefined : `db_${scheme}`;
}

/** Opens the database of a URL by the driver module that the script has loaded. Rejects with a DbError. */
export async function openDatabase(host: Host, url: string): Promise<Database> {
  const name = driverOf(url);
  if (name === undefined) throw new DbError(`'${url}' is no database URL such as text:///var/lib/db`);
  const driver = host.module(name)?.database;
  if (driver === undefined) throw new DbError(`the database ${url} wants module ${name}, which is not loaded`);
  if (host.sandbox?.isolated) return NOTHING;
  const db = await driver.open(host, url.slice(url.indexOf(':') + 1).replace(/^\/\//, ''));
  const versions = host.program.core.values.get('version_table');
  if (typeof versions === 'string') VERSION_TABLES.set(db, versions);
  return db;
}

const VERSION_TABLES = new WeakMap<Database, string>();

/** Name of the table in which the versions of the others stand: version_table. */
export function versionTableOf(db: Database): string {
  return VERSION_TABLES.get(db) ?? 'version';
}

/** A database without a row, for scripts that are tried out and must leave nothing behind. */
const NOTHING: Database = {
  query: () => Promise.resolve({ columns: [], rows: [] }),
  insert: () => Promise.resolve(),
  update: () => Promise.resolve(0),
  delete: () => Promise.resolve(0),
  raw: () => Promise.resolve({ columns: [], rows: [], changed: 0 }),
  close: () => Promise.resolve(),
};
