/** IP addresses as texts and as bytes, by the grammar of RFC 3986, 3.2.2. */

export type AddressKind = 'ipv4' | 'ipv6' | 'ipv6-reference';

export interface Address {
  readonly kind: AddressKind;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
}

const OCTET = /^(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** An address, an IPv6 one in brackets perhaps; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (text[0] === '[') {
    const bytes = text.endsWith(']') ? ipv6(text.slice(1, -1)) : undefined;
    return bytes && { kind: 'ipv6-reference', bytes };
  }
  if (text.includes(':')) {
    const bytes = ipv6(text);
    return bytes && { kind: 'ipv6', bytes };
  }
  const bytes = ipv4(text);
  return bytes && { kind: 'ipv4', bytes };
}

function ipv4(text: string): number[] | undefined {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((p) => OCTET.test(p)) ? parts.map(Number) : undefined;
}

function ipv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const gap = 16 - head.length - tail.length;
  if (halves.length === 1) return gap === 0 ? head : undefined;
  return gap >= 2 ? [...head, ...new Array<number>(gap).fill(0), ...tail] : undefined;
}

/** Bytes of `a:b:c`; `last`: it may end with an IPv4 address. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const out: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (GROUP.test(part)) {
      const n = Number.parseInt(part, 16);
      out.push(n >> 8, n & 255);
      continue;
    }
    const v4 = last && i === parts.length - 1 ? ipv4(part) : undefined;
    if (v4 === undefined) return undefined;
    out.push(...v4);
  }
  return out;
}

/** Do the first `bits` of the two agree? */
export function samePrefix(a: readonly number[], b: readonly number[], bits: number): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length && bits > 0; i++, bits -= 8) {
    const mask = bits >= 8 ? 255 : (255 << (8 - bits)) & 255;
    if ((a[i]! & mask) !== (b[i]! & mask)) return false;
  }
  return true;
}

/** Is the address in one of `net/bits, net/bits, address`? An item that is none is passed over. */
export function isInSubnets(address: Address, list: string): boolean {
  return list.split(',').some((item) => {
    const text = item.replace(/^ +| +$/g, '');
    const slash = text.lastIndexOf('/');
    const net = parseAddress(slash < 0 ? text : text.slice(0, slash));
    if (net === undefined || net.kind !== address.kind) return false;
    const width = net.bytes.length * 8;
    const bits = slash < 0 ? width : Number.parseInt(text.slice(slash + 1), 10) || 0;
    return bits >= 0 && bits <= width && samePrefix(address.bytes, net.bytes, bits);
  });
}

type Range = readonly [net: string, type: string];

/** The first that fits (detailed_ip_type.c, after RFC 6890). */
const IPV4: readonly Range[] = [
  ['255.255.255.255/32', 'BROADCAST'],
  ['203.0.113.0/24', 'TEST-NET'],
  ['198.51.100.0/24', 'TEST-NET'],
  ['192.88.99.0/24', '6TO4-RELAY'],
  ['192.0.2.0/24', 'TEST-NET'],
  ['192.0.0.0/24', 'RESERVED'],
  ['192.168.0.0/16', 'PRIVATE'],
  ['169.254.0.0/16', 'LINK-LOCAL'],
  ['198.18.0.0/15', 'RESERVED'],
  ['172.16.0.0/12', 'PRIVATE'],
  ['100.64.0.0/10', 'SHARED'],
  ['127.0.0.0/8', 'LOOPBACK'],
  ['10.0.0.0/8', 'PRIVATE'],
  ['0.0.0.0/8', 'PRIVATE'],
  ['240.0.0.0/4', 'RESERVED'],
  ['224.0.0.0/4', 'MULTICAST'],
];

const IPV6: readonly Range[] = [
  ['::/128', 'UNSPECIFIED'],
  ['::1/128', 'LOOPBACK'],
  ['::ffff:0:0/96', 'IPV4MAP'],
  ['100::/64', 'DISCARD'],
  ['2001:2::/48', 'BMWG'],
  ['2001::/32', 'TEREDO'],
  ['2001:db8::/32', 'DOCUMENTATION'],
  ['2001:10::/28', 'ORCHID'],
  ['2002::/16', '6TO4'],
  ['fec0::/10', 'RESERVED'],
  ['fe80::/10', 'LINK-LOCAL-UNICAST'],
  ['fe00::/9', 'RESERVED'],
  ['ff00::/8', 'MULTICAST'],
  ['fc00::/7', 'UNIQUE-LOCAL-UNICAST'],
  ['2000::/3', 'GLOBAL-UNICAST'],
];

/** What kind of address it is by the registries: PUBLIC, PRIVATE, LOOPBACK, GLOBAL-UNICAST … */
export function addressType(address: Address): string {
  const plain: Address = address.kind === 'ipv6-reference' ? { kind: 'ipv6', bytes: address.bytes } : address;
  const found = (plain.kind === 'ipv4' ? IPV4 : IPV6).find(([net]) => isInSubnets(plain, net));
  return found?.[1] ?? (plain.kind === 'ipv4' ? 'PUBLIC' : 'RESERVED');
}

export const PRIVATE_NETS = '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16';

/** Are the two the same address? */
export function sameAddress(a: Address, b: Address): boolean {
  return a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);
}
