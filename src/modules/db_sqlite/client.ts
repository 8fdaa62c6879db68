/** SQLite in this process, by the package libsql. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type Sqlite from 'libsql';
import type { DbColumn, DbType, DbValue } from '../../runtime/database.js';
import type { Answer, Dialect, SqlClient, Statement } from '../sql/database.js';
import { fromDatabase } from '../sql/text.js';

const DAY = 86_400;
/** The epoch as a Julian day. */
const EPOCH = 2_440_587.5;

/** Kamailio's db_sqlite keeps dates as Julian days. */
export const dialect: Dialect = {
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  placeholder: () => '?',
  time: (seconds) => seconds / DAY + EPOCH,
  put: () => ({ head: 'INSERT OR REPLACE INTO', tail: '' }),
};

/** The declared type decides, as in Kamailio; without one it is what the value is. */
function typeOf(declared: string | null): DbType | undefined {
  if (declared === null || declared === '') return undefined;
  const type = declared.toUpperCase();
  if (/TIME|DATE/.test(type)) return 'datetime';
  if (/INT|SERI/.test(type)) return 'int';
  if (/CHAR|CLOB/.test(type)) return 'string';
  if (type.includes('TEXT')) return 'str';
  if (/REAL|FLOA|DOUB/.test(type)) return 'double';
  return type.includes('BLOB') ? 'blob' : 'int';
}

function typeOfValue(value: unknown): DbType {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'double';
  return value instanceof Uint8Array ? 'blob' : 'str';
}

function asValue(value: unknown, type: DbType): DbValue {
  if (value === null || value === undefined) return null;
  if (type === 'datetime')
    return typeof value === 'number' ? Math.round((value - EPOCH) * DAY) : utcSeconds(`${value}`);
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : fromDatabase(`${value}`);
}

function utcSeconds(text: string): number {
  const ms = Date.parse(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}

/** Milliseconds for which another process may hold the file. */
const BUSY = 5000;

export class SqliteClient implements SqlClient {
  readonly #db: InstanceType<typeof Sqlite>;
  readonly #prepared = new Map<string, Sqlite.Statement<unknown[]>>();

  /** `journal`: WAL, DELETE …; '' as the file has it. Throws what SQLite says. */
  constructor(file: string, journal: string, readonly = false) {
    // Loaded with the first connection: most servers have none, and start sooner without it.
    const Database = createRequire(import.meta.url)('libsql') as typeof Sqlite;
    if (readonly && !existsSync(file)) throw new Error('unable to open database file');
    this.#db = new Database(file, { timeout: BUSY });
    if (journal !== '') this.#db.exec(`PRAGMA journal_mode=${journal}`);
    // what was committed is on the disk, also after the power failed
    this.#db.exec('PRAGMA synchronous=FULL');
    if (readonly) this.#db.exec('PRAGMA query_only=ON');
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  #statement(sql: string): Sqlite.Statement<unknown[]> {
    let known = this.#prepared.get(sql);
    if (known === undefined) {
      known = this.#db.prepare<unknown[]>(sql);
      this.#prepared.set(sql, known);
    }
    return known;
  }

  async run({ sql, values }: Statement): Promise<Answer> {
    const statement = values.length === 0 ? this.#db.prepare<unknown[]>(sql) : this.#statement(sql);
    if (!statement.reader) {
      const { changes } = statement.run(...values);
      return { columns: [], rows: [], changed: changes };
    }
    const raw = statement.raw(true).all(...values) as unknown[][];
    const columns = statement.columns().map((c, i): DbColumn => {
      const type = typeOf(c.type) ?? typeOfValue(raw[0]?.[i]);
      return { name: c.name, type };
    });
    return { columns, rows: raw.map((row) => row.map((v, i) => asValue(v, columns[i]!.type))), changed: 0 };
  }

  async runAll(statements: readonly Statement[]): Promise<void> {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (const { sql, values } of statements) this.#statement(sql).run(...values);
      this.#db.exec('COMMIT');
    } catch (e) {
      this.#db.exec('ROLLBACK');
      throw e;
    }
  }

  async close(): Promise<void> {
    this.#prepared.clear();
    this.#db.close();
  }
}
