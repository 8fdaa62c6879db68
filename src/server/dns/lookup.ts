/** Records of a name: out of the cache, or asked for once however many want them. */
import type { CacheEntry, DnsCache } from './cache.js';
import type { AskOptions, DnsSource } from './client.js';
import type { DnsRecord, RecordType } from './wire.js';

const MAX_CHAIN = 10;

export class DnsLookup {
  readonly cache: DnsCache;
  readonly #source: DnsSource;
  readonly #options: () => AskOptions & { readonly cached: boolean };
  /** Seconds for which its answers are kept; 0: as the records say. */
  readonly #keep: number;
  readonly #pending = new Map<string, Promise<readonly DnsRecord[] | undefined>>();

  constructor(source: DnsSource, cache: DnsCache, options: () => AskOptions & { readonly cached: boolean }, keep = 0) {
    this.#source = source;
    this.cache = cache;
    this.#options = options;
    this.#keep = keep;
  }

  /** The same, keeping what it learns for so many seconds. */
  keeping(seconds: number): DnsLookup {
    return seconds > 0 ? new DnsLookup(this.#source, this.cache, this.#options, seconds) : this;
  }

  /** The entry that answers, CNAMEs followed; undefined where there is no such record. */
  async entry(name: string, type: RecordType): Promise<CacheEntry | undefined> {
    let wanted = name.toLowerCase().replace(/\.$/, '');
    for (let step = 0; step < MAX_CHAIN; step++) {
      const known = this.#known(wanted, type);
      if (known === 'none') return undefined;
      if (typeof known === 'object') return known;
      const alias = known ?? (await this.#ask(wanted, type));
      if (typeof alias !== 'string') return alias;
      wanted = alias;
    }
    return undefined;
  }

  /** The records of a type that are still good. */
  async records<T extends RecordType>(name: string, type: T): Promise<readonly Extract<DnsRecord, { type: T }>[]> {
    const entry = await this.entry(name, type);
    return (entry?.records ?? []).map((r) => r.record) as unknown as readonly Extract<DnsRecord, { type: T }>[];
  }

  /** An entry, the name that it is another name of, 'none', or undefined: not known. */
  #known(name: string, type: RecordType): CacheEntry | string | undefined {
    if (!this.#options().cached) return undefined;
    const entry = this.cache.get(name, type);
    if (entry !== undefined) return entry.records.length > 0 ? entry : 'none';
    const alias = type === 'CNAME' ? undefined : this.cache.get(name, 'CNAME')?.records[0]?.record;
    return alias?.type === 'CNAME' ? alias.target : undefined;
  }

  /** Asks, and keeps what is of use of the reply. A text: the name that this is another name of. */
  async #ask(name: string, type: RecordType): Promise<CacheEntry | string | undefined> {
    const records = await this.#once(name, type);
    const groups = groupsOf(records ?? [], name);
    for (const [key, group] of groups) {
      const first = group[0]!;
      if (this.#options().cached) {
        groups.set(key, recordsOf(this.cache.put(first.name, first.type, group, false, this.#keep)));
      }
    }
    let at = name;
    for (let step = 0; step < MAX_CHAIN; step++) {
      const found = groups.get(`${type} ${at}`);
      if (found !== undefined) return this.cache.get(at, type) ?? uncached(at, type, found);
      const alias = groups.get(`CNAME ${at}`)?.[0];
      if (alias?.type !== 'CNAME') break;
      at = alias.target;
    }
    if (at !== name) return at;
    if (this.#options().cached) this.cache.putNegative(name, type);
    return undefined;
  }

  #once(name: string, type: RecordType): Promise<readonly DnsRecord[] | undefined> {
    const key = `${type} ${name}`;
    let work = this.#pending.get(key);
    if (work === undefined) {
      work = this.#source.ask(name, type, this.#options()).finally(() => this.#pending.delete(key));
      this.#pending.set(key, work);
    }
    return work;
  }
}

const recordsOf = (entry: CacheEntry): readonly DnsRecord[] => entry.records.map((r) => r.record);

/** An entry for records that are not kept. */
function uncached(name: string, type: RecordType, records: readonly DnsRecord[]): CacheEntry {
  const kept = records.map((record) => ({ record, expires: Number.POSITIVE_INFINITY }));
  return { name, type, records: kept, expires: Number.POSITIVE_INFINITY, permanent: false, lastUsed: 0, size: 0 };
}

/** Records by type and name: those of the name itself, and of names to which these lead. */
function groupsOf(records: readonly DnsRecord[], name: string): Map<string, readonly DnsRecord[]> {
  const groups = new Map<string, DnsRecord[]>();
  const wanted = new Set([name]);
  // each round may find targets of the last one
  for (let size = 0; size !== wanted.size; ) {
    size = wanted.size;
    for (const r of records) if (wanted.has(r.name) && 'target' in r && r.target !== '') wanted.add(r.target);
  }
  for (const record of records) {
    if (!wanted.has(record.name)) continue;
    const key = `${record.type} ${record.name}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  for (const group of groups.values()) group.sort(byPriority);
  return groups;
}

/** SRV records by priority, the heavier first. */
function byPriority(a: DnsRecord, b: DnsRecord): number {
  return a.type === 'SRV' && b.type === 'SRV' ? a.priority - b.priority || b.weight - a.weight : 0;
}
