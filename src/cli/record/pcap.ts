/**
 * UDP datagrams of capture files: pcap and pcapng, of Ethernet, Linux "any" devices (SLL, SLL2), loopback and raw IP.
 * A damaged file gives what stands before the damage.
 */

export interface Datagram {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** `ip:port`, IPv6 in brackets. */
  readonly from: string;
  readonly to: string;
  /** Latin1. */
  readonly text: string;
}

interface Frame {
  readonly at: number;
  readonly linkType: number;
  readonly data: Buffer;
}

/** The file is none that is known. */
export class CaptureError extends Error {
  readonly code = 'ECAPTURE';
}

export function datagrams(file: Buffer): Datagram[] {
  const fragments = new Fragments();
  return [...frames(file)].flatMap((frame) => datagramOf(frame, fragments) ?? []);
}

function frames(file: Buffer): Generator<Frame> {
  const magic = file.length < 24 ? 0 : file.readUInt32LE(0);
  if (magic === 0x0a0d0d0a) return ngFrames(file);
  if (magic === 0xa1b2c3d4 || magic === 0xa1b23c4d || magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1)
    return classicFrames(file, magic);
  throw new CaptureError('neither pcap nor pcapng');
}

/** Reads numbers in the byte order of a file. */
function reader(file: Buffer, little: boolean) {
  return {
    u16: (at: number) => (little ? file.readUInt16LE(at) : file.readUInt16BE(at)),
    u32: (at: number) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at)),
  };
}

const RECORD_HEADER = 16;

function* classicFrames(file: Buffer, magic: number): Generator<Frame> {
  const { u32 } = reader(file, magic === 0xa1b2c3d4 || magic === 0xa1b23c4d);
  const perMs = magic === 0xa1b23c4d || magic === 0x4d3cb2a1 ? 1e6 : 1e3;
  const linkType = u32(20) & 0xffff;
  for (let at = 24; at + RECORD_HEADER <= file.length; ) {
    const length = u32(at + 8);
    const data = file.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    if (data.length < length) return;
    yield { at: u32(at) * 1000 + u32(at + 4) / perMs, linkType, data };
    at += RECORD_HEADER + length;
  }
}

const BLOCK = { SECTION: 0x0a0d0d0a, INTERFACE: 1, SIMPLE: 3, ENHANCED: 6 } as const;
const MIN_BLOCK = 12;
const OPTION_TIME_RESOLUTION = 9;

interface Interface {
  readonly linkType: number;
  /** Ticks of a timestamp in a millisecond. */
  readonly perMs: number;
}

function* ngFrames(file: Buffer): Generator<Frame> {
  let little = true;
  let interfaces: Interface[] = [];
  for (let at = 0; at + MIN_BLOCK <= file.length; ) {
    const type = file.readUInt32LE(at);
    if (type === BLOCK.SECTION) {
      little = file.readUInt32LE(at + 8) === 0x1a2b3c4d;
      interfaces = [];
    }
    const { u16, u32 } = reader(file, little);
    const length = u32(at + 4);
    if (length < MIN_BLOCK || at + length > file.length) return;
    const kind = type === BLOCK.SECTION ? type : u32(at);
    if (kind === BLOCK.INTERFACE)
      interfaces.push({ linkType: u16(at + 8), perMs: resolution(file, at + 16, at + length - 4, u16) });
    else if (kind === BLOCK.ENHANCED) {
      const of = interfaces[u32(at + 8)];
      const size = u32(at + 20);
      const ticks = u32(at + 12) * 2 ** 32 + u32(at + 16);
      if (of !== undefined && 32 + size <= length)
        yield { at: ticks / of.perMs, linkType: of.linkType, data: file.subarray(at + 28, at + 28 + size) };
    } else if (kind === BLOCK.SIMPLE && interfaces[0] !== undefined) {
      const size = Math.min(u32(at + 8), length - 16);
      yield { at: 0, linkType: interfaces[0].linkType, data: file.subarray(at + 12, at + 12 + size) };
    }
    at += length;
  }
}

