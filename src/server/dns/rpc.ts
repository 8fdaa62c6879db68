/** RPC commands dns.*: the DNS cache. */
import { type Host, type RpcDefinition, RpcFault, RpcRecord, type RpcValue } from '../../runtime/module.js';
import { intArg, textArg } from '../../runtime/rpc.js';
import { ipBytes } from '../../sip/ip.js';
import type { CachedRecord, CacheEntry } from './cache.js';
import type { DnsLookup } from './lookup.js';
import { type DnsRecord, type RecordType, TYPE } from './wire.js';

const DISABLED = 'dns cache support disabled (see use_dns_cache)';
const FAULT = 500;
const BAD_REQUEST = 400;
const SECOND = 1000;
/** Bits of the flags of dns.add_*. */
const FLAG = { BAD_NAME: 1, PERMANENT: 2 } as const;

export interface DnsRpcParts {
  readonly lookup: DnsLookup;
  /** Is the cache in use? */
  readonly enabled: () => boolean;
  /** Bytes that the cache may take. */
  readonly memory: () => number;
}

type Fields = (readonly [name: string, value: RpcValue])[];

const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

function seconds(host: Host, expires: number): number {
  const left = expires - host.clock.now();
  return left < 0 ? -1 : Math.floor(left / SECOND);
}

function dataOf(record: DnsRecord): Fields {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return [['rr_ip', record.ip]];
    case 'SRV':
      return [
        ['rr_name', record.target],
        ['rr_port', record.port],
        ['rr_priority', record.priority],
        ['rr_weight', record.weight],
      ];
    case 'NAPTR':
      return [
        ['rr_order', record.order],
        ['rr_preference', record.preference],
        ['rr_flags', record.flags],
        ['rr_service', record.service],
        ['rr_regexp', record.regexp],
        // by this name in 5.6.3 too
        ['rr_regexp', record.target],
      ];
    case 'TXT':
      return [['txt', record.texts.map((text, idx) => ({ idx, rr_txt: text }))]];
    default:
      return [['rr_name', record.target]];
  }
}

function shownRecord(host: Host, entry: CacheEntry, { record, expires }: CachedRecord, index: number): RpcRecord {
  return new RpcRecord([
    ['rr_idx', index],
    ...dataOf(record),
    ['rr_permanent', yesNo(entry.permanent)],
    ['rr_expires', entry.permanent ? 0 : seconds(host, expires)],
  ]);
}

function shown(host: Host, entry: CacheEntry): RpcRecord {
  const fields: Fields = [
    ['name', entry.name],
    ['type', entry.type],
    ['size_bytes', entry.size],
    ['reference_counter', 1],
    ['permanent', yesNo(entry.permanent)],
    ['expires', entry.permanent ? 0 : seconds(host, entry.expires)],
    ['last_used', Math.floor((host.clock.now() - entry.lastUsed) / SECOND)],
    ['negative_entry', yesNo(entry.records.length === 0)],
  ];
  if (entry.records.length > 0) fields.push(['records', entry.records.map((r, i) => shownRecord(host, entry, r, i))]);
  return new RpcRecord(fields);
}

/** What dns.debug lists of an entry. */
function debugLine(host: Host, e: CacheEntry, index?: number): RpcValue[] {
  const flags = (e.permanent ? FLAG.PERMANENT : 0) | (e.records.length === 0 ? FLAG.BAD_NAME : 0);
  const used = Math.floor((host.clock.now() - e.lastUsed) / SECOND);
  const at = index === undefined ? [] : [index];
  return [e.name, TYPE[e.type], ...at, e.size, 1, seconds(host, e.expires), used, flags];
}

const LABELS: Readonly<Record<RecordType, string>> = {
  A: 'ip',
  AAAA: 'ip',
  SRV: 'srv',
  NAPTR: 'naptr ',
  CNAME: 'cname',
  PTR: 'ptr',
  TXT: 'txt',
};

function brief(record: DnsRecord): string {
  if (record.type === 'A' || record.type === 'AAAA') return record.ip;
  if (record.type === 'NAPTR') return record.flags;
  return record.type === 'TXT' ? (record.texts[0] ?? '') : record.target;
}

function typeOf(text: string): RecordType {
  const name = text.toUpperCase().replace(/^T_(?=.)/, '');
  if (!Object.hasOwn(TYPE, name)) throw new RpcFault(BAD_REQUEST, 'Invalid type');
  return name as RecordType;
}

const FAILED = 'Failed to add the entry to the cache';

/** Adds one record to what is there of the name; flag 2 keeps it for good, flag 1 says that there is none. */
function addRecord(lookup: DnsLookup, record: DnsRecord, flags: number): void {
  const { cache } = lookup;
  if ((flags & FLAG.BAD_NAME) !== 0) {
    cache.putNegative(record.name, record.type);
    return;
  }
  const permanent = (flags & FLAG.PERMANENT) !== 0;
  const old = cache.get(record.name, record.type);
  if (old?.permanent && !permanent) throw new RpcFault(BAD_REQUEST, FAILED);
  const others = old?.permanent === permanent ? old.records.map((r) => r.record) : [];
  cache.put(record.name, record.type, [...others.filter((r) => brief(r) !== brief(record)), record], permanent);
}

