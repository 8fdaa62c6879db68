/** Dialogs in a database: db_mode 1 writes at once, 2 by a timer, 3 at the end of the server. */
import { join } from 'node:path';
import { type Database, type DbWrite, openDatabase, writeAll } from '../../runtime/database.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { openEmbedded } from '../db_sqlite/index.js';
import { checkTableVersion } from '../sql/version.js';
import { type Dialog, STATE } from './dialog.js';
import { DB_MODE, DEFAULT_URL, type DialogParams } from './params.js';
import { restore } from './restore.js';
import { columnNames, dialogOf, type Names, readColumns, removalOf, writesFor } from './rows.js';
import type { DialogChange, DialogStorage, Dialogs } from './state.js';

/** Writes of one transaction. */
const MOST = 500;
const VERSION = 7;
const VARS_VERSION = 1;

export class Storage implements DialogStorage {
  readonly #ds: Dialogs;
  readonly #db: Database;
  readonly #names: Names;
  readonly #mode: number;
  /** Dialogs whose rows are behind. */
  readonly #dirty = new Set<Dialog>();
  #queue: DbWrite[] = [];
  #running: Promise<void> | undefined;
  #planned = false;

  constructor(ds: Dialogs, db: Database) {
    this.#ds = ds;
    this.#db = db;
    this.#names = columnNames(ds.params);
    this.#mode = ds.params.db_mode;
  }

  get #params(): DialogParams {
    return this.#ds.params;
  }

  changed(dialog: Dialog, change: DialogChange): void {
    if (change === 'sent' || this.#mode === DB_MODE.SHUTDOWN) return;
    if (change === 'removed' || dialog.state === STATE.DELETED) {
      this.#dirty.delete(dialog);
      if (!dialog.stored) return;
      dialog.stored = false;
      this.#queue.push(...removalOf(dialog, this.#names, this.#params));
      this.#plan();
      return;
    }
    if (dialog.isCopy && change === 'state') return;
    this.#dirty.add(dialog);
    if (this.#mode === DB_MODE.REALTIME) this.#plan();
  }

  /** What happens within one turn of the loop is written once. */
  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      if (this.#mode === DB_MODE.REALTIME) this.#collect();
      this.#start();
    });
  }

  #collect(): void {
    for (const dialog of this.#dirty) {
      this.#dirty.delete(dialog);
      if (isWorthIt(dialog)) this.#queue.push(...writesFor(dialog, this.#names, this.#params));
    }
  }

  /** db_mode 2: the timer. */
  flush(): void {
    this.#collect();
    this.#start();
  }

  #start(): void {
    if (this.#running !== undefined || this.#queue.length === 0) return;
    this.#running = this.#run();
    this.#ds.host.detach(this.#running, 'dialog: writing to the database');
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const writes = this.#queue.splice(0, MOST);
      await writeAll(this.#db, writes).catch(() => this.#oneByOne(writes));
    }
    this.#running = undefined;
  }

  /** The transaction failed: what can be written is. */
  async #oneByOne(writes: readonly DbWrite[]): Promise<void> {
    for (const write of writes) {
      await writeAll(this.#db, [write]).catch((e: unknown) => {
        this.#ds.error(`failed to write to the database: ${e instanceof Error ? e.message : String(e)}`);
      });
    }
  }

  async load(callId?: string): Promise<number> {
    const { dialog: names } = this.#names;
    const where = callId === undefined ? [] : [{ column: names.callid, op: '=' as const, value: callId }];
    const { rows } = await this.#db.query({
      table: this.#params.table_name,
      columns: readColumns(this.#names),
      where,
    });
    const loaded: Dialog[] = [];
    for (const row of rows) {
      const found = dialogOf(this.#ds.host, row);
      if (found !== undefined && restore(this.#ds, found)) loaded.push(found.dialog);
    }
    if (loaded.length > 0) await this.#loadVars(loaded, callId !== undefined);
    return loaded.length;
  }

  async #loadVars(loaded: readonly Dialog[], few: boolean): Promise<void> {
    const n = this.#names.vars;
    const columns = [n.hash_entry, n.hash_id, n.dialog_key, n.dialog_value];
    const byKey = new Map(loaded.map((d) => [d.key, d]));
    const entries = few ? [...new Set(loaded.map((d) => d.entry))] : [undefined];
    for (const entry of entries) {
      const where = entry === undefined ? [] : [{ column: n.hash_entry, op: '=' as const, value: entry }];
      const { rows } = await this.#db.query({ table: this.#params.vars_table_name, columns, where });
      for (const [at, id, name, value] of rows) byKey.get(`${at}:${id}`)?.vars.set(`${name}`, `${value}`);
    }
  }

  /** At start. db_mode 3 takes the rows over and leaves none. */
  async loadAll(): Promise<void> {
    await this.load();
    if (this.#mode !== DB_MODE.SHUTDOWN) return;
    await this.#db.delete(this.#params.table_name, []);
    await this.#db.delete(this.#params.vars_table_name, []);
    for (const dialog of this.#ds.table) dialog.stored = false;
  }

  async close(): Promise<void> {
    if (this.#mode === DB_MODE.SHUTDOWN) for (const dialog of this.#ds.table) this.#dirty.add(dialog);
    this.flush();
    await this.#running;
    await this.#db.close();
  }
}

/** From the 2xx on. */
function isWorthIt(dialog: Dialog): boolean {
  return dialog.linked && dialog.isAnswered;
}

/** Opens what db_url names, and takes in what it holds. Rejects with a DbError where a table cannot be read. */
export async function openStorage(ds: Dialogs): Promise<Storage> {
  const { host, params } = ds;
  const isOwn = params.db_url === DEFAULT_URL && host.module('db_mysql') === undefined;
  const db = isOwn ? await openOwn(host, params) : await openDatabase(host, params.db_url);
  if (!isOwn) {
    await checkTableVersion(db, params.table_name, VERSION);
    await checkTableVersion(db, params.vars_table_name, VARS_VERSION);
  }
  const storage = new Storage(ds, db);
  if (params.db_skip_load === 0) await storage.loadAll();
  return storage;
}

const OWN_FILE = 'dialog.sqlite';

/** db_mode asks for a database and the script names none: an embedded one, beside the control sockets. */
async function openOwn(host: Host, params: DialogParams): Promise<Database> {
  const file = join(host.runtimeDir ?? '.', OWN_FILE);
  host.log.write(LEVEL.NOTICE, 'dialog', `no db_url and no db_mysql: dialogs are kept in ${file}\n`);
  const { dialog, vars } = columnNames(params);
  return await openEmbedded(file, schemaOf(params.table_name, dialog) + schemaOf(params.vars_table_name, vars));
}

const INTEGERS: ReadonlySet<string> = new Set([
  'hash_entry',
  'hash_id',
  'start_time',
  'state',
  'timeout',
  'sflags',
  'iflags',
]);

function schemaOf(table: string, names: Readonly<Record<string, string>>): string {
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const columns = Object.entries(names).map(([c, name]) => `${quote(name)} ${INTEGERS.has(c) ? 'INTEGER' : 'VARCHAR'}`);
  const index = `${quote(names.hash_entry ?? 'hash_entry')}, ${quote(names.hash_id ?? 'hash_id')}`;
  return (
    `CREATE TABLE IF NOT EXISTS ${quote(table)} (id INTEGER PRIMARY KEY NOT NULL, ${columns.join(', ')});` +
    `CREATE INDEX IF NOT EXISTS ${quote(`${table}_hash_idx`)} ON ${quote(table)} (${index});`
  );
}
