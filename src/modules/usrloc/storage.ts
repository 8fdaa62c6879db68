/** Contacts in a database: written in order, many at a time. */
import { join } from 'node:path';
import {
  type Database,
  type DbCondition,
  DbTime,
  type DbWrite,
  openDatabase,
  writeAll,
} from '../../runtime/database.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { openEmbedded } from '../db_sqlite/index.js';
import { checkTableVersion } from '../sql/version.js';
import { attributeSchema, attributeWrites, readAttributes } from './attributes.js';
import type { Contact } from './contact.js';
import { DEFAULT_URL, type UsrlocParams, usrlocParams } from './params.js';
import { columnNames, contactOf, type Names, readColumns, rowOf, splitAor } from './rows.js';
import type { Storage } from './usrloc.js';

/** Changes that one transaction takes at most. */
const MOST = 500;

/** Someone who wants to know what became of the changes from one number to another. */
interface Waiting {
  readonly from: number;
  readonly to: number;
  readonly done: () => void;
  readonly failed: (e: unknown) => void;
}

export class DatabaseStorage implements Storage {
  readonly #host: Host;
  readonly #db: Database;
  readonly #names: Names;
  #queue: DbWrite[] = [];
  #waiting: Waiting[] = [];
  #running = false;
  /** How many changes were taken in, and how many of these are through, well or not. */
  #taken = 0;
  #through = 0;
  /** Up to which change someone waits. */
  #waitedFor = 0;
  readonly #failures = new Map<number, unknown>();

  constructor(host: Host, db: Database) {
    this.#host = host;
    this.#db = db;
    this.#names = columnNames(usrlocParams(host.program));
  }

  get #params(): UsrlocParams {
    return usrlocParams(this.#host.program);
  }

  write(kind: 'insert' | 'update' | 'delete', contact: Readonly<Contact>): void {
    const before = this.#queue.length;
    this.#queue.push(this.#change(kind, contact), ...attributeWrites(kind, contact, this.#params));
    this.#taken += this.#queue.length - before;
    this.#start();
  }

