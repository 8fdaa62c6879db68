/** Module db_mysql: MySQL and MariaDB. */
import { type Database, DbError } from '../../runtime/database.js';
import { defineModule, type Host, intParam } from '../../runtime/module.js';
import { SqlDatabase } from '../sql/database.js';
import { watchSlow } from '../sql/slow.js';
import { parsePlace } from '../sql/url.js';

const SECOND = 1000;

async function open(host: Host, place: string): Promise<Database> {
  const { timeout_interval } = host.program.params('db_mysql') as { timeout_interval: number };
  // the package is loaded only by who has a database of this kind
  const { dialect, MysqlClient } = await import('./client.js');
  const client = new MysqlClient(parsePlace(place), timeout_interval * SECOND);
  const db = new SqlDatabase(watchSlow(host, client), dialect);
  try {
    await db.raw('SELECT 1');
  } catch (e) {
    await client.close();
    throw e instanceof DbError ? new DbError(`no connection to the MySQL server: ${e.message}`, { cause: e }) : e;
  }
  return db;
}

export const dbMysql = defineModule({
  name: 'db_mysql',
  doc: 'MySQL and MariaDB: db_url "mysql://user:password@host/database".',
  params: {
    ping_interval: intParam(300, 'Without effect: connections are looked after by the client.'),
    timeout_interval: intParam(2, 'Seconds for a connection to be made.'),
    auto_reconnect: intParam(1, 'Without effect: a lost connection is made anew.'),
    insert_delayed: intParam(0, 'Only 0 is taken.', (v) => (v === 0 ? undefined : 'insert_delayed is not supported')),
    update_affected_found: intParam(0, 'Without effect: rows that fit count as changed, as with 1.'),
    unsigned_type: intParam(0, 'Without effect: numbers are never cut.'),
    opt_ssl_mode: intParam(0, 'Only 0 is taken: connections are not encrypted.', (v) =>
      v === 0 ? undefined : 'encrypted connections are not supported',
    ),
    connect_timeout: intParam(2, 'Without effect: see timeout_interval.'),
    send_timeout: intParam(0, 'Without effect.'),
    receive_timeout: intParam(0, 'Without effect.'),
    retries: intParam(1, 'Without effect.'),
    server_timezone: intParam(0, 'Without effect: times are local.'),
  },
  database: { open },
});
