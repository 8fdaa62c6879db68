/** Where a SIP URI's host leads to (RFC 3263, as Kamailio does it): NAPTR, SRV, addresses. */
import type { Target } from '../../runtime/host.js';
import { isIp } from '../../sip/ip.js';
import type { Proto } from '../../sip/transport.js';
import type { DnsLookup } from './lookup.js';
import type { DnsRecord } from './wire.js';

/** What the script says of name resolution. */
export interface SipDnsSettings {
  readonly tryNaptr: boolean;
  /** All addresses of a name are of use, not the first alone. */
  readonly failover: boolean;
  readonly srvLoadBalance: boolean;
  readonly ipv4Only: boolean;
  readonly ipv6Only: boolean;
  readonly ipv6First: boolean;
  readonly naptrIgnoreRfc: boolean;
  /** Preference of a transport; negative: not used. */
  readonly preference: Readonly<Record<Wire, number>>;
  /** Can something be sent to IPv6 addresses? */
  readonly ipv6Socket: boolean;
  /** Transports that are on. */
  supports(proto: Wire): boolean;
}

export type Wire = 'udp' | 'tcp' | 'tls' | 'sctp';
type Srv = Extract<DnsRecord, { type: 'SRV' }>;
type Naptr = Extract<DnsRecord, { type: 'NAPTR' }>;

export interface SipDns {
  readonly lookup: DnsLookup;
  readonly settings: SipDnsSettings;
  /** 0 <= x < 1. */
  random(): number;
}

const WIRES: readonly Wire[] = ['udp', 'tcp', 'tls', 'sctp'];
const PREFIX: Readonly<Record<Wire, string>> = {
  udp: '_sip._udp.',
  tcp: '_sip._tcp.',
  tls: '_sips._tcp.',
  sctp: '_sip._sctp.',
};
const SERVICES: ReadonlyMap<string, Wire> = new Map([
  ['sip+d2u', 'udp'],
  ['sip+d2t', 'tcp'],
  ['sips+d2t', 'tls'],
  ['sip+d2s', 'sctp'],
]);
/** NAPTR records looked at. */
const MAX_NAPTR = 32;

export function defaultPort(proto: Proto): number {
  return proto === 'tls' || proto === 'wss' ? 5061 : 5060;
}

const isWire = (proto: Proto): proto is Wire => (WIRES as readonly string[]).includes(proto);

/** Targets of a name, best first; none where it leads nowhere. `proto` undefined: the URI names no transport. */
export async function sipTargets(
  dns: SipDns,
  name: string,
  port: number,
  proto: Proto | undefined,
): Promise<readonly Target[]> {
  if (port === 0 && (proto === undefined || isWire(proto))) {
    const found = await byService(dns, name, proto);
    if (found.length > 0) return found;
  }
  const over = proto ?? 'udp';
  const ips = await addresses(dns, name);
  return ips.map((ip) => ({ proto: over, ip, port: port || defaultPort(over) }));
}

async function byService(dns: SipDns, name: string, proto: Wire | undefined): Promise<readonly Target[]> {
  const { tryNaptr, failover } = dns.settings;
  if (proto === undefined && tryNaptr) {
    const found = await byNaptr(dns, name);
    if (found.length > 0) return found;
  }
  const protos = proto !== undefined ? [proto] : tryNaptr || failover ? preferred(dns.settings) : (['udp'] as const);
  for (const one of protos) {
    const found = await bySrv(dns, PREFIX[one] + name, one);
    if (found.length > 0) return found;
  }
  return [];
}

/** Transports in use, the preferred ones first. */
function preferred({ preference, supports }: SipDnsSettings): readonly Wire[] {
  return WIRES.filter((w) => preference[w] >= 0 && supports(w)).sort((a, b) => preference[b] - preference[a]);
}

// --------------------------------------------------------------------- NAPTR

interface Service {
  readonly record: Naptr;
  readonly proto: Wire;
}

