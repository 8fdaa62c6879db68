/** The tables of presence in an embedded database, where the script names none. */
import { join } from 'node:path';
import { type Database, openDatabase } from '../../runtime/database.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { openEmbedded } from '../db_sqlite/index.js';

const FILE = 'presence.sqlite';

const TEXT = "VARCHAR NOT NULL DEFAULT ''";
const INT = 'INTEGER NOT NULL DEFAULT 0';

type Columns = Readonly<Record<string, string>>;

const columns = (texts: readonly string[], ints: readonly string[]): Columns => ({
  ...Object.fromEntries(texts.map((name) => [name, TEXT])),
  ...Object.fromEntries(ints.map((name) => [name, INT])),
});

interface Table {
  readonly columns: Columns;
  readonly unique: readonly string[];
  readonly index: readonly string[];
}

/** By the parameter that names the table. */
export const TABLES = {
  presentity_table: {
    columns: {
      ...columns(['username', 'domain', 'event', 'etag', 'sender', 'ruid'], ['expires', 'received_time', 'priority']),
      body: "BLOB NOT NULL DEFAULT ''",
    },
    unique: ['username', 'domain', 'event', 'etag'],
    index: ['expires'],
  },
  active_watchers_table: {
    columns: columns(
      [
        'presentity_uri',
        'watcher_username',
        'watcher_domain',
        'to_user',
        'to_domain',
        'event',
        'event_id',
        'to_tag',
        'from_tag',
        'callid',
        'contact',
        'record_route',
        'reason',
        'socket_info',
        'local_contact',
        'from_user',
        'from_domain',
        'user_agent',
      ],
      ['local_cseq', 'remote_cseq', 'expires', 'status', 'version', 'updated', 'updated_winfo', 'flags'],
    ),
    unique: ['callid', 'to_tag', 'from_tag'],
    index: ['presentity_uri', 'event'],
  },
  watchers_table: {
    columns: columns(
      ['presentity_uri', 'watcher_username', 'watcher_domain', 'event', 'reason'],
      ['status', 'inserted_time'],
    ),
    unique: ['presentity_uri', 'watcher_username', 'watcher_domain', 'event'],
    index: ['presentity_uri'],
  },
  xcap_table: {
    columns: {
      ...columns(['username', 'domain', 'etag', 'doc_uri'], ['doc_type', 'source', 'port']),
      doc: "BLOB NOT NULL DEFAULT ''",
    },
    unique: ['doc_uri'],
    index: ['username', 'domain', 'doc_type'],
  },
} as const satisfies Readonly<Record<string, Table>>;

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function schemaOf(name: string, { columns: list, unique, index }: Table): string {
  const all = Object.entries(list).map(([column, type]) => `${quoted(column)} ${type}`);
  const table = `CREATE TABLE IF NOT EXISTS ${quoted(name)} (id INTEGER PRIMARY KEY NOT NULL, ${all.join(', ')}, UNIQUE (${unique.join(', ')}));`;
  return `${table}CREATE INDEX IF NOT EXISTS ${quoted(`${name}_idx`)} ON ${quoted(name)} (${index.join(', ')});`;
}

/** Opens what `url` names; without one, the embedded database with these tables. Rejects with a DbError. */
export async function openTables(
  host: Host,
  url: string | null,
  names: Readonly<Partial<Record<keyof typeof TABLES, string>>>,
): Promise<{ readonly db: Database; readonly embedded: boolean }> {
  if (url !== null && url !== '') return { db: await openDatabase(host, url), embedded: false };
  const schema = (Object.keys(TABLES) as (keyof typeof TABLES)[])
    .map((table) => (names[table] === undefined ? '' : schemaOf(names[table], TABLES[table])))
    .join('');
  // where there is no folder for control sockets there is nobody who would find the file again
  const file = host.runtimeDir === undefined ? ':memory:' : join(host.runtimeDir, FILE);
  host.log.write(LEVEL.NOTICE, 'presence', `no db_url: ${Object.values(names).join(', ')} are kept in ${file}\n`);
  return { db: await openEmbedded(file, schema), embedded: true };
}
