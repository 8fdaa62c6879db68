/** multi_notify: all addresses behind a name, in Kamailio's order (dmq.md, 3.6). */
import type { Resolver } from '../../runtime/host.js';
import { isIp } from '../../sip/ip.js';

export interface Address {
  readonly ip: string;
  /** 0: none given. */
  readonly port: number;
}

const MOST = 30;

/** SRV records of the name itself (no prefix; of the given port only), their addresses; then those of the name. */
export async function addressesOf(resolver: Resolver, host: string, port: number): Promise<readonly Address[]> {
  const plain = host[0] === '[' ? host.slice(1, -1) : host;
  if (isIp(plain)) return [{ ip: plain, port }];
  const found = new Map<string, Address>();
  const add = (ip: string, at: number) => {
    if (found.size < MOST) found.set(`${ip}:${at}`, { ip, port: at });
  };
  for (const record of (await resolver.srv?.(plain)) ?? []) {
    if (port !== 0 && record.port !== port) continue;
    for (const ip of await addresses(resolver, record.name)) add(ip, record.port);
  }
  for (const ip of await addresses(resolver, plain)) add(ip, port);
  return [...found.values()];
}

async function addresses(resolver: Resolver, name: string): Promise<readonly string[]> {
  if (resolver.addresses !== undefined) return fourFirst(await resolver.addresses(name));
  return (await resolver.resolve(name, 1, 'udp')).map((t) => t.ip);
}

function fourFirst(ips: readonly string[]): readonly string[] {
  return [...ips.filter((ip) => !ip.includes(':')), ...ips.filter((ip) => ip.includes(':'))];
}
