/** The DNS cache: what was answered, for as long as it may be kept, and what was not. */
import type { DnsRecord, RecordType } from './wire.js';

export interface CacheLimits {
  /** Seconds that a failed look-up is remembered; 0 not at all. */
  readonly negativeTtl: number;
  readonly minTtl: number;
  readonly maxTtl: number;
  /** Bytes. */
  readonly memory: number;
  /** May entries that are still good go to make room? */
  readonly dropGood: boolean;
  /** Which stays of two: 0 and 2 the new one, 1 the old one, 3 the one that lives longer. */
  readonly preference: number;
  /** Seconds between two clean-ups. */
  readonly cleanEvery: number;
}

export interface CachedRecord {
  readonly record: DnsRecord;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

export interface CacheEntry {
  readonly name: string;
  readonly type: RecordType;
  /** None: the name is known not to have such. */
  readonly records: readonly CachedRecord[];
  /** Milliseconds since the epoch; of the last of its records. */
  readonly expires: number;
  readonly permanent: boolean;
  lastUsed: number;
  /** Bytes, about. */
  readonly size: number;
}

const SECOND = 1000;
/** About what an entry and a record take beside their texts. */
const ENTRY_SIZE = 72;
const RECORD_SIZE = 40;

const keyOf = (name: string, type: RecordType): string => `${type} ${name}`;

export class DnsCache {
  readonly #now: () => number;
  readonly #limits: () => CacheLimits;
  readonly #entries = new Map<string, CacheEntry>();
  #used = 0;
  #cleaned: number;

  constructor(now: () => number, limits: () => CacheLimits) {
    this.#now = now;
    this.#limits = limits;
    this.#cleaned = now();
  }

  /** Bytes in use, about. */
  get used(): number {
    return this.#used;
  }

  /** The entry of a name in lower case, if it is still good. */
  get(name: string, type: RecordType): CacheEntry | undefined {
    const entry = this.#entries.get(keyOf(name, type));
    if (entry === undefined) return undefined;
    if (!entry.permanent && entry.expires <= this.#now()) {
      this.#remove(entry);
      return undefined;
    }
    entry.lastUsed = this.#now();
    return entry;
  }

  /** Those that are still good. */
  *entries(): IterableIterator<CacheEntry> {
    const now = this.#now();
    for (const entry of this.#entries.values()) if (entry.permanent || entry.expires > now) yield entry;
  }

  /**
   * Keeps records of one name and type. Gives what counts from now on: an older entry where that is preferred. `keep`:
   * seconds in place of those that the records say; 0: these.
   */
  put(name: string, type: RecordType, records: readonly DnsRecord[], permanent = false, keep = 0): CacheEntry {
    const { minTtl, maxTtl, preference } = this.#limits();
    const now = this.#now();
    const kept = records.map((record) => {
      const ttl = keep > 0 ? keep : Math.min(Math.max(record.ttl, minTtl), maxTtl);
      return { record, expires: now + ttl * SECOND };
    });
    const expires = kept.reduce((last, r) => Math.max(last, r.expires), now);
    const old = this.#entries.get(keyOf(name, type));
    const good = old !== undefined && (old.permanent || (old.expires > now && old.records.length > 0));
    if (old !== undefined && good && preference > 0 && !permanent) {
      if (old.permanent || preference === 1 || (preference === 3 && old.expires >= expires)) return old;
    }
    return this.#set({ name, type, records: kept, expires, permanent, lastUsed: now, size: sizeOf(name, records) });
  }

  /** Remembers that there are none. */
  putNegative(name: string, type: RecordType): void {
    const { negativeTtl } = this.#limits();
    if (negativeTtl <= 0) return;
    const now = this.#now();
    const expires = now + negativeTtl * SECOND;
    this.#set({ name, type, records: [], expires, permanent: false, lastUsed: now, size: sizeOf(name, []) });
  }

  #set(entry: CacheEntry): CacheEntry {
    if (this.#now() - this.#cleaned > this.#limits().cleanEvery * SECOND) this.clean();
    const key = keyOf(entry.name, entry.type);
    const old = this.#entries.get(key);
    if (old !== undefined) this.#remove(old);
    if (!this.#makeRoom(entry.size)) return entry;
    this.#entries.set(key, entry);
    this.#used += entry.size;
    return entry;
  }

  #remove(entry: CacheEntry): void {
    if (this.#entries.delete(keyOf(entry.name, entry.type))) this.#used -= entry.size;
  }

  /** False where there is no room and none can be made. */
  #makeRoom(size: number): boolean {
    const { memory, dropGood } = this.#limits();
    if (this.#used + size <= memory) return true;
    this.clean();
    if (!dropGood) return this.#used + size <= memory;
    const oldest = [...this.#entries.values()].filter((e) => !e.permanent).sort((a, b) => a.lastUsed - b.lastUsed);
    for (const entry of oldest) {
      if (this.#used + size <= memory) break;
      this.#remove(entry);
    }
    return this.#used + size <= memory;
  }

  /** Drops what has expired. */
  clean(): void {
    const now = this.#now();
    this.#cleaned = now;
    for (const entry of this.#entries.values()) if (!entry.permanent && entry.expires <= now) this.#remove(entry);
  }

  clear(withPermanent: boolean): void {
    for (const entry of this.#entries.values()) if (withPermanent || !entry.permanent) this.#remove(entry);
  }

  /** `permanent`: it is there, and stays. */
  delete(name: string, type: RecordType): 'gone' | 'permanent' | 'missing' {
    const entry = this.get(name, type);
    if (entry === undefined) return 'missing';
    if (entry.permanent) return 'permanent';
    this.#remove(entry);
    return 'gone';
  }
}

function sizeOf(name: string, records: readonly DnsRecord[]): number {
  const text = (r: DnsRecord) => ('target' in r ? r.target.length : 0);
  return ENTRY_SIZE + name.length + records.reduce((n, r) => n + RECORD_SIZE + text(r), 0);
}
