/** Binding requests of STUN and their answers (RFC 5389, and RFC 3489 where the magic cookie is missing), byte for byte as Kamailio's. */
import { ipBytes } from '../../sip/ip.js';

const TYPE = { REQUEST: 0x0001, RESPONSE: 0x0101, ERROR: 0x0111 } as const;
const ATTR = {
  MAPPED_ADDRESS: 0x0001,
  ERROR_CODE: 0x0009,
  UNKNOWN: 0x000a,
  XOR_MAPPED_ADDRESS: 0x0020,
  SOFTWARE: 0x8022,
} as const;
const COOKIE = 0x2112a442;
const HEADER = 20;
const ATTR_HEADER = 4;

const ERRORS = { 400: 'Bad Request', 420: 'Unknown Attribute', 600: 'Global Failure' } as const;
type ErrorCode = keyof typeof ERRORS;

/** How long the value of a known attribute is in a request, from its length; others are unknown. */
const KNOWN = new Map<number, (length: number) => number>();
for (const type of [0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x000b, 0x0014, 0x0015, 0x0020, 0x8023])
  KNOWN.set(type, (n) => n);
for (const type of [0x0006, 0x0009, 0x000a, 0x8022]) KNOWN.set(type, (n) => (n + 3) & ~3);
const MESSAGE_INTEGRITY = 0x0008;
KNOWN.set(MESSAGE_INTEGRITY, (n) => (n + 63) & ~63);
const FINGERPRINT = 0x8028;
/** Kamailio takes a fingerprint for so long. */
const FINGERPRINT_LENGTH = 20;
KNOWN.set(FINGERPRINT, () => FINGERPRINT_LENGTH);
/** Attributes up to this one must be understood. */
const MANDATORY = 0x7fff;

interface Verdict {
  readonly error: ErrorCode | undefined;
  readonly unknown: readonly number[];
}

const bad: Verdict = { error: 400, unknown: [] };

function judge(request: Buffer): Verdict {
  if (request.readUInt16BE(0) !== TYPE.REQUEST) return { error: 600, unknown: [] };
  if (request.readUInt16BE(2) !== request.length - HEADER) return bad;
  const unknown: number[] = [];
  let at = HEADER;
  while (at < request.length) {
    if (request.length - at < ATTR_HEADER) return { error: 400, unknown };
    const type = request.readUInt16BE(at);
    const length = request.readUInt16BE(at + 2);
    at += ATTR_HEADER;
    const left = request.length - at;
    if (left < length || (type === FINGERPRINT && left > FINGERPRINT_LENGTH)) return { error: 400, unknown };
    const padded = KNOWN.get(type);
    if (padded === undefined && type <= MANDATORY) unknown.push(type);
    const whole = padded?.(length) ?? length;
    if (left < whole) break;
    at += whole;
  }
  return { error: unknown.length > 0 ? 420 : undefined, unknown };
}

function attribute(type: number, length: number, ...value: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(ATTR_HEADER);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, ...value]);
}

function padded(text: string): Buffer {
  const out = Buffer.alloc((text.length + 3) & ~3);
  out.write(text, 'latin1');
  return out;
}

/** Family, port and address; `mask`: what they are mixed with. */
function addressAttribute(type: number, ip: string, port: number, mask: Buffer | undefined): Buffer | undefined {
  const bytes = ipBytes(ip);
  if (bytes === undefined) return undefined;
  const value = Buffer.alloc(4 + bytes.length);
  value.writeUInt16BE(bytes.length === 4 ? 1 : 2, 0);
  value.writeUInt16BE(port, 2);
  value.set(bytes, 4);
  if (mask !== undefined) {
    value.writeUInt16BE(port ^ mask.readUInt16BE(0), 2);
    for (let i = 0; i < bytes.length; i++) value[4 + i]! ^= mask[i]!;
  }
  return attribute(type, value.length, value);
}

function errorAttribute(code: ErrorCode): Buffer {
  const text = ERRORS[code];
  return attribute(
    ATTR.ERROR_CODE,
    4 + text.length,
    Buffer.from([0, 0, Math.trunc(code / 100), code % 100]),
    padded(text),
  );
}

/** Its length counts its own head, and from two on the first is written once more (seen). */
function unknownAttribute(unknown: readonly number[]): Buffer {
  const types = Buffer.alloc(unknown.length * 2 + (unknown.length > 1 ? 2 : 0));
  for (const [i, type] of unknown.entries()) types.writeUInt16BE(type, i * 2);
  if (unknown.length > 1) types.writeUInt16BE(unknown[0]!, unknown.length * 2);
  return attribute(ATTR.UNKNOWN, ATTR_HEADER + unknown.length * 2, types);
}

/** The answer to what came from `ip` and `port`; undefined: none. `software` is what the server calls itself. */
export function stunAnswer(request: Buffer, ip: string, port: number, software: string): Buffer | undefined {
  if (request.length < HEADER) return undefined;
  const { error, unknown } = judge(request);
  const id = request.subarray(4, HEADER);
  const old = request.readUInt32BE(4) !== COOKIE;
  const attributes: Buffer[] = [];
  if (error === undefined) {
    const type = old ? ATTR.MAPPED_ADDRESS : ATTR.XOR_MAPPED_ADDRESS;
    const address = addressAttribute(type, ip, port, old ? undefined : id);
    if (address === undefined) return undefined;
    attributes.push(address);
  } else {
    attributes.push(errorAttribute(error));
    if (unknown.length > 0) attributes.push(unknownAttribute(unknown));
  }
  if (!old) attributes.push(attribute(ATTR.SOFTWARE, software.length, padded(software)));
  const body = Buffer.concat(attributes);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(error === undefined ? TYPE.RESPONSE : TYPE.ERROR, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, id, body]);
}
