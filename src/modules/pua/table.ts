/** Table `pua`: what this server has published elsewhere, so that a restart goes on with it. */
import type { Database, DbCondition, DbRecord, DbValue } from '../../runtime/database.js';

/** Kamailio's number of the table's shape. */
export const PUA_VERSION = 7;

/** Bits of column `event`, by the name of the event package. */
export const EVENT_BITS: Readonly<Record<string, number>> = {
  presence: 1,
  'presence.winfo': 2,
  'dialog;sla': 4,
  'message-summary': 8,
  conference: 16,
  dialog: 32,
  reg: 64,
  'xcap-diff': 128,
};

/** A document that was published elsewhere. */
export interface Published {
  readonly uri: string;
  /** Tells apart what is published for one URI. */
  readonly id: string;
  /** Name of the event package. */
  readonly event: string;
  /** Who publishes: bits of column `flag`. */
  readonly source: number;
  etag: string;
  /** When it ends there, seconds since the epoch. */
  expires: number;
  /** Until when it is to be kept there; 0 for good. */
  desired: number;
  version: number;
  readonly extraHeaders: string;
}

const COLUMNS = [
  'pres_uri',
  'pres_id',
  'event',
  'flag',
  'etag',
  'expires',
  'desired_expires',
  'version',
  'extra_headers',
];

const text = (v: DbValue | undefined): string => (v === null || v === undefined ? '' : `${v}`);
const number = (v: DbValue | undefined): number => Number(v ?? 0) || 0;

function publishedOf(row: readonly DbValue[]): Published | undefined {
  const [uri, id, event, source, etag, expires, desired, version, extraHeaders] = row;
  const name = Object.entries(EVENT_BITS).find(([, bit]) => bit === number(event))?.[0];
  if (name === undefined || text(etag) === '') return undefined;
  return {
    uri: text(uri),
    id: text(id),
    event: name,
    source: number(source),
    etag: text(etag),
    expires: number(expires),
    desired: number(desired),
    version: number(version),
    extraHeaders: text(extraHeaders),
  };
}

function rowOf(p: Published): DbRecord {
  return {
    pres_uri: p.uri,
    pres_id: p.id,
    event: EVENT_BITS[p.event] ?? 0,
    expires: p.expires,
    desired_expires: p.desired,
    flag: p.source,
    etag: p.etag,
    tuple_id: '',
    // what follows is of subscriptions
    watcher_uri: '',
    call_id: '',
    to_tag: '',
    from_tag: '',
    cseq: 0,
    record_route: '',
    contact: '',
    remote_contact: '',
    version: p.version,
    extra_headers: p.extraHeaders,
  };
}

function same(p: Published): DbCondition[] {
  return [
    { column: 'pres_uri', op: '=', value: p.uri },
    { column: 'pres_id', op: '=', value: p.id },
    { column: 'event', op: '=', value: EVENT_BITS[p.event] ?? 0 },
  ];
}

export class PuaTable {
  readonly #db: Database;
  readonly #table: string;

  constructor(db: Database, table: string) {
    this.#db = db;
    this.#table = table;
  }

  /** Rows of subscriptions are left alone. */
  async all(): Promise<readonly Published[]> {
    const where: DbCondition[] = [{ column: 'watcher_uri', op: '=', value: '' }];
    const { rows } = await this.#db.query({ table: this.#table, columns: COLUMNS, where });
    return rows.map(publishedOf).filter((p) => p !== undefined);
  }

  async put(p: Published): Promise<void> {
    if ((await this.#db.update(this.#table, rowOf(p), same(p))) > 0) return;
    await this.#db.delete(this.#table, same(p));
    await this.#db.insert(this.#table, rowOf(p));
  }

  async remove(p: Published): Promise<void> {
    await this.#db.delete(this.#table, same(p));
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}
