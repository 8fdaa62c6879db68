/** MySQL and MariaDB, by the package mysql2. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { createPool, Pool } from 'mysql2/promise';
import type { DbColumn, DbType, DbValue } from '../../runtime/database.js';
import type { Answer, Dialect, SqlClient, Statement } from '../sql/database.js';
import { fromDatabase, fromLocalTime, localTime } from '../sql/text.js';
import type { ServerPlace } from '../sql/url.js';

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

export const dialect: Dialect = {
  quote,
  placeholder: () => '?',
  time: localTime,
  put: (_table, columns) => ({
    head: 'INSERT INTO',
    tail: ` ON DUPLICATE KEY UPDATE ${columns.map((c) => `${quote(c)} = VALUES(${quote(c)})`).join(', ')}`,
  }),
};

/** Numbers of column types in the protocol of MySQL. DECIMAL (246) is a text, as in Kamailio. */
const TYPES: ReadonlyMap<number, DbType> = new Map([
  ...[1, 2, 3, 8, 9, 13, 16].map((n) => [n, 'int'] as const),
  ...[0, 4, 5].map((n) => [n, 'double'] as const),
  ...[7, 10, 12, 14, 17, 18].map((n) => [n, 'datetime'] as const),
]);
const BLOBS = [249, 250, 251, 252];
/** Character set of bytes. */
const BINARY = 63;

interface Field {
  readonly name: string;
  readonly columnType?: number | undefined;
  readonly characterSet?: number | undefined;
}

function columnOf({ name, columnType, characterSet }: Field): DbColumn {
  const type = TYPES.get(columnType ?? -1);
  if (type !== undefined) return { name, type };
  return { name, type: BLOBS.includes(columnType ?? -1) || characterSet === BINARY ? 'blob' : 'string' };
}

function asValue(value: unknown, type: DbType): DbValue {
  if (value === null || value === undefined) return null;
  if (type === 'datetime') return fromLocalTime(`${value}`);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (type === 'int' || type === 'double') return Number(value);
  return fromDatabase(`${value}`);
}

/** Where the C client goes for localhost. */
const SOCKETS = ['/run/mysqld/mysqld.sock', '/var/run/mysqld/mysqld.sock', '/tmp/mysql.sock'];
const CONNECTIONS = 4;

export class MysqlClient implements SqlClient {
  readonly #pool: Pool;

  constructor({ user, password, host, port, database }: ServerPlace, timeout: number) {
    const socketPath = host === 'localhost' && port === 0 ? SOCKETS.find((s) => existsSync(s)) : undefined;
    // Loaded with the first connection: most servers have none, and start sooner without it.
    const mysql = createRequire(import.meta.url)('mysql2/promise') as { createPool: typeof createPool };
    this.#pool = mysql.createPool({
      ...(socketPath === undefined
        ? { host: host === 'localhost' ? '127.0.0.1' : host, port: port || 3306 }
        : { socketPath }),
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { password }),
      database,
      connectionLimit: CONNECTIONS,
      connectTimeout: timeout,
      dateStrings: true,
      rowsAsArray: true,
      charset: 'utf8mb4',
    });
  }

  async run({ sql, values }: Statement): Promise<Answer> {
    const [result, fields] = await this.#pool.query({ sql, values: [...values] });
    if (!Array.isArray(result)) return { columns: [], rows: [], changed: changedBy(result) };
    const columns = ((fields ?? []) as readonly Field[]).map(columnOf);
    const rows = (result as unknown as unknown[][]).map((row) =>
      row.map((v, i) => asValue(v, columns[i]?.type ?? 'str')),
    );
    return { columns, rows, changed: rows.length };
  }

  async runAll(statements: readonly Statement[]): Promise<void> {
    const connection = await this.#pool.getConnection();
    try {
      await connection.beginTransaction();
      for (const { sql, values } of statements) await connection.query(sql, [...values]);
      await connection.commit();
    } catch (e) {
      await connection.rollback().catch(() => undefined);
      throw e;
    } finally {
      connection.release();
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

function changedBy(result: unknown): number {
  return typeof result === 'object' && result !== null && 'affectedRows' in result ? Number(result.affectedRows) : 0;
}
