/** `dns_cache`: records that are in the DNS cache from the start. */
import type { Host } from '../../runtime/host.js';
import { type RpcValue, toInt } from '../../runtime/module.js';
import { parseParams } from '../../sip/uri.js';

interface DnsRecordText {
  /** a, aaaa or srv. */
  readonly type: string;
  readonly name: string;
  readonly addr: string;
  readonly ttl: number;
  readonly flags: number;
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
}

const NUMBERS = ['ttl', 'flags', 'priority', 'weight', 'port'] as const;
const TYPES = ['a', 'aaaa', 'srv'];

/** `name=…;addr=…;type=A|AAAA|SRV;ttl=…;flags=…`; a text that says what is wrong. */
export function parseDnsRecord(text: string): DnsRecordText | string {
  const given = new Map(parseParams(text).map(([name, value]) => [name.toLowerCase(), value ?? '']));
  const type = (given.get('type') ?? '').toLowerCase();
  if (!TYPES.includes(type)) return `rr type '${type}' is not implemented`;
  const numbers = { ttl: 0, flags: 0, priority: 0, weight: 0, port: 0 };
  for (const name of NUMBERS) {
    const value = given.get(name);
    if (value !== undefined && !/^[+-]?\d+$/.test(value)) return `invalid ${name}: ${value}`;
    numbers[name] = toInt(value ?? 0);
  }
  return { type, name: given.get('name') ?? '', addr: given.get('addr') ?? '', ...numbers };
}

/** Throws an RpcFault where the cache refuses the record, or is off. */
export function addDnsRecord(host: Host, text: string): void {
  const r = parseDnsRecord(text);
  if (typeof r === 'string') return;
  const middle: RpcValue[] = r.type === 'srv' ? [r.priority, r.weight, r.port] : [];
  host.rpc?.[`dns.add_${r.type}`]?.run(host, [r.name, r.ttl, ...middle, r.addr, r.flags]);
}
