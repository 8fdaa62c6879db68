/** The tables presentity, active_watchers and watchers, as Kamailio's schema has them. */
import type { Database, DbCondition, DbRecord, DbValue } from '../../runtime/database.js';
import type { Verdict, Watcher } from './event.js';
import type { Presentity, PresentityKey, PresentityMatch, PresentityOrder, PresentityStore } from './presentity.js';
import type { DialogKey, Subscription, SubscriptionBackup, SubscriptionStore } from './subscription.js';

export const VERSIONS = { presentity: 5, activeWatchers: 12, watchers: 3, xcap: 4 } as const;

const text = (v: DbValue | undefined): string => (v === null || v === undefined ? '' : `${v}`);
const number = (v: DbValue | undefined): number => (v === null || v === undefined ? 0 : Number(v) || 0);

function equal(record: Readonly<Record<string, string | number | undefined>>): DbCondition[] {
  const given = Object.entries(record).filter((e): e is [string, string | number] => e[1] !== undefined);
  return given.map(([column, value]) => ({ column, op: '=', value }));
}

// ---------------------------------------------------------------- presentity

const PRESENTITY_COLUMNS = [
  'username',
  'domain',
  'event',
  'etag',
  'expires',
  'received_time',
  'body',
  'sender',
  'priority',
  'ruid',
] as const;

function presentityOf(row: readonly DbValue[]): Presentity {
  const [user, domain, event, etag, expires, received, body, sender, priority, ruid] = row;
  return {
    user: text(user),
    domain: text(domain),
    event: text(event),
    etag: text(etag),
    expires: number(expires),
    receivedTime: number(received),
    body: text(body),
    sender: text(sender),
    priority: number(priority),
    ruid: text(ruid),
  };
}

function presentityRow(p: Presentity): DbRecord {
  return {
    username: p.user,
    domain: p.domain,
    event: p.event,
    etag: p.etag,
    expires: p.expires,
    received_time: p.receivedTime,
    body: p.body,
    sender: p.sender,
    priority: p.priority,
    ruid: p.ruid,
  };
}

const presentityKey = ({ user, domain, event }: PresentityKey, etag?: string): DbCondition[] =>
  equal({ domain, username: user, event, etag });

export interface TableOrder extends PresentityOrder {
  readonly column: string;
}

export class PresentityTable implements PresentityStore {
  readonly #db: Database;
  readonly #table: string;
  readonly #order: () => TableOrder;

  constructor(db: Database, table: string, order: () => TableOrder) {
    this.#db = db;
    this.#table = table;
    this.#order = order;
  }

  async #select(where: readonly DbCondition[], orderBy = 'received_time'): Promise<Presentity[]> {
    const { rows } = await this.#db.query({ table: this.#table, columns: PRESENTITY_COLUMNS, where, orderBy });
    return rows.map(presentityOf);
  }

  async find(key: PresentityKey, etag: string): Promise<Presentity | undefined> {
    return (await this.#select(presentityKey(key, etag)))[0];
  }

  async findByRuid(ruid: string): Promise<Presentity | undefined> {
    return (await this.#select(equal({ ruid })))[0];
  }

  async all(key: PresentityKey): Promise<readonly Presentity[]> {
    const { byPriority, now, column } = this.#order();
    const found = await this.#select(presentityKey(key), byPriority ? column : 'received_time');
    return now === undefined ? found : found.filter((p) => p.expires <= 0 || p.expires > now);
  }

  async add(p: Presentity): Promise<void> {
    await this.#db.insert(this.#table, presentityRow(p));
  }

  async change(p: Presentity, etag: string): Promise<void> {
    await this.#db.update(this.#table, presentityRow(p), presentityKey(p, etag));
  }

  async remove(p: Presentity): Promise<void> {
    await this.#db.delete(this.#table, presentityKey(p, p.etag));
  }

  async matching(match: PresentityMatch): Promise<readonly Presentity[]> {
    return await this.#select(equal({ ...match }));
  }

  async expired(seconds: number): Promise<readonly Presentity[]> {
    return await this.#select([
      { column: 'expires', op: '<', value: seconds },
      { column: 'expires', op: '>', value: 0 },
    ]);
  }

  async every(): Promise<readonly Presentity[]> {
    return await this.#select([]);
  }
}

// ------------------------------------------------------------- active_watchers

const SUBSCRIPTION_COLUMNS = [
  'presentity_uri',
  'to_user',
  'to_domain',
  'from_user',
  'from_domain',
  'watcher_username',
  'watcher_domain',
  'event',
  'event_id',
  'to_tag',
  'from_tag',
  'callid',
  'remote_cseq',
  'local_cseq',
  'contact',
  'local_contact',
  'record_route',
  'expires',
  'status',
  'reason',
  'version',
  'socket_info',
  'flags',
  'user_agent',
] as const;

function subscriptionOf(row: readonly DbValue[]): Subscription {
  const [presUri, toUser, toDomain, fromUser, fromDomain, watcherUser, watcherDomain, event, eventId, ...more] = row;
  const [toTag, fromTag, callId, remoteCseq, localCseq, contact, localContact, recordRoute, expires, ...last] = more;
  const [status, reason, version, socket, flags, userAgent] = last;
  return {
    presUri: text(presUri),
    toUser: text(toUser),
    toDomain: text(toDomain),
    fromUser: text(fromUser),
    fromDomain: text(fromDomain),
    watcherUser: text(watcherUser),
    watcherDomain: text(watcherDomain),
    event: text(event),
    eventId: text(eventId),
    toTag: text(toTag),
    fromTag: text(fromTag),
    callId: text(callId),
    remoteCseq: number(remoteCseq),
    localCseq: number(localCseq),
    contact: text(contact),
    localContact: text(localContact),
    recordRoute: text(recordRoute),
    expires: number(expires),
    status: number(status),
    reason: text(reason),
    version: number(version),
    socket: text(socket),
    flags: number(flags),
    userAgent: text(userAgent),
  };
}

