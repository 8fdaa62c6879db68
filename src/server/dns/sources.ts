/** Where DNS records come from: the system's name servers and its hosts file, or look-ups of a test. */
import { isIp } from '../../sip/ip.js';
import { type AskOptions, DnsClient, type DnsSource } from './client.js';
import { fileValue, type NameServer, parseHosts, parseResolvConf } from './system.js';
import type { DnsRecord, RecordType } from './wire.js';

/** How long the files of the system are taken as they are, milliseconds. */
const FILE_LIFETIME = 30_000;
/** Seconds that an address of the hosts file, or of a test, may be kept. */
const LOCAL_TTL = 30;
const DNS_PORT = 53;

/** `10.0.0.1, [::1]:5353`: name servers in place of those of resolv.conf. Throws an Error for what is no address. */
export function parseNameServers(text: string): readonly NameServer[] {
  return text
    .split(/[\s,]+/)
    .filter((item) => item !== '')
    .map((item) => {
      const m = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(item);
      const ip = m?.[1] ?? m?.[2] ?? item;
      if (!isIp(ip)) throw new Error(`name server '${item}': an address is wanted`);
      return { ip, port: Number(m?.[3] ?? DNS_PORT) };
    });
}

function addressRecords(name: string, type: RecordType, ips: readonly string[]): DnsRecord[] {
  if (type !== 'A' && type !== 'AAAA') return [];
  const fits = (ip: string) => ip.includes(':') === (type === 'AAAA');
  return ips.filter(fits).map((ip) => ({ name, type, ip, ttl: LOCAL_TTL }));
}

/** Hosts file first, then the name servers. */
export function systemSource(servers: readonly NameServer[] | undefined): DnsSource {
  const conf = fileValue('/etc/resolv.conf', parseResolvConf, Date.now, FILE_LIFETIME);
  const hosts = fileValue('/etc/hosts', parseHosts, Date.now, FILE_LIFETIME);
  const client = new DnsClient(servers === undefined ? conf : async () => ({ ...(await conf()), servers, search: [] }));
  return {
    async ask(name: string, type: RecordType, options: AskOptions) {
      const known = (await hosts()).get(name);
      return known === undefined ? await client.ask(name, type, options) : addressRecords(name, type, known);
    },
  };
}

export interface SimpleLookups {
  lookup(name: string): Promise<readonly string[]>;
  srv?(
    name: string,
  ): Promise<
    readonly { readonly name: string; readonly port: number; readonly priority: number; readonly weight: number }[]
  >;
}

/** Records made of look-ups. */
export function lookupSource({ lookup, srv }: SimpleLookups): DnsSource {
  return {
    async ask(name, type) {
      if (type !== 'SRV') return addressRecords(name, type, type.startsWith('A') ? await lookup(name) : []);
      const found = (await srv?.(name)) ?? [];
      return found.map((r) => ({ ...r, target: r.name, name, type, ttl: LOCAL_TTL }));
    },
  };
}