  #change(kind: 'insert' | 'update' | 'delete', contact: Readonly<Contact>): DbWrite {
    const table = contact.domain;
    const where = this.#sameRow(contact);
    if (kind === 'delete') return { kind, table, where };
    const record = rowOf(contact, this.#names, this.#params);
    // a row that is there already gives way: nothing that was answered 200 is refused for it
    if (kind === 'insert' || this.#params.db_update_as_insert !== 0) return { kind: 'put', table, record };
    const { [this.#names.ruid]: _ruid, ...rest } = record;
    return { kind: 'update', table, record: rest, where };
  }

  #sameRow(contact: Readonly<Contact>): readonly DbCondition[] {
    const n = this.#names;
    const byRuid: DbCondition = { column: n.ruid, op: '=', value: contact.ruid };
    if (this.#params.db_ops_ruid !== 0) return [byRuid];
    return [...this.#ofAor(contact.aor), { column: n.contact, op: '=', value: contact.uri }, byRuid];
  }

  #ofAor(aor: string): readonly DbCondition[] {
    const useDomain = this.#params.use_domain !== 0;
    const { user, domain } = splitAor(aor, useDomain);
    const byUser: DbCondition = { column: this.#names.username, op: '=', value: user };
    return useDomain ? [byUser, { column: this.#names.domain, op: '=', value: domain }] : [byUser];
  }

  /** About the changes since it was called last: a change of someone else's that fails is none of them. */
  written(): Promise<void> {
    const from = this.#waitedFor;
    const to = this.#taken;
    this.#waitedFor = to;
    return new Promise((done, failed) => {
      this.#waiting.push({ from, to, done, failed });
      this.#answer();
    });
  }

  #answer(): void {
    const due = this.#waiting.filter((w) => w.to <= this.#through);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter((w) => w.to > this.#through);
    for (const { from, to, done, failed } of due) {
      const wrong = [...this.#failures.keys()].find((n) => n > from && n <= to);
      if (wrong === undefined) done();
      else failed(this.#failures.get(wrong));
    }
    if (this.#waiting.length === 0) this.#failures.clear();
  }

  /** What comes within one turn of the loop, or while the database is busy, goes in one transaction. */
  #start(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => this.#host.detach(this.#run(), 'usrloc: writing to the database'));
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const writes = this.#queue.splice(0, MOST);
      try {
        await writeAll(this.#db, writes);
      } catch (e) {
        if (writes.length === 1) this.#fail(this.#through + 1, e);
        else await this.#oneByOne(writes);
      }
      this.#through += writes.length;
      this.#answer();
    }
    this.#running = false;
  }

  /** The transaction failed: what can be written is. */
  async #oneByOne(writes: readonly DbWrite[]): Promise<void> {
    for (const [i, write] of writes.entries()) {
      try {
        await writeAll(this.#db, [write]);
      } catch (e) {
        this.#fail(this.#through + i + 1, e);
      }
    }
  }

  #fail(change: number, e: unknown): void {
    this.#failures.set(change, e);
    const why = e instanceof Error ? e.message : String(e);
    this.#host.log.write(LEVEL.ERR, 'usrloc', `failed to write to the database: ${why}\n`);
  }

  async #select(table: string, where: readonly DbCondition[], aor?: string): Promise<Contact[]> {
    const { rows } = await this.#db.query({ table, columns: readColumns(this.#names), where });
    const contacts = rows.map((row) => contactOf(this.#host, table, row, this.#params)).filter((c) => c !== undefined);
    await readAttributes(this.#db, table, contacts, this.#params, aor);
    return contacts;
  }

  async read(domain: string, aor: string): Promise<readonly Contact[]> {
    return await this.#select(domain, this.#ofAor(aor), aor);
  }

  async readByRuid(domain: string, ruid: string): Promise<Contact | undefined> {
    const rows = await this.#db.query({
      table: domain,
      columns: readColumns(this.#names),
      where: [{ column: this.#names.ruid, op: '=', value: ruid }],
    });
    return rows.rows[0] && contactOf(this.#host, domain, rows.rows[0], this.#params);
  }

  async all(domain: string): Promise<readonly Contact[]> {
    const { server_id_filter } = this.#params;
    const serverId = Number(this.#host.program.core.values.get('server_id') ?? 0);
    return await this.#select(
      domain,
      server_id_filter === 0 ? [] : [{ column: this.#names.server_id, op: '=', value: serverId }],
    );
  }

  /** Rows whose contacts came by connections that a restart has ended. */
  async deleteConnections(domain: string): Promise<void> {
    await this.#db.delete(domain, [{ column: this.#names.connection_id, op: '>', value: 0 }]);
  }

  /** Rows that expired before `seconds`. */
  async deleteExpired(domain: string, seconds: number): Promise<void> {
    const time = (s: number) => (this.#params.expires_type === 1 ? s : new DbTime(s));
    await this.#db.delete(domain, [
      { column: this.#names.expires, op: '<', value: time(seconds + 1) },
      { column: this.#names.expires, op: '<>', value: time(0) },
    ]);
  }

  async close(): Promise<void> {
    await this.written().catch(() => undefined);
    await this.#db.close();
  }
}

/** Opens what db_url names. Rejects with a DbError where a table cannot be read. */
export async function openStorage(host: Host, tables: Iterable<string>): Promise<DatabaseStorage> {
  const params = usrlocParams(host.program);
  if (params.db_url === DEFAULT_URL && host.module('db_mysql') === undefined)
    return new DatabaseStorage(host, await openOwn(host, tables, params));
  const db = await openDatabase(host, params.db_url);
  for (const table of tables) if (params.version_table !== 0) await checkTableVersion(db, table, VERSION);
  return new DatabaseStorage(host, db);
}

/** Kamailio's number of the location table's shape. */
const VERSION = 9;
const OWN_FILE = 'location.sqlite';

/** db_mode asks for a database and the script names none: an embedded one, beside the control sockets. */
async function openOwn(host: Host, tables: Iterable<string>, params: UsrlocParams): Promise<Database> {
  const file = join(host.runtimeDir ?? '.', OWN_FILE);
  host.log.write(LEVEL.NOTICE, 'usrloc', `no db_url and no db_mysql: contacts are kept in ${file}\n`);
  const schema = [...tables].map((table) => tableSchema(table, columnNames(params)) + attributeSchema(table));
  return await openEmbedded(file, schema.join(''));
}

const INTEGERS: ReadonlySet<string> = new Set([
  'cseq',
  'flags',
  'cflags',
  'methods',
  'reg_id',
  'server_id',
  'connection_id',
  'keepalive',
  'partition',
]);
const DATES: ReadonlySet<string> = new Set(['expires', 'last_modified']);

function typeOf(column: string): string {
  if (INTEGERS.has(column)) return 'INTEGER';
  if (DATES.has(column)) return 'TIMESTAMP';
  return column === 'q' ? 'REAL' : 'VARCHAR';
}

/** The location table with the names that the parameters give its columns. */
function tableSchema(table: string, names: Names): string {
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const columns = Object.entries(names).map(([column, name]) => `${quoted(name)} ${typeOf(column)}`);
  const index = `CREATE INDEX IF NOT EXISTS ${quoted(`${table}_account_idx`)} ON ${quoted(table)} (${quoted(names.username)});`;
  const unique = `UNIQUE (${quoted(names.ruid)})`;
  return `CREATE TABLE IF NOT EXISTS ${quoted(table)} (id INTEGER PRIMARY KEY NOT NULL, ${columns.join(', ')}, ${unique});${index}`;
}
