/** Where rows of the presentity table go: to the presence module, or into the table itself, as the C module of 5.1 does. */
import { type Database, type DbCondition, openDatabase } from '../../runtime/database.js';
import { type Host, stateKey } from '../../runtime/host.js';
import type { PresentityKey, PresentityRow } from './presence.js';

export interface PresentitySink {
  /** Puts `row` in the place of the rows that have the same of the columns in `key`. Rejects when it cannot. */
  replacePresentity(row: PresentityRow, key: PresentityKey): Promise<void>;
  close?(): Promise<void>;
}

/** The presence module, where it is loaded, keeps the table and tells the watchers. */
const PRESENCE = stateKey<PresentitySink>('presence');

/** Rejects when there is neither a presence module nor a database that can be opened. */
export async function openPresentities(host: Host, url: string | undefined, table: string): Promise<PresentitySink> {
  if (host.hasState(PRESENCE)) return host.state(PRESENCE);
  if (url === undefined) throw new Error('nsq_pua_publish needs modparam("nsq", "db_url", …)');
  return new PresentityTable(await openDatabase(host, url), table);
}

class PresentityTable implements PresentitySink {
  readonly #database: Database;
  readonly #table: string;
  /** One replacement after the other: two at once would both delete and then both insert. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: Database, table: string) {
    this.#database = database;
    this.#table = table;
  }

  replacePresentity(row: PresentityRow, key: PresentityKey): Promise<void> {
    const done = this.#last.then(() => this.#replace(row, key));
    this.#last = done.catch(() => {});
    return done;
  }

  async #replace({ receivedTime, ...row }: PresentityRow, key: PresentityKey): Promise<void> {
    const where = key.map((column): DbCondition => ({ column, op: '=', value: row[column] }));
    await this.#database.delete(this.#table, where);
    await this.#database.insert(this.#table, { ...row, received_time: receivedTime });
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#database.close();
  }
}