/** `updated` and `updated_winfo` are for notifier processes: -1, nothing to do for them. */
function subscriptionRow(s: Subscription): DbRecord {
  return {
    presentity_uri: s.presUri,
    callid: s.callId,
    to_tag: s.toTag,
    from_tag: s.fromTag,
    to_user: s.toUser,
    to_domain: s.toDomain,
    from_user: s.fromUser,
    from_domain: s.fromDomain,
    watcher_username: s.watcherUser,
    watcher_domain: s.watcherDomain,
    event: s.event,
    event_id: s.eventId,
    local_cseq: s.localCseq,
    remote_cseq: s.remoteCseq,
    expires: s.expires,
    status: s.status,
    reason: s.reason,
    record_route: s.recordRoute,
    contact: s.contact,
    local_contact: s.localContact,
    version: s.version,
    socket_info: s.socket,
    updated: -1,
    updated_winfo: -1,
    flags: s.flags,
    user_agent: s.userAgent,
  };
}

const ofDialog = ({ callId, toTag, fromTag }: DialogKey): DbCondition[] =>
  equal({ callid: callId, to_tag: toTag, from_tag: fromTag });

/** All operations go to the database; also what stands behind subscriptions in memory. */
export class SubscriptionTable implements SubscriptionStore, SubscriptionBackup {
  readonly #db: Database;
  readonly #table: string;
  readonly #now: () => number;

  constructor(db: Database, table: string, now: () => number) {
    this.#db = db;
    this.#table = table;
    this.#now = now;
  }

  async #select(where: readonly DbCondition[]): Promise<Subscription[]> {
    const query = { table: this.#table, columns: SUBSCRIPTION_COLUMNS, where, orderBy: 'id' };
    return (await this.#db.query(query)).rows.map(subscriptionOf);
  }

  async find(key: DialogKey): Promise<Subscription | undefined> {
    return (await this.#select(ofDialog(key)))[0];
  }

  async of(presUri: string, event: string): Promise<readonly Subscription[]> {
    const since: DbCondition = { column: 'expires', op: '>=', value: this.#now() };
    return await this.#select([...equal({ presentity_uri: presUri, event }), since]);
  }

  async add(sub: Subscription): Promise<void> {
    await this.#db.insert(this.#table, subscriptionRow(sub));
  }

  async change(sub: Subscription): Promise<void> {
    await this.#db.update(this.#table, subscriptionRow(sub), ofDialog(sub));
  }

  async put(sub: Subscription): Promise<void> {
    const changed = await this.#db.update(this.#table, subscriptionRow(sub), ofDialog(sub));
    if (changed === 0 && (await this.find(sub)) === undefined) await this.add(sub);
  }

  async remove(key: DialogKey): Promise<void> {
    await this.#db.delete(this.#table, ofDialog(key));
  }

  async expired(seconds: number): Promise<readonly Subscription[]> {
    return await this.#select([{ column: 'expires', op: '<', value: seconds }]);
  }

  async every(): Promise<readonly Subscription[]> {
    return await this.#select([]);
  }

  async flush(): Promise<void> {}
}

// -------------------------------------------------------------------- watchers

export interface WatcherRow extends Watcher, Verdict {}

/** Who may watch whom: what the rules said, or a person decided. */
export class WatcherTable {
  readonly #db: Database;
  readonly #table: string;

  constructor(db: Database, table: string) {
    this.#db = db;
    this.#table = table;
  }

  async find(who: Watcher, event: string): Promise<Verdict | undefined> {
    const { rows } = await this.#db.query({
      table: this.#table,
      columns: ['status', 'reason'],
      where: this.#key(who, event),
    });
    const row = rows[0];
    return row === undefined ? undefined : { status: number(row[0]), reason: text(row[1]) };
  }

  #key(who: Watcher, event: string): DbCondition[] {
    const { presUri, watcherUser, watcherDomain } = who;
    return equal({
      presentity_uri: presUri,
      watcher_username: watcherUser,
      watcher_domain: watcherDomain,
      event,
    });
  }

  /** Those of one presentity. */
  async of(presUri: string, event: string): Promise<readonly WatcherRow[]> {
    const { rows } = await this.#db.query({
      table: this.#table,
      columns: ['watcher_username', 'watcher_domain', 'status', 'reason'],
      where: equal({ presentity_uri: presUri, event }),
    });
    return rows.map(([user, domain, status, reason]) => ({
      presUri,
      watcherUser: text(user),
      watcherDomain: text(domain),
      status: number(status),
      reason: text(reason),
    }));
  }

  async put(who: Watcher, event: string, { status, reason }: Verdict, now: number): Promise<void> {
    const key = this.#key(who, event);
    if ((await this.find(who, event)) !== undefined) {
      await this.#db.update(this.#table, { status, reason }, key);
      return;
    }
    const record = Object.fromEntries(key.map(({ column, value }) => [column, value]));
    await this.#db.insert(this.#table, { ...record, status, reason, inserted_time: now });
  }

  async removeOlder(status: number, seconds: number): Promise<void> {
    await this.#db.delete(this.#table, [
      { column: 'inserted_time', op: '<', value: seconds },
      { column: 'status', op: '=', value: status },
    ]);
  }
}
