/** Module db_postgres: PostgreSQL. */
import { type Database, DbError } from '../../runtime/database.js';
import { defineModule, type Host, intParam, listParam } from '../../runtime/module.js';
import { SqlDatabase } from '../sql/database.js';
import { watchSlow } from '../sql/slow.js';
import { parsePlace } from '../sql/url.js';

const SECOND = 1000;
const DEFAULT_TIMEOUT = 10;

async function open(host: Host, place: string): Promise<Database> {
  const { timeout } = host.program.params('db_postgres') as { timeout: number };
  // the package is loaded only by who has a database of this kind
  const { dialect, PostgresClient } = await import('./client.js');
  const client = new PostgresClient(parsePlace(place), (timeout || DEFAULT_TIMEOUT) * SECOND);
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
    tcp_keepalive: intParam(0, 'Without effect.'),
    lockset: intParam(4, 'Without effect.'),
    bytea_output_escape: intParam(1, 'Without effect.'),
    con_param: listParam('Without effect: settings of connections such as application_name=kamailio.'),
  },
  database: { open },
});
