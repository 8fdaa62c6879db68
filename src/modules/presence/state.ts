/** What a server keeps for module presence; the other files work on it. */
import type { Context } from '../../runtime/context.js';
import type { Database } from '../../runtime/database.js';
import { type Host, LEVEL, stateKey } from '../../runtime/host.js';
import { isInt, toInt } from '../../runtime/module.js';
import { sruid } from '../../runtime/sruid.js';
import { XavpList } from '../../runtime/xavp.js';
import { parseUri } from '../../sip/uri.js';
import { EventList } from './event.js';
import { Lanes } from './lanes.js';
import { type PresenceParams, PUBL_CACHE, presenceParams, SUBS_DB } from './params.js';
import { MemoryPresentities, type Presentity, type PresentityStore } from './presentity.js';
import { MemorySubscriptions, type Subscription, type SubscriptionStore } from './subscription.js';
import { PresentityTable, SubscriptionTable, WatcherTable } from './tables.js';

/** Told of each change of a published document that began here (module presence's peer on the DMQ bus). */
export type Replicate = (p: Readonly<Presentity>, change: Change) => void;

/** `etag`: the tag before. `expires`: seconds from now, 0 it is gone. */
export interface Change {
  readonly isNew: boolean;
  readonly etag: string;
  readonly expires: number;
}

/** Whoever hands rows of the presentity table over: module nsq. */
export interface Row {
  readonly event: string;
  readonly domain: string;
  readonly username: string;
  readonly etag: string;
  readonly sender: string;
  readonly body: string;
  readonly receivedTime: number;
  readonly expires: number;
  readonly priority: number;
}

export class Presence {
  readonly host: Host;
  readonly events = new EventList();
  readonly lanes = new Lanes();
  readonly newRuid: () => string;
  readonly database: Database | undefined;
  readonly presentities: PresentityStore;
  readonly subscriptions: SubscriptionStore;
  /** Missing where there is no database: then everybody may watch, as in Kamailio. */
  readonly watchers: WatcherTable | undefined;
  /** The subscription whose NOTIFY is being built: `$subs` in event_route[tm:local-request]. */
  inView: Subscription | undefined;
  replicate: Replicate | undefined;
  /** Puts a row in the place of others and tells the watchers; set by `index.ts`. */
  replacePresentity: (row: Row, key: readonly ('event' | 'domain' | 'username' | 'etag')[]) => Promise<void> =
    async () => {};
  #counter = 0;

  constructor(host: Host, database: Database | undefined) {
    this.host = host;
    this.database = database;
    const serverId = Number(host.program.core.values.get('server_id') ?? 0);
    this.newRuid = sruid({
      prefix: 'pres',
      serverId,
      now: host.clock.now(),
      pid: host.pid,
      random: () => host.random(),
    });
    const { presentity_table, watchers_table, publ_cache } = this.params;
    this.presentities =
      publ_cache === PUBL_CACHE.MEMORY || database === undefined
        ? new MemoryPresentities(() => this.#order())
        : new PresentityTable(database, presentity_table, () => this.#order());
    this.subscriptions = this.#openSubscriptions();
    this.watchers = database === undefined ? undefined : new WatcherTable(database, watchers_table);
  }

  get params(): PresenceParams {
    return presenceParams(this.host.program);
  }

  /** Seconds since the epoch. */
  now(): number {
    return Math.floor(this.host.clock.now() / 1000);
  }

  #order() {
    const { retrieve_order, retrieve_order_by, startup_mode } = this.params;
    const now = startup_mode === 0 ? undefined : this.now();
    return { byPriority: retrieve_order === 1, column: retrieve_order_by, now };
  }

  #openSubscriptions(): SubscriptionStore {
    const { subs_db_mode, active_watchers_table } = this.params;
    const now = () => this.now();
    const fold = (uri: string) => this.folded(uri);
    if (this.database === undefined || subs_db_mode === SUBS_DB.NONE) return new MemorySubscriptions(now, fold);
    const table = new SubscriptionTable(this.database, active_watchers_table, now);
    if (subs_db_mode === SUBS_DB.ONLY) return table;
    return new MemorySubscriptions(now, fold, { to: table, atOnce: subs_db_mode === SUBS_DB.WRITE_THROUGH });
  }

  /** What the database holds of subscriptions that are worked on in memory. */
  async restore(): Promise<void> {
    const { subscriptions, database } = this;
    if (!(subscriptions instanceof MemorySubscriptions) || database === undefined) return;
    const { subs_db_mode, active_watchers_table } = this.params;
    if (subs_db_mode === SUBS_DB.NONE) return;
    const table = new SubscriptionTable(database, active_watchers_table, () => this.now());
    for (const sub of await table.every()) subscriptions.restore(sub);
  }

  /** URIs that are the same by sip_uri_match give the same text. */
  folded(uri: string): string {
    return this.params.sip_uri_match === 1 ? uri.toLowerCase() : uri;
  }

  sameUri(a: string, b: string): boolean {
    return this.folded(a) === this.folded(b);
  }

  /** Everything about one presentity happens in order. */
  inLane<T>(presUri: string, work: () => Promise<T>): Promise<T> {
    return this.lanes.run(presUri.toLowerCase(), work);
  }

  /** As Kamailio makes them: a letter, when the server started, its pid, a counter, and how often it was refreshed. */
  newTag(refreshed: number): string {
    return `a.${Math.floor(this.host.startTime / 1000)}.${this.host.pid}.${++this.#counter}.${refreshed}`;
  }

  log(level: number, text: string): void {
    if (level <= this.host.log.level) this.host.log.write(level, 'presence', `${text}\n`);
  }

  error(what: string, e: unknown): void {
    this.log(LEVEL.ERR, `${what}: ${e instanceof Error ? e.message : String(e)}`);
  }
}

export const PRESENCE = stateKey<Presence>('presence');

export const presUri = (user: string, domain: string): string =>
  user === '' ? `sip:${domain}` : `sip:${user}@${domain}`;

/** User and host of a URI; undefined where it is none. */
export function userOf(uri: string): { readonly user: string; readonly domain: string } | undefined {
  const parsed = parseUri(uri);
  return parsed === undefined ? undefined : { user: parsed.user ?? '', domain: parsed.host };
}

/** A number of the XAVP that `xavp_cfg` names; undefined where it is not there. */
export function setting(ctx: Context, name: string): number | undefined {
  const root = presenceParams(ctx.program).xavp_cfg;
  if (root === null || root === '') return undefined;
  const value = ctx.env.xavps.fields(root)?.get(name)?.value;
  return value === undefined || value instanceof XavpList || !isInt(value) ? undefined : toInt(value);
}
