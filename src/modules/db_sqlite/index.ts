/** Module db_sqlite: SQLite databases, a file each. */
import { isAbsolute, join } from 'node:path';
import { type Database, DbError } from '../../runtime/database.js';
import { defineModule, type Host, listParam } from '../../runtime/module.js';
import { SqlDatabase } from '../sql/database.js';
import { watchSlow } from '../sql/slow.js';

/** `/path=WAL` of the parameter db_set_journal_mode. */
const JOURNAL = /^(.*)=(\w+)$/s;

function journalOf(host: Host, file: string): string {
  const lines = (host.program.params('db_sqlite').db_set_journal_mode ?? []) as readonly string[];
  const found = lines.map((line) => JOURNAL.exec(line)).find((m) => m?.[1] === file);
  return found?.[2] ?? '';
}

const isReadOnly = (host: Host, file: string): boolean =>
  ((host.program.params('db_sqlite').db_set_readonly ?? []) as readonly string[]).includes(file);

/** Opens the file, which must be one; rejects with a DbError. */
export async function openSqlite(host: Host, place: string): Promise<Database> {
  if (place === '') throw new DbError('the database URL names no file');
  const file = isAbsolute(place) ? place : join('/', place);
  // the package is loaded only by who has a database of this kind
  const { dialect, SqliteClient } = await import('./client.js');
  try {
    return new SqlDatabase(
      watchSlow(host, new SqliteClient(file, journalOf(host, file), isReadOnly(host, file))),
      dialect,
    );
  } catch (e) {
    throw new DbError(`${file}: ${e instanceof Error ? e.message : String(e)}`, { cause: e });
  }
}

/** Opens a file of the server's own, which is made when it is not there, and runs `schema` on it. */
export async function openEmbedded(file: string, schema: string): Promise<Database> {
  const { dialect, SqliteClient } = await import('./client.js');
  try {
    const client = new SqliteClient(file, 'WAL');
    client.exec(schema);
    return new SqlDatabase(client, dialect);
  } catch (e) {
    throw new DbError(`${file}: ${e instanceof Error ? e.message : String(e)}`, { cause: e });
  }
}

export const dbSqlite = defineModule({
  name: 'db_sqlite',
  doc: 'SQLite databases: db_url "sqlite:///path/to/file".',
  params: {
    db_set_journal_mode: listParam('Journal of a file: /path/to/file=WAL.', (v) =>
      JOURNAL.test(v) ? undefined : '/path/to/file=WAL',
    ),
    db_set_readonly: listParam('A file that is never written, and not made where it is missing: /path/to/file.'),
  },
  database: { open: openSqlite },
});
