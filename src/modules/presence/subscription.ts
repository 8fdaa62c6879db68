/** One subscription, and where subscriptions are kept. */
import type { Proto } from '../../sip/transport.js';

export const STATUS = { ACTIVE: 1, PENDING: 2, TERMINATED: 3, WAITING: 4, POLITE_BLOCK: 5 } as const;

const STATUS_NAMES: Readonly<Record<number, string>> = {
  [STATUS.ACTIVE]: 'active',
  [STATUS.PENDING]: 'pending',
  [STATUS.TERMINATED]: 'terminated',
  [STATUS.WAITING]: 'waiting',
};

export function statusName(status: number): string {
  return STATUS_NAMES[status] ?? 'pending';
}

export const POLITE_BLOCK = 'polite-block';
export const TIMEOUT = 'timeout';

/** `from` is the watcher's side of the dialog, `to` ours. */
export interface Subscription {
  readonly presUri: string;
  readonly toUser: string;
  readonly toDomain: string;
  readonly fromUser: string;
  readonly fromDomain: string;
  readonly watcherUser: string;
  readonly watcherDomain: string;
  /** Name of the event package. */
  readonly event: string;
  readonly eventId: string;
  readonly toTag: string;
  readonly fromTag: string;
  readonly callId: string;
  remoteCseq: number;
  /** One less than the CSeq of the last NOTIFY, 0 before the first: as Kamailio counts. */
  localCseq: number;
  contact: string;
  readonly localContact: string;
  readonly recordRoute: string;
  /** Seconds since the epoch. */
  expires: number;
  status: number;
  reason: string;
  version: number;
  /** `udp:127.0.0.1:5060`: the socket that got the SUBSCRIBE. */
  readonly socket: string;
  readonly flags: number;
  readonly userAgent: string;
}

export type DialogKey = Pick<Subscription, 'callId' | 'toTag' | 'fromTag'>;

export interface SubscriptionStore {
  find(key: DialogKey): Promise<Subscription | undefined>;
  /** Of one presentity and event package, oldest first; those that have expired are left out. */
  of(presUri: string, event: string): Promise<readonly Subscription[]>;
  add(sub: Subscription): Promise<void>;
  /** Keeps what was changed on it. */
  change(sub: Subscription): Promise<void>;
  remove(key: DialogKey): Promise<void>;
  /** Those that ended before `seconds`. */
  expired(seconds: number): Promise<readonly Subscription[]>;
  /** Writes what was not written yet. */
  flush(): Promise<void>;
}

export const dialogKey = ({ callId, toTag, fromTag }: DialogKey): string => `${callId}\0${toTag}\0${fromTag}`;

/** Where else a subscription in memory goes. */
export interface SubscriptionBackup {
  put(sub: Subscription): Promise<void>;
  remove(key: DialogKey): Promise<void>;
}

/** Subscriptions in memory, and in a database beside it: at once, or when `flush` is called. */
export class MemorySubscriptions implements SubscriptionStore {
  readonly #now: () => number;
  readonly #fold: (uri: string) => string;
  readonly #backup: SubscriptionBackup | undefined;
  readonly #atOnce: boolean;
  readonly #byDialog = new Map<string, Subscription>();
  readonly #byUri = new Map<string, Set<Subscription>>();
  readonly #changed = new Set<Subscription>();

  /** `now`: seconds since the epoch. `fold`: what makes two URIs the same. */
  constructor(
    now: () => number,
    fold: (uri: string) => string,
    backup?: { readonly to: SubscriptionBackup; readonly atOnce: boolean },
  ) {
    this.#now = now;
    this.#fold = fold;
    this.#backup = backup?.to;
    this.#atOnce = backup?.atOnce ?? false;
  }

  get size(): number {
    return this.#byDialog.size;
  }

  #uriKey(presUri: string, event: string): string {
    return `${this.#fold(presUri)}\0${event}`;
  }

  /** Takes in one that the database holds. */
  restore(sub: Subscription): void {
    this.#byDialog.set(dialogKey(sub), sub);
    const key = this.#uriKey(sub.presUri, sub.event);
    const there = this.#byUri.get(key);
    if (there === undefined) this.#byUri.set(key, new Set([sub]));
    else there.add(sub);
  }

  async find(key: DialogKey): Promise<Subscription | undefined> {
    return this.#byDialog.get(dialogKey(key));
  }

  async of(presUri: string, event: string): Promise<readonly Subscription[]> {
    const now = this.#now();
    return [...(this.#byUri.get(this.#uriKey(presUri, event)) ?? [])].filter((s) => s.expires >= now);
  }

  async add(sub: Subscription): Promise<void> {
    this.restore(sub);
    await this.change(sub);
  }

  async change(sub: Subscription): Promise<void> {
    if (this.#backup === undefined || !this.#byDialog.has(dialogKey(sub))) return;
    if (this.#atOnce) await this.#backup.put(sub);
    else this.#changed.add(sub);
  }

  async remove(key: DialogKey): Promise<void> {
    const sub = this.#byDialog.get(dialogKey(key));
    if (sub === undefined) return;
    this.#byDialog.delete(dialogKey(key));
    this.#changed.delete(sub);
    const uri = this.#uriKey(sub.presUri, sub.event);
    const there = this.#byUri.get(uri);
    there?.delete(sub);
    if (there?.size === 0) this.#byUri.delete(uri);
    await this.#backup?.remove(key);
  }

  async expired(seconds: number): Promise<readonly Subscription[]> {
    return [...this.#byDialog.values()].filter((s) => s.expires < seconds);
  }

  async flush(): Promise<void> {
    for (const sub of [...this.#changed]) {
      this.#changed.delete(sub);
      if (this.#byDialog.has(dialogKey(sub))) await this.#backup?.put(sub);
    }
  }
}

/** Transport of the socket text. */
export function socketParts(text: string): { proto: Proto; host: string; port: number } | undefined {
  const m = /^([a-z]+):(.+):(\d+)$/.exec(text);
  return m === null ? undefined : { proto: m[1] as Proto, host: m[2] ?? '', port: Number(m[3]) };
}