async function byNaptr(dns: SipDns, name: string): Promise<readonly Target[]> {
  const { settings } = dns;
  const left = (await dns.lookup.records(name, 'NAPTR')).slice(0, MAX_NAPTR).flatMap((record): Service[] => {
    const proto = serviceOf(record);
    return proto !== undefined && settings.preference[proto] >= 0 && settings.supports(proto)
      ? [{ record, proto }]
      : [];
  });
  const out: Target[] = [];
  while (left.length > 0) {
    const best = left.reduce((a, b) => (isBetter(settings, b, a) ? b : a));
    left.splice(left.indexOf(best), 1);
    out.push(...(await bySrv(dns, best.record.target, best.proto)));
    if (out.length > 0 && !settings.failover) break;
  }
  return out;
}

/** Transport of a record of use: flag s, no expression. */
function serviceOf({ flags, regexp, service }: Naptr): Wire | undefined {
  return flags.toLowerCase() === 's' && regexp === '' ? SERVICES.get(service.toLowerCase()) : undefined;
}

/** Our preference goes first where the script says so; then order and preference of the records. */
function isBetter({ naptrIgnoreRfc, preference }: SipDnsSettings, a: Service, b: Service): boolean {
  const ours = naptrIgnoreRfc ? preference[a.proto] - preference[b.proto] : 0;
  if (ours !== 0) return ours > 0;
  return (
    a.record.order - b.record.order < 0 ||
    (a.record.order === b.record.order && a.record.preference < b.record.preference)
  );
}

// ----------------------------------------------------------------------- SRV

async function bySrv(dns: SipDns, name: string, proto: Wire): Promise<readonly Target[]> {
  const records = await dns.lookup.records(name, 'SRV');
  const { failover, srvLoadBalance } = dns.settings;
  // Kamailio spreads the load only where it keeps the others for failover
  const ordered = failover && srvLoadBalance ? spread(records, dns.random) : records;
  const out: Target[] = [];
  for (const { target, port } of ordered) {
    for (const ip of await addresses(dns, target)) out.push({ proto, ip, port });
    if (out.length > 0 && !failover) break;
  }
  return out;
}

/** A record of weight 0 comes first this seldom where others have weights (RFC 2782). */
const ZERO_CHANCE = 1000;

/** Within a priority by chance, as the weights say. The records are in order of priority. */
export function spread(records: readonly Srv[], random: () => number): readonly Srv[] {
  const out: Srv[] = [];
  for (let at = 0; at < records.length; ) {
    const { priority } = records[at]!;
    let end = at;
    while (records[end]?.priority === priority) end++;
    const group = records.slice(at, end);
    while (group.length > 0) out.push(...group.splice(pick(group, random), 1));
    at = end;
  }
  return out;
}

function pick(group: readonly Srv[], random: () => number): number {
  const sum = group.reduce((n, r) => n + r.weight, 0);
  const zero = group.findIndex((r) => r.weight === 0);
  if (group.length === 1 || sum === 0) return Math.max(zero, 0);
  const wanted = 1 + Math.floor(random() * sum);
  if (wanted === 1 && zero >= 0 && Math.floor(random() * ZERO_CHANCE) === 0) return zero;
  let reached = 0;
  return group.findIndex((r) => {
    reached += r.weight;
    return reached >= wanted;
  });
}

// ----------------------------------------------------------------- addresses

/** Addresses of a name, those of the preferred kind first. */
export async function addresses(dns: Pick<SipDns, 'lookup' | 'settings'>, name: string): Promise<readonly string[]> {
  if (isIp(name)) return [name];
  const { lookup, settings: s } = dns;
  const four = async () => (s.ipv6Only ? [] : (await lookup.records(name, 'A')).map((r) => r.ip));
  const six = async () => (s.ipv4Only ? [] : (await lookup.records(name, 'AAAA')).map((r) => r.ip));
  const [first, second] = s.ipv6First || s.ipv6Only ? [six, four] : [four, six];
  const found = await first();
  const enough = !s.failover || (second === six && !s.ipv6Socket);
  return found.length > 0 && enough ? found : [...found, ...(await second())];
}
