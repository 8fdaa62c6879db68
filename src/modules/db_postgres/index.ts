/** Module db_postgres: PostgreSQL. */
import { type Database, DbError } from '../../runtime/database.js';
import { defineModule, type Host, intParam, listParam } from '../../runtime/module.js';
import { SqlDatabase } from '../sql/database.js';
import { watchSlow } from '../sql/slow.js';
import { parsePlace } from '../sql/url.js';
import type { PostgresSettings } from './client.js';

const SECOND = 1000;
const DEFAULT_TIMEOUT = 10;

interface ConnectionParams {
  readonly timeout: number;
  readonly tcp_keepalive: number;
  readonly con_param: readonly string[];
}

const SETTING = /^\s*(\w+)\s*=(.*)$/s;
const CON_PARAMS: ReadonlySet<string> = new Set(['application_name', 'options', 'connect_timeout']);

/** What the parameters ask for, as the client takes it. */
export function connectionSettings({ timeout, tcp_keepalive, con_param }: ConnectionParams): PostgresSettings {
  const given = new Map(con_param.map((text) => SETTING.exec(text)).map((m) => [m?.[1] ?? '', m?.[2]?.trim() ?? '']));
  const name = given.get('application_name');
  const options = given.get('options');
  return {
    connectionTimeoutMillis: (timeout || Number(given.get('connect_timeout') ?? 0) || DEFAULT_TIMEOUT) * SECOND,
    ...(tcp_keepalive > 0 ? { keepAlive: true, keepAliveInitialDelayMillis: tcp_keepalive * SECOND } : {}),
    ...(name === undefined ? {} : { application_name: name }),
    ...(options === undefined ? {} : { options }),
  };
}

async function open(host: Host, place: string): Promise<Database> {
  const params = host.program.params('db_postgres') as unknown as ConnectionParams;
  // the package is loaded only by who has a database of this kind
  const { dialect, PostgresClient } = await import('./client.js');
  const client = new PostgresClient(parsePlace(place), connectionSettings(params));
  const db = new SqlDatabase(watchSlow(host, client), dialect);
  try {
    await db.raw('SELECT 1');
  } catch (e) {
    await client.close();
    throw e instanceof DbError ? new DbError(`no connection to the PostgreSQL server: ${e.message}`, { cause: e }) : e;
  }
  return db;
}

export const dbPostgres = defineModule({
  name: 'db_postgres',
  doc: 'PostgreSQL: db_url "postgres://user:password@host/database".',
  params: {
    retries: intParam(2, 'Without effect: a lost connection is made anew.'),
    timeout: intParam(0, 'Seconds for a connection to be made; 0: 10.'),
    tcp_keepalive: intParam(0, 'Seconds of silence after which a connection is tried; 0: never.'),
    lockset: intParam(4, 'Without effect: nothing is locked here.'),
    bytea_output_escape: intParam(1, 'Without effect: both forms of bytea are read.'),
    con_param: listParam('Setting of the connections: application_name=…, options=…, connect_timeout=….', (text) => {
      const [, name = ''] = SETTING.exec(text) ?? [];
      return CON_PARAMS.has(name) ? undefined : `one of ${[...CON_PARAMS].join(', ')}, as name=value`;
    }),
  },
  database: { open },
});