/** Option if_tsresol: a power of ten, or with the top bit of two; microseconds without it. */
function resolution(file: Buffer, from: number, end: number, u16: (at: number) => number): number {
  for (let at = from; at + 4 <= end; ) {
    const code = u16(at);
    const length = u16(at + 2);
    if (code === 0) break;
    if (code === OPTION_TIME_RESOLUTION && length >= 1 && at + 4 < end) {
      const value = file[at + 4]!;
      return (value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value) / 1000;
    }
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  return 1000;
}

/** Where the IP packet begins, by link type; undefined: no IP. */
const IP_AT: Readonly<Record<number, (data: Buffer) => number | undefined>> = {
  0: () => 4,
  1: ethernet,
  12: () => 0,
  14: () => 0,
  101: () => 0,
  108: () => 4,
  113: (data) => (isIp(data, 14) ? 16 : undefined),
  228: () => 0,
  229: () => 0,
  276: (data) => (isIp(data, 0) ? 20 : undefined),
};

const ETHER = { IPV4: 0x0800, IPV6: 0x86dd, VLAN: 0x8100, QINQ: 0x88a8 } as const;

function isIp(data: Buffer, at: number): boolean {
  if (data.length < at + 2) return false;
  const type = data.readUInt16BE(at);
  return type === ETHER.IPV4 || type === ETHER.IPV6;
}

function ethernet(data: Buffer): number | undefined {
  let at = 12;
  while (data.length >= at + 4 && [ETHER.VLAN, ETHER.QINQ].includes(data.readUInt16BE(at) as never)) at += 4;
  return isIp(data, at) ? at + 2 : undefined;
}

function datagramOf({ at, linkType, data }: Frame, fragments: Fragments): Datagram | undefined {
  const start = IP_AT[linkType]?.(data);
  if (start === undefined || data.length < start + 20) return undefined;
  const packet = data.subarray(start);
  const version = packet[0]! >> 4;
  const ip = version === 4 ? ipv4(packet, fragments) : version === 6 ? ipv6(packet) : undefined;
  if (ip === undefined || ip.payload.length < 8) return undefined;
  const [source, target, length] = [0, 2, 4].map((n) => ip.payload.readUInt16BE(n));
  return {
    at: Math.round(at * 1000) / 1000,
    from: `${ip.from}:${source}`,
    to: `${ip.to}:${target}`,
    text: ip.payload.toString('latin1', 8, Math.max(8, length!)),
  };
}

interface Ip {
  readonly from: string;
  readonly to: string;
  readonly payload: Buffer;
}

const UDP = 17;

function ipv4(packet: Buffer, fragments: Fragments): Ip | undefined {
  if (packet[9] !== UDP) return undefined;
  const header = (packet[0]! & 15) * 4;
  const body = packet.subarray(header, Math.max(header, packet.readUInt16BE(2)));
  const address = (at: number) => [...packet.subarray(at, at + 4)].join('.');
  const [from, to] = [address(12), address(16)];
  const position = packet.readUInt16BE(6);
  const isFragment = (position & 0x3fff) !== 0;
  const payload = isFragment
    ? fragments.add(`${from} ${to} ${packet.readUInt16BE(4)}`, (position & 0x1fff) * 8, (position & 0x2000) === 0, body)
    : body;
  return payload && { from, to, payload };
}

function ipv6(packet: Buffer): Ip | undefined {
  if (packet.length < 40 || packet[6] !== UDP) return undefined;
  const address = (at: number) => {
    const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((n) => packet.readUInt16BE(at + n).toString(16));
    return `[${shortIpv6(groups)}]`;
  };
  return { from: address(8), to: address(24), payload: packet.subarray(40) };
}

/** The longest run of zero groups becomes `::` (RFC 5952). */
function shortIpv6(groups: readonly string[]): string {
  const runs = [...groups.join(':').matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)];
  const [longest] = runs.sort((a, b) => b[0].length - a[0].length);
  if (longest === undefined) return groups.join(':');
  const text = groups.join(':');
  return `${text.slice(0, longest.index)}::${text.slice(longest.index + longest[0].length).replace(/^:/, '')}`;
}

/** Puts IPv4 fragments together. */
class Fragments {
  readonly #parts = new Map<string, { readonly pieces: Map<number, Buffer>; end: number | undefined }>();

  /** The whole, once all is there. */
  add(key: string, offset: number, isLast: boolean, body: Buffer): Buffer | undefined {
    const known = this.#parts.get(key) ?? { pieces: new Map<number, Buffer>(), end: undefined };
    this.#parts.set(key, known);
    known.pieces.set(offset, body);
    if (isLast) known.end = offset + body.length;
    if (known.end === undefined) return undefined;
    const whole: Buffer[] = [];
    for (let at = 0; at < known.end; ) {
      const piece = known.pieces.get(at);
      if (piece === undefined || piece.length === 0) return undefined;
      whole.push(piece);
      at += piece.length;
    }
    this.#parts.delete(key);
    return Buffer.concat(whole);
  }
}
