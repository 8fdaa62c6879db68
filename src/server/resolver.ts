/** Where a name leads to (RFC 3263): records out of the DNS cache or asked for, by the core parameters dns_…. */
import type { NaptrAnswer, Resolver, SrvAnswer, Target } from '../runtime/host.js';
import type { Proto } from '../sip/transport.js';
import { type CacheLimits, DnsCache } from './dns/cache.js';
import type { AskOptions, DnsSource } from './dns/client.js';
import { DnsLookup } from './dns/lookup.js';
import { addresses, defaultPort, type SipDnsSettings, sipTargets, type Wire } from './dns/sip.js';

/** Core parameters by name. */
type Values = ReadonlyMap<string, number | string>;

export interface ResolverParts {
  readonly source: DnsSource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** Those of the script in force. */
  readonly values: () => Values;
  /** Is a socket open that reaches IPv6 addresses? */
  readonly ipv6Socket: () => boolean;
  /** Names of an address, by the hosts file and DNS. */
  readonly reverse?: ((ip: string) => Promise<readonly string[]>) | undefined;
}

export class DnsResolver implements Resolver {
  readonly lookup: DnsLookup;
  readonly #parts: ResolverParts;

  constructor(parts: ResolverParts) {
    this.#parts = parts;
    const cache = new DnsCache(parts.now, () => cacheLimits(parts.values()));
    this.lookup = new DnsLookup(parts.source, cache, () => askOptions(parts.values()));
  }

  resolve(host: string, port: number, proto: Proto | undefined, secure = false, ttl = 0): Target[] | Promise<Target[]> {
    const plain = host[0] === '[' ? host.slice(1, -1) : host;
    const over = proto ?? (secure ? 'tls' : undefined);
    if (isLiteral(plain)) {
      const literal = over ?? 'udp';
      return [{ proto: literal, ip: plain, port: port || defaultPort(literal) }];
    }
    const dns = this.#sip();
    return sipTargets({ ...dns, lookup: dns.lookup.keeping(ttl) }, plain, port, over).then((found) => [...found]);
  }

  async addresses(name: string): Promise<readonly string[]> {
    const { lookup, settings } = this.#sip();
    return await addresses({ lookup, settings: { ...settings, failover: true, ipv6Socket: true } }, name);
  }

  async reverse(ip: string): Promise<readonly string[]> {
    return (await this.#parts.reverse?.(ip)) ?? [];
  }

  async srv(name: string): Promise<readonly SrvAnswer[]> {
    const records = await this.lookup.records(name, 'SRV');
    return records.map(({ target, port, priority, weight }) => ({ name: target, port, priority, weight }));
  }

  async txt(name: string): Promise<readonly (readonly string[])[]> {
    return (await this.lookup.records(name, 'TXT')).map(({ texts }) => texts);
  }

  async naptr(name: string): Promise<readonly NaptrAnswer[]> {
    const records = await this.lookup.records(name, 'NAPTR');
    return records.map(({ order, preference, flags, service, regexp, target }) => {
      return { order, preference, flags, service, regexp, replacement: target };
    });
  }

  #sip() {
    const { values, random, ipv6Socket } = this.#parts;
    return { lookup: this.lookup, settings: sipSettings(values(), ipv6Socket()), random };
  }
}

export function isLiteral(host: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || host.includes(':');
}

// ---------------------------------------------------------------- parameters

const KILOBYTE = 1024;

const number = (values: Values, name: string, otherwise: number): number => {
  const value = values.get(name);
  return typeof value === 'number' ? value : otherwise;
};

function cacheLimits(values: Values): CacheLimits {
  const most = number(values, 'dns_cache_max_ttl', -1);
  return {
    negativeTtl: number(values, 'dns_cache_negative_ttl', 60),
    minTtl: number(values, 'dns_cache_min_ttl', 0),
    maxTtl: most < 0 ? Number.POSITIVE_INFINITY : most,
    memory: number(values, 'dns_cache_mem', 500) * KILOBYTE,
    dropGood: number(values, 'dns_cache_del_nonexp', 0) !== 0,
    preference: number(values, 'dns_cache_rec_pref', 0),
    cleanEvery: number(values, 'dns_cache_gc_interval', 120),
  };
}

/** Is the cache used? Its RPC commands are refused where it is not. */
export function usesCache(values: Values): boolean {
  return number(values, 'dns_cache_init', 1) !== 0 && number(values, 'use_dns_cache', 1) !== 0;
}

function askOptions(values: Values): AskOptions & { readonly cached: boolean } {
  return {
    timeout: number(values, 'dns_retr_time', -1),
    attempts: number(values, 'dns_retr_no', -1),
    servers: number(values, 'dns_servers_no', -1),
    useSearch: number(values, 'dns_use_search_list', 1) !== 0,
    cached: usesCache(values),
  };
}

/** Bits of dns_cache_flags. */
const FLAG = { IPV4_ONLY: 1, IPV6_ONLY: 2, IPV6_FIRST: 4 } as const;

function sipSettings(values: Values, ipv6Socket: boolean): SipDnsSettings {
  const flags = number(values, 'dns_cache_flags', 0);
  const ipv4Only = (flags & FLAG.IPV4_ONLY) !== 0 || number(values, 'dns_try_ipv6', 1) === 0;
  const tcp = number(values, 'disable_tcp', 0) === 0;
  const on: Readonly<Record<Wire, boolean>> = {
    udp: true,
    tcp,
    tls: tcp && number(values, 'enable_tls', 0) !== 0,
    sctp: false,
  };
  return {
    tryNaptr: number(values, 'dns_try_naptr', 0) !== 0,
    failover: usesCache(values) && number(values, 'use_dns_failover', 0) !== 0,
    srvLoadBalance: number(values, 'dns_srv_lb', 0) !== 0,
    ipv4Only,
    ipv6Only: !ipv4Only && (flags & FLAG.IPV6_ONLY) !== 0,
    ipv6First: !ipv4Only && (flags & FLAG.IPV6_FIRST) !== 0,
    naptrIgnoreRfc: number(values, 'dns_naptr_ignore_rfc', 1) !== 0,
    preference: {
      udp: number(values, 'dns_udp_pref', 30),
      tcp: number(values, 'dns_tcp_pref', 20),
      tls: number(values, 'dns_tls_pref', 10),
      sctp: number(values, 'dns_sctp_pref', 20),
    },
    ipv6Socket,
    supports: (proto) => on[proto],
  };
}