function addAddress({ lookup }: DnsRpcParts, type: 'A' | 'AAAA', size: number): RpcDefinition['run'] {
  return (_host, args) => {
    const [name, ttl, ip, flags] = [textArg(args, 0), intArg(args, 1), textArg(args, 2), intArg(args, 3)];
    if (ipBytes(ip)?.length !== size) throw new RpcFault(BAD_REQUEST, FAILED);
    addRecord(lookup, { name: name.toLowerCase(), type, ttl, ip: ip.replace(/^\[|\]$/g, '') }, flags);
    return undefined;
  };
}

function deleting({ lookup }: DnsRpcParts, type: RecordType): RpcDefinition {
  return {
    doc: `deletes a ${type} record from the DNS cache`,
    run(_host, args) {
      const done = lookup.cache.delete(textArg(args, 0).toLowerCase(), type);
      if (done === 'permanent') throw new RpcFault(BAD_REQUEST, 'Permanent entries cannot be deleted');
      if (done === 'missing') throw new RpcFault(BAD_REQUEST, 'Not found');
      return undefined;
    },
  };
}

function commands(parts: DnsRpcParts): Record<string, RpcDefinition> {
  const { lookup } = parts;
  const { cache } = lookup;
  return {
    'dns.mem_info': { doc: 'dns cache memory info.', run: () => [cache.used, parts.memory()] },
    'dns.debug': { doc: 'dns debug info.', run: (host) => [...cache.entries()].flatMap((e) => debugLine(host, e)) },
    'dns.debug_all': {
      doc: 'complete dns debug dump',
      run: (host) =>
        [...cache.entries()].flatMap((e) =>
          e.records.flatMap(({ record, expires }, i) => [
            ...debugLine(host, e, i),
            LABELS[e.type],
            brief(record),
            seconds(host, expires),
          ]),
        ),
    },
    'dns.view': {
      doc: 'dns cache dump in a human-readable format',
      returnsArray: true,
      run: (host) => [...cache.entries()].map((e) => shown(host, e)),
    },
    'dns.lookup': {
      doc: 'perform a dns lookup',
      async run(host, args) {
        const type = typeOf(textArg(args, 0));
        const entry = await lookup.entry(textArg(args, 1), type);
        if (entry === undefined) throw new RpcFault(BAD_REQUEST, 'Not found');
        return shown(host, entry);
      },
    },
    'dns.delete_all': {
      doc: 'deletes all the non-permanent entries from the DNS cache',
      run() {
        cache.clear(false);
        return { status: 'ok' };
      },
    },
    'dns.delete_all_force': {
      doc: 'deletes all the entries from the DNS cache including the permanent ones',
      run() {
        cache.clear(true);
        return { status: 'ok' };
      },
    },
    'dns.add_a': {
      doc: 'adds an A record to the DNS cache: name, seconds, address, flags (1 no such name, 2 for good)',
      run: addAddress(parts, 'A', 4),
    },
    'dns.add_aaaa': {
      doc: 'adds an AAAA record to the DNS cache: name, seconds, address, flags (1 no such name, 2 for good)',
      run: addAddress(parts, 'AAAA', 16),
    },
    'dns.add_srv': {
      doc: 'adds an SRV record to the DNS cache: name, seconds, priority, weight, port, target, flags',
      run(_host, args) {
        const name = textArg(args, 0).toLowerCase();
        const [ttl, priority, weight, port] = [intArg(args, 1), intArg(args, 2), intArg(args, 3), intArg(args, 4)];
        const target = textArg(args, 5).toLowerCase();
        addRecord(lookup, { name, type: 'SRV', ttl, priority, weight, port, target }, intArg(args, 6));
        return undefined;
      },
    },
    ...Object.fromEntries(
      (['A', 'AAAA', 'SRV', 'NAPTR', 'CNAME', 'TXT', 'PTR'] as const).map((type) => [
        `dns.delete_${type.toLowerCase()}`,
        deleting(parts, type),
      ]),
    ),
  };
}

/** The commands; a fault each where the cache is not in use. */
export function dnsRpc(parts: DnsRpcParts): Readonly<Record<string, RpcDefinition>> {
  const guarded = ({ run, ...rest }: RpcDefinition): RpcDefinition => ({
    ...rest,
    run(host, args, call) {
      if (!parts.enabled()) throw new RpcFault(FAULT, DISABLED);
      return run(host, args, call);
    },
  });
  return Object.fromEntries(Object.entries(commands(parts)).map(([name, command]) => [name, guarded(command)]));
}
