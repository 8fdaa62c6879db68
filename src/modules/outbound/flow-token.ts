/** Flow tokens (RFC 5626, 5.2): the two ends of a connection in the user part of a Path or Record-Route, signed. */
import { createHmac } from 'node:crypto';
import { ipBytes } from '../../sip/ip.js';
import { PROTO_ID, type Proto } from '../../sip/transport.js';

export interface Flow {
  readonly proto: Proto;
  /** The end that is ours. */
  readonly localIp: string;
  readonly localPort: number;
  readonly remoteIp: string;
  readonly remotePort: number;
}

/** Bytes of the signature. */
const SIGNED = 10;
const IPV6 = 0x80;
/** Lengths of tokens with addresses of 4 and 16 bytes, before base64. */
const LENGTHS: ReadonlySet<number> = new Set([23, 47]);
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const PROTOS = new Map<number, Proto>(Object.entries(PROTO_ID).map(([name, id]) => [id, name as Proto]));

function signature(key: Buffer, body: Buffer): Buffer {
  return createHmac('sha1', key).update(body).digest().subarray(-SIGNED);
}

const port = (n: number): number[] => [(n >> 8) & 0xff, n & 0xff];

/** Undefined: an address is none. */
export function encodeFlow(flow: Flow, key: Buffer): string | undefined {
  const local = ipBytes(flow.localIp);
  const remote = ipBytes(flow.remoteIp);
  if (local === undefined || remote === undefined) return undefined;
  const first = (local.length === 16 ? IPV6 : 0) | PROTO_ID[flow.proto];
  const body = Buffer.from([first, ...local, ...port(flow.localPort), ...remote, ...port(flow.remotePort)]);
  return Buffer.concat([signature(key, body), body]).toString('base64');
}

/** `none`: the text is no token; `broken`: it is one that we did not sign. */
export function decodeFlow(text: string, key: Buffer): Flow | 'none' | 'broken' {
  const token = BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (!LENGTHS.has(token.length)) return 'none';
  const body = token.subarray(SIGNED);
  if (!signature(key, body).equals(token.subarray(0, SIGNED))) return 'broken';
  const length = (body[0]! & IPV6) === 0 ? 4 : 16;
  const proto = PROTOS.get(body[0]! & ~IPV6);
  const remoteAt = 1 + length + 2;
  if (proto === undefined || body.length !== remoteAt + length + 2) return 'broken';
  return {
    proto,
    localIp: address(body.subarray(1, 1 + length)),
    localPort: body.readUInt16BE(1 + length),
    remoteIp: address(body.subarray(remoteAt, remoteAt + length)),
    remotePort: body.readUInt16BE(remoteAt + length),
  };
}

/** IPv6 in the form that sockets have, so that a connection is found by it. */
function address(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
