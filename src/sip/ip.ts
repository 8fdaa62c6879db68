/** IP addresses and networks as numbers. */

/** 4 or 16 bytes of an address as text, IPv6 with or without brackets; undefined when it is none. */
export function ipBytes(text: string): readonly number[] | undefined {
  if (text.includes(':')) return ipv6Bytes(text[0] === '[' && text.endsWith(']') ? text.slice(1, -1) : text);
  return ipv4Bytes(text);
}

function ipv4Bytes(text: string): readonly number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const out: number[] = [];
  for (const part of parts) {
    if (part === '' || part.length > 3 || !/^\d+$/.test(part)) return undefined;
    const n = Number(part);
    if (n > 255) return undefined;
    out.push(n);
  }
  return out;
}

function ipv6Bytes(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '');
  const tail = halves.length === 2 ? groups(halves[1] ?? '') : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Bytes of `a:b:c`, the last of which may be an IPv4 address. */
function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const four = i === parts.length - 1 ? ipv4Bytes(part) : undefined;
      if (four === undefined) return undefined;
      out.push(...four);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
    const n = Number.parseInt(part, 16);
    out.push(n >> 8, n & 255);
  }
  return out;
}

/** Is it a literal address (no name to be looked up)? */
export function isIp(text: string): boolean {
  return ipBytes(text) !== undefined;
}

export interface IpNet {
  /** First address of the network. */
  readonly bytes: readonly number[];
  /** 0…32 or 0…128. */
  readonly bits: number;
}

/** `ip`, `ip/bits` or `ip/mask`; undefined when it is none of these. */
export function parseNet(text: string): IpNet | undefined {
  const slash = text.indexOf('/');
  const bytes = ipBytes(slash < 0 ? text : text.slice(0, slash));
  if (bytes === undefined) return undefined;
  const bits = slash < 0 ? bytes.length * 8 : maskBits(text.slice(slash + 1), bytes.length);
  if (bits === undefined) return undefined;
  return { bytes: bytes.map((b, i) => b & byteMask(bits, i)), bits };
}

/** The number of bits of `24` or `255.255.255.0`. */
function maskBits(text: string, length: number): number | undefined {
  if (/^\d{1,3}$/.test(text)) {
    const n = Number(text);
    return n <= length * 8 ? n : undefined;
  }
  const mask = ipBytes(text);
  if (mask === undefined || mask.length !== length) return undefined;
  const bits = mask.map((b) => b.toString(2).padStart(8, '0')).join('');
  const ones = bits.indexOf('0') < 0 ? bits.length : bits.indexOf('0');
  return bits.slice(ones).includes('1') ? undefined : ones;
}

function byteMask(bits: number, index: number): number {
  const left = bits - index * 8;
  if (left >= 8) return 255;
  return left <= 0 ? 0 : (255 << (8 - left)) & 255;
}

export function inNet(address: readonly number[], net: IpNet): boolean {
  if (address.length !== net.bytes.length) return false;
  for (let i = 0; i * 8 < net.bits; i++) {
    if ((address[i]! & byteMask(net.bits, i)) !== net.bytes[i]) return false;
  }
  return true;
}

/** How texts of IPv6 addresses are written: short, or with all groups (ipv6_hex_style). */
export type Ipv6Style = 'c' | 'a' | 'A';

/** An address in the style; one that is no IPv6 address stays as it is. */
export function styledIp(ip: string, style: Ipv6Style): string {
  if (style === 'c' || !ip.includes(':')) return ip;
  const bytes = ipBytes(ip);
  if (bytes?.length !== 16) return ip;
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  const text = groups.join(':');
  return style === 'A' ? text.toUpperCase() : text;
}

export function ipv6Style(value: number | string | undefined): Ipv6Style {
  const first = String(value ?? 'c')[0];
  return first === 'a' || first === 'A' ? first : 'c';
}
