/** Kamailio's db1 interface over a database that speaks SQL. */
import {
  type Database,
  type DbColumn,
  type DbCondition,
  DbError,
  type DbInput,
  type DbQuery,
  type DbRecord,
  type DbResult,
  DbTime,
  type DbValue,
  type DbWrite,
  type RawResult,
} from '../../runtime/database.js';
import { toDatabase } from './text.js';

export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | number | null)[];
}

export interface Answer {
  readonly columns: readonly DbColumn[];
  readonly rows: readonly (readonly DbValue[])[];
  readonly changed: number;
}

/** A client of one kind of database. Methods reject with whatever its package throws. */
export interface SqlClient {
  run(statement: Statement): Promise<Answer>;
  /** In one transaction. */
  runAll(statements: readonly Statement[]): Promise<void>;
  close(): Promise<void>;
}

/** How one kind of SQL differs from the others. */
export interface Dialect {
  quote(name: string): string;
  /** For value number `n`, from 1. */
  placeholder(n: number): string;
  time(seconds: number): string | number;
  /** Head of an insert that takes the place of a row with the same key, or what follows its values. */
  put(table: string, columns: readonly string[]): { readonly head: string; readonly tail: string };
}

class Builder {
  readonly #dialect: Dialect;
  readonly values: (string | number | null)[] = [];

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  value(v: DbInput): string {
    if (v instanceof DbTime) this.values.push(this.#dialect.time(v.seconds));
    else this.values.push(typeof v === 'string' ? toDatabase(v) : v);
    return this.#dialect.placeholder(this.values.length);
  }

  where(conditions: readonly DbCondition[]): string {
    if (conditions.length === 0) return '';
    const terms = conditions.map(({ column, op, value }) => {
      const name = this.#dialect.quote(column);
      if (value === null) return `${name} IS ${op === '<>' ? 'NOT ' : ''}NULL`;
      return `${name} ${op} ${this.value(value)}`;
    });
    return ` WHERE ${terms.join(' AND ')}`;
  }
}

export class SqlDatabase implements Database {
  readonly #client: SqlClient;
  readonly #dialect: Dialect;

  constructor(client: SqlClient, dialect: Dialect) {
    this.#client = client;
    this.#dialect = dialect;
  }

  async query({ table, columns, where = [], orderBy }: DbQuery): Promise<DbResult> {
    const { quote } = this.#dialect;
    const b = new Builder(this.#dialect);
    const list = columns === undefined ? '*' : columns.map(quote).join(', ');
    const order = orderBy === undefined ? '' : ` ORDER BY ${quote(orderBy)}`;
    return await this.#run({ sql: `SELECT ${list} FROM ${quote(table)}${b.where(where)}${order}`, values: b.values });
  }

  async insert(table: string, record: DbRecord): Promise<void> {
    await this.#run(this.#statement({ kind: 'insert', table, record }));
  }

  async update(table: string, record: DbRecord, where: readonly DbCondition[]): Promise<number> {
    return (await this.#run(this.#statement({ kind: 'update', table, record, where }))).changed;
  }

  async delete(table: string, where: readonly DbCondition[]): Promise<number> {
    return (await this.#run(this.#statement({ kind: 'delete', table, where }))).changed;
  }

  async batch(writes: readonly DbWrite[]): Promise<void> {
    try {
      await this.#client.runAll(writes.map((w) => this.#statement(w)));
    } catch (e) {
      throw asDbError(e);
    }
  }

  async raw(statement: string): Promise<RawResult> {
    return await this.#run({ sql: toDatabase(statement), values: [] });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #run(statement: Statement): Promise<Answer> {
    try {
      return await this.#client.run(statement);
    } catch (e) {
      throw asDbError(e);
    }
  }

  #statement(write: DbWrite): Statement {
    const { quote } = this.#dialect;
    const b = new Builder(this.#dialect);
    const table = quote(write.table);
    if (write.kind === 'delete') return { sql: `DELETE FROM ${table}${b.where(write.where)}`, values: b.values };
    if (write.kind === 'update') {
      const set = Object.entries(write.record).map(([column, v]) => `${quote(column)} = ${b.value(v)}`);
      return { sql: `UPDATE ${table} SET ${set.join(', ')}${b.where(write.where)}`, values: b.values };
    }
    const columns = Object.keys(write.record);
    const values = Object.values(write.record).map((v) => b.value(v));
    const { head, tail } =
      write.kind === 'put' ? this.#dialect.put(write.table, columns) : { head: 'INSERT INTO', tail: '' };
    const sql = `${head} ${table} (${columns.map(quote).join(', ')}) VALUES (${values.join(', ')})${tail}`;
    return { sql, values: b.values };
  }
}

function asDbError(e: unknown): DbError {
  return e instanceof DbError ? e : new DbError(e instanceof Error ? e.message : String(e), { cause: e });
}
