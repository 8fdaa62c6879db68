/** Published documents, and where they are kept. */

export interface Presentity {
  readonly user: string;
  readonly domain: string;
  /** Name of the event package. */
  readonly event: string;
  etag: string;
  /** Seconds since the epoch; 0 and below: it stays. */
  expires: number;
  /** Seconds since the epoch. */
  receivedTime: number;
  body: string;
  sender: string;
  priority: number;
  readonly ruid: string;
}

export type PresentityKey = Pick<Presentity, 'user' | 'domain' | 'event'>;

/** Columns that rows to be removed have in common. */
export interface PresentityMatch {
  readonly event: string;
  readonly domain?: string;
  readonly username?: string;
  readonly etag?: string;
}

export interface PresentityStore {
  find(key: PresentityKey, etag: string): Promise<Presentity | undefined>;
  findByRuid(ruid: string): Promise<Presentity | undefined>;
  /** In the order in which bodies are put together: the first is added last. */
  all(key: PresentityKey): Promise<readonly Presentity[]>;
  add(p: Presentity): Promise<void>;
  /** Keeps what was changed on `p`, which was found as `etag`. */
  change(p: Presentity, etag: string): Promise<void>;
  remove(p: Presentity): Promise<void>;
  /** Those with these columns. */
  matching(match: PresentityMatch): Promise<readonly Presentity[]>;
  /** Those that ended before `seconds`. */
  expired(seconds: number): Promise<readonly Presentity[]>;
  /** All there are, for the RPC. */
  every(): Promise<readonly Presentity[]>;
}

export const hasExpired = (p: Presentity, now: number): boolean => p.expires > 0 && p.expires <= now;

const keyOf = ({ user, domain, event }: PresentityKey): string => `${user}\0${domain}\0${event}`;

/** How those of one presentity are ordered. */
export interface PresentityOrder {
  /** By priority, not by time. */
  readonly byPriority: boolean;
  /** Seconds since the epoch: what ended before is left out; undefined: nothing is. */
  readonly now: number | undefined;
}

/** In memory: the newest is first. */
export class MemoryPresentities implements PresentityStore {
  readonly #order: () => PresentityOrder;
  readonly #byKey = new Map<string, Presentity[]>();
  readonly #byRuid = new Map<string, Presentity>();

  constructor(order: () => PresentityOrder) {
    this.#order = order;
  }

  async find(key: PresentityKey, etag: string): Promise<Presentity | undefined> {
    return this.#byKey.get(keyOf(key))?.find((p) => p.etag === etag);
  }

  async findByRuid(ruid: string): Promise<Presentity | undefined> {
    return this.#byRuid.get(ruid);
  }

  async all(key: PresentityKey): Promise<readonly Presentity[]> {
    const { byPriority, now } = this.#order();
    const found = this.#byKey.get(keyOf(key)) ?? [];
    const shown = now === undefined ? [...found] : found.filter((p) => !hasExpired(p, now));
    return byPriority ? shown.sort((a, b) => a.priority - b.priority) : shown;
  }

  async add(p: Presentity): Promise<void> {
    const key = keyOf(p);
    const there = this.#byKey.get(key);
    if (there === undefined) this.#byKey.set(key, [p]);
    else there.unshift(p);
    this.#byRuid.set(p.ruid, p);
  }

  /** What is handed out is what is kept. */
  async change(): Promise<void> {}

  async remove(p: Presentity): Promise<void> {
    const key = keyOf(p);
    const there = this.#byKey.get(key) ?? [];
    const rest = there.filter((other) => other.etag !== p.etag);
    for (const gone of there) if (!rest.includes(gone)) this.#byRuid.delete(gone.ruid);
    if (rest.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, rest);
  }

  async matching(match: PresentityMatch): Promise<readonly Presentity[]> {
    return [...this.#byRuid.values()].filter((p) => matches(p, match));
  }

  async expired(seconds: number): Promise<readonly Presentity[]> {
    return [...this.#byRuid.values()].filter((p) => p.expires > 0 && p.expires < seconds);
  }

  async every(): Promise<readonly Presentity[]> {
    return [...this.#byRuid.values()];
  }
}

function matches(p: Presentity, { event, domain, username, etag }: PresentityMatch): boolean {
  return (
    p.event === event &&
    (domain === undefined || p.domain === domain) &&
    (username === undefined || p.user === username) &&
    (etag === undefined || p.etag === etag)
  );
}
