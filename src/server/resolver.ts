/** Where a name leads to (RFC 3263, the part without NAPTR), with a small cache. */
import type { Resolver, Target } from '../runtime/host.js';
import type { Proto } from '../sip/transport.js';

export interface Dns {
  addresses(name: string): Promise<readonly string[]>;
  srv(
    name: string,
  ): Promise<
    readonly { readonly name: string; readonly port: number; readonly priority: number; readonly weight: number }[]
  >;
}

const TTL = 60_000;
const LIMIT = 4096;

export class DnsResolver implements Resolver {
  readonly #dns: Dns;
  readonly #now: () => number;
  readonly #cache = new Map<string, { readonly until: number; readonly targets: Promise<Target[]> }>();

  constructor(dns: Dns, now: () => number) {
    this.#dns = dns;
    this.#now = now;
  }

  resolve(host: string, port: number, proto: Proto | undefined, secure = false): Target[] | Promise<Target[]> {
    const plain = host[0] === '[' ? host.slice(1, -1) : host;
    const over = proto ?? (secure ? 'tls' : 'udp');
    if (isLiteral(plain)) return [{ proto: over, ip: plain, port: port || defaultPort(over) }];
    const key = `${over}:${plain.toLowerCase()}:${port}`;
    const known = this.#cache.get(key);
    if (known && known.until > this.#now()) return known.targets;
    if (this.#cache.size >= LIMIT) this.#cache.clear();
    const targets = this.#lookup(plain, port, over);
    this.#cache.set(key, { until: this.#now() + TTL, targets });
    return targets;
  }

  addresses(name: string): Promise<readonly string[]> {
    return this.#dns.addresses(name);
  }

  srv(name: string): ReturnType<Dns['srv']> {
    return this.#dns.srv(name);
  }

  async #lookup(host: string, port: number, proto: Proto): Promise<Target[]> {
    if (port === 0) {
      const records = await this.#dns.srv(`_${proto === 'tls' ? 'sips._tcp' : `sip._${proto}`}.${host}`);
      const sorted = [...records].sort((a, b) => a.priority - b.priority || b.weight - a.weight);
      const found: Target[] = [];
      for (const r of sorted)
        for (const ip of await this.#dns.addresses(r.name)) found.push({ proto, ip, port: r.port });
      if (found.length > 0) return found;
    }
    const ips = await this.#dns.addresses(host);
    return ips.map((ip) => ({ proto, ip, port: port || defaultPort(proto) }));
  }
}

export function isLiteral(host: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || host.includes(':');
}

function defaultPort(proto: Proto): number {
  return proto === 'tls' || proto === 'wss' ? 5061 : 5060;
}
