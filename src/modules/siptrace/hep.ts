/** Homer's encapsulation protocol (HEP), versions 1 to 3: packets that carry a message and where it went. */
import { isIPv4, isIPv6 } from 'node:net';

export interface HepSource {
  /** `udp:127.0.0.1:5060`: where the message came from and went to. */
  readonly from: string;
  readonly to: string;
  readonly payload: string;
  /** Microseconds since the epoch. */
  readonly micros: number;
  readonly captureId: number;
}

export interface Hep3Source extends HepSource {
  readonly authKey: string;
  /** Empty: none. */
  readonly correlationId: string;
  /** 1: SIP, 100: a line of a log. */
  readonly type?: number;
}

/** Numbers of IP protocols; those over TLS and WebSocket share one (5.6.3). */
const IP_PROTO: Readonly<Record<string, number>> = { udp: 17, any: 17, tcp: 6, tls: 22, ws: 22, wss: 22, sctp: 132 };
const AF_INET = 2;
const AF_INET6 = 10;
const MAX_PACKET = 65535;
const MILLION = 1_000_000;

interface Address {
  readonly proto: number;
  readonly family: number;
  readonly bytes: Buffer;
  readonly port: number;
}

/** Undefined: no address. */
function address(text: string): Address | undefined {
  const m = /^(\w+):(.+):(\d+)$/.exec(text);
  const proto = m === null || !Object.hasOwn(IP_PROTO, m[1]!) ? undefined : IP_PROTO[m[1]!];
  if (m === null || proto === undefined) return undefined;
  const ip = m[2]!.replace(/^\[(.*)\]$/, '$1');
  const bytes = ipBytes(ip);
  if (bytes === undefined) return undefined;
  return { proto, family: bytes.length === 4 ? AF_INET : AF_INET6, bytes, port: Number(m[3]) & 0xffff };
}

function ipBytes(ip: string): Buffer | undefined {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number));
  if (!isIPv6(ip)) return undefined;
  const v4 = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  const hex = (a: string, b: string) => ((Number(a) << 8) | Number(b)).toString(16);
  const plain = v4 === null ? ip : `${v4[1]}${hex(v4[2]!, v4[3]!)}:${hex(v4[4]!, v4[5]!)}`;
  const [head = '', tail] = plain.split('%')[0]!.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':').map((w) => Number.parseInt(w, 16)));
  const first = words(head);
  const last = tail === undefined ? [] : words(tail);
  const out = Buffer.alloc(16);
  for (const [i, w] of first.entries()) out.writeUInt16BE(w, 2 * i);
  for (const [i, w] of last.entries()) out.writeUInt16BE(w, 16 - 2 * (last.length - i));
  return out;
}

interface Ends {
  readonly from: Address;
  readonly to: Address;
}

function ends(source: Pick<HepSource, 'from' | 'to'>): Ends | undefined {
  const from = address(source.from);
  const to = address(source.to);
  return from === undefined || to === undefined || from.family !== to.family ? undefined : { from, to };
}

// ------------------------------------------------------------- versions 1, 2

const HEP_HEADER = 8;
const HEP2_TIME = 12;

/** Undefined: the addresses do not fit together, or the packet would be too long. */
export function hep12(version: 1 | 2, source: HepSource): Buffer | undefined {
  const both = ends(source);
  if (both === undefined) return undefined;
  const { from, to } = both;
  const header = Buffer.alloc(HEP_HEADER);
  header[0] = version;
  header[1] = HEP_HEADER + 2 * from.bytes.length;
  header[2] = from.family;
  header[3] = to.proto;
  header.writeUInt16BE(from.port, 4);
  header.writeUInt16BE(to.port, 6);
  const parts = [header, from.bytes, to.bytes];
  if (version === 2) parts.push(hep2Time(source));
  parts.push(Buffer.from(source.payload, 'latin1'));
  return whole(parts);
}

/** In the byte order of the machine, which is little-endian wherever this runs. */
function hep2Time({ micros, captureId }: HepSource): Buffer {
  const time = Buffer.alloc(HEP2_TIME);
  time.writeUInt32LE(Math.floor(micros / MILLION) >>> 0, 0);
  time.writeUInt32LE(micros % MILLION, 4);
  time.writeUInt16LE(captureId & 0xffff, 8);
  return time;
}

function whole(parts: readonly Buffer[]): Buffer | undefined {
  const packet = Buffer.concat(parts);
  return packet.length > MAX_PACKET ? undefined : packet;
}

// ----------------------------------------------------------------- version 3

const CHUNK = {
  FAMILY: 1,
  PROTO: 2,
  SRC4: 3,
  DST4: 4,
  SRC6: 5,
  DST6: 6,
  SRC_PORT: 7,
  DST_PORT: 8,
  SECONDS: 9,
  MICROS: 10,
  TYPE: 11,
  CAPTURE: 12,
  AUTH: 14,
  PAYLOAD: 15,
  CORRELATION: 17,
} as const;

const CHUNK_HEADER = 6;
export const HEP_SIP = 1;
export const HEP_LOG = 100;

function chunk(type: number, data: Buffer): Buffer {
  const out = Buffer.alloc(CHUNK_HEADER);
  out.writeUInt16BE(type, 2);
  out.writeUInt16BE((CHUNK_HEADER + data.length) & 0xffff, 4);
  return Buffer.concat([out, data]);
}

const byte = (type: number, n: number) => chunk(type, Buffer.from([n]));

function word(type: number, n: number): Buffer {
  const data = Buffer.alloc(2);
  data.writeUInt16BE(n);
  return chunk(type, data);
}

function long(type: number, n: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(n >>> 0);
  return chunk(type, data);
}

const text = (type: number, value: string) => chunk(type, Buffer.from(value, 'latin1'));

/** Undefined as for `hep12`. */
export function hep3(source: Hep3Source): Buffer | undefined {
  const both = ends(source);
  if (both === undefined) return undefined;
  const { from, to } = both;
  const v4 = from.family === AF_INET;
  const type = source.type ?? HEP_SIP;
  const ports = [word(CHUNK.SRC_PORT, from.port), word(CHUNK.DST_PORT, to.port)];
  const body = [
    byte(CHUNK.FAMILY, from.family),
    byte(CHUNK.PROTO, to.proto),
    chunk(v4 ? CHUNK.SRC4 : CHUNK.SRC6, from.bytes),
    chunk(v4 ? CHUNK.DST4 : CHUNK.DST6, to.bytes),
    // a log line has its ports the other way round (5.6.3)
    ...(type === HEP_LOG ? ports.reverse() : ports),
    long(CHUNK.SECONDS, Math.floor(source.micros / MILLION)),
    long(CHUNK.MICROS, source.micros % MILLION),
    byte(CHUNK.TYPE, type),
    long(CHUNK.CAPTURE, source.captureId),
  ];
  if (source.correlationId !== '' || type === HEP_LOG) body.push(text(CHUNK.CORRELATION, source.correlationId));
  if (source.authKey !== '') body.push(text(CHUNK.AUTH, source.authKey));
  body.push(text(CHUNK.PAYLOAD, source.payload));
  const length = CHUNK_HEADER + body.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(CHUNK_HEADER);
  head.write('HEP3', 'latin1');
  head.writeUInt16BE(length & 0xffff, 4);
  return length > MAX_PACKET ? undefined : Buffer.concat([head, ...body]);
}
