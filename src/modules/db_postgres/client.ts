/** PostgreSQL, by the package pg. */
import { createRequire } from 'node:module';
import type pg from 'pg';
import type { DbColumn, DbType, DbValue } from '../../runtime/database.js';
import type { Answer, Dialect, SqlClient, Statement } from '../sql/database.js';
import { fromDatabase, fromLocalTime, localTime } from '../sql/text.js';
import type { ServerPlace } from '../sql/url.js';

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Columns that no two rows of Kamailio's tables have alike, where there are any. */
const UNIQUE: ReadonlySet<string> = new Set(['ruid']);

export const dialect: Dialect = {
  quote,
  placeholder: (n) => `$${n}`,
  time: localTime,
  put(_table, columns) {
    const key = columns.find((c) => UNIQUE.has(c));
    if (key === undefined) return { head: 'INSERT INTO', tail: ' ON CONFLICT DO NOTHING' };
    const set = columns.map((c) => `${quote(c)} = EXCLUDED.${quote(c)}`).join(', ');
    return { head: 'INSERT INTO', tail: ` ON CONFLICT (${quote(key)}) DO UPDATE SET ${set}` };
  },
};

/** Numbers of PostgreSQL's own types. */
const TYPES: ReadonlyMap<number, DbType> = new Map([
  ...[16, 20, 21, 23, 26].map((n) => [n, 'int'] as const),
  ...[700, 701, 1700].map((n) => [n, 'double'] as const),
  ...[1082, 1114, 1184].map((n) => [n, 'datetime'] as const),
  [17, 'blob'],
]);

function asValue(text: string | null, type: DbType): DbValue {
  if (text === null) return null;
  if (type === 'datetime') return fromLocalTime(text);
  if (type === 'int') return text === 't' ? 1 : text === 'f' ? 0 : Number(text);
  if (type === 'double') return Number(text);
  if (type === 'blob') return Buffer.from(text.replace(/^\\x/, ''), 'hex').toString('latin1');
  return fromDatabase(text);
}

/** Values as the server wrote them. */
const RAW = { getTypeParser: () => (text: string | null) => text };
const CONNECTIONS = 4;

/** Of its connections. */
export type PostgresSettings = Pick<
  pg.PoolConfig,
  'connectionTimeoutMillis' | 'keepAlive' | 'keepAliveInitialDelayMillis' | 'application_name' | 'options'
>;

export class PostgresClient implements SqlClient {
  readonly #pool: pg.Pool;

  constructor({ user, password, host, port, database }: ServerPlace, settings: PostgresSettings) {
    // Loaded with the first connection: most servers have none, and start sooner without it.
    const { Pool } = createRequire(import.meta.url)('pg') as typeof pg;
    this.#pool = new Pool({
      host,
      port: port || 5432,
      database,
      max: CONNECTIONS,
      ...settings,
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { password }),
    });
    // an idle connection that is lost is made anew when it is needed
    this.#pool.on('error', () => undefined);
  }

  async run({ sql, values }: Statement): Promise<Answer> {
    const query = { text: sql, values: [...values], rowMode: 'array' as const, types: RAW };
    const result = await this.#pool.query<(string | null)[]>(query);
    const columns = (result.fields ?? []).map(
      (f): DbColumn => ({ name: f.name, type: TYPES.get(f.dataTypeID) ?? 'string' }),
    );
    const rows = result.rows.map((row) => row.map((v, i) => asValue(v, columns[i]!.type)));
    return { columns, rows, changed: result.rowCount ?? 0 };
  }

  async runAll(statements: readonly Statement[]): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      for (const { sql, values } of statements) await client.query(sql, [...values]);
      await client.query('COMMIT');
    } catch (e) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw e;
    } finally {
      client.release();
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
