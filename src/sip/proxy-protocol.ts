/** The PROXY protocol, versions 1 and 2: a load balancer tells whose connection it hands on (tcp_accept_haproxy). */
import { isIPv4, isIPv6, type Socket } from 'node:net';

export interface ProxiedAddresses {
  readonly srcIp: string;
  readonly srcPort: number;
  readonly dstIp: string;
  readonly dstPort: number;
}

export type ProxyHeader =
  /** More bytes are needed to tell. */
  | { readonly kind: 'more' }
  /** A header that cannot be used: the connection is to be closed. */
  | { readonly kind: 'bad' }
  /** No header: what came is the connection's own. */
  | { readonly kind: 'none' }
  /** `length` bytes; without addresses (UNKNOWN, LOCAL) those of the connection itself count. */
  | { readonly kind: 'header'; readonly length: number; readonly addresses?: ProxiedAddresses };

const MORE: ProxyHeader = { kind: 'more' };
const BAD: ProxyHeader = { kind: 'bad' };
const NONE: ProxyHeader = { kind: 'none' };

const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED = 16;
const V1 = Buffer.from('PROXY', 'latin1');
/** Bytes of the longest line of version 1, its line end included. */
const V1_LONGEST = 107;
const CR = 13;

export function readProxyHeader(data: Buffer): ProxyHeader {
  if (begins(data, V2)) return data.length < V2_FIXED ? MORE : versionTwo(data);
  if (begins(data, V1)) return data.length < V1.length ? MORE : versionOne(data);
  return NONE;
}

/** Is one the beginning of the other? */
function begins(data: Buffer, mark: Buffer): boolean {
  const n = Math.min(data.length, mark.length);
  return data.subarray(0, n).equals(mark.subarray(0, n));
}

function versionOne(data: Buffer): ProxyHeader {
  const end = data.subarray(0, V1_LONGEST).indexOf(CR);
  if (end < 0 || end + 1 >= data.length) return data.length < V1_LONGEST ? MORE : BAD;
  if (data[end + 1] !== 10) return BAD;
  const line = data.toString('latin1', V1.length, end);
  const length = end + 2;
  if (line.startsWith(' UNKNOWN')) return { kind: 'header', length };
  const [, version, srcIp = '', dstIp = '', src = '', dst = ''] =
    /^ TCP([46]) (\S+) (\S+) (\d+) (\d+)/.exec(line) ?? [];
  const isAddress = version === '4' ? isIPv4 : isIPv6;
  const [srcPort, dstPort] = [Number(src), Number(dst)];
  if (!isAddress(srcIp) || !isAddress(dstIp) || !isPort(srcPort) || !isPort(dstPort)) return BAD;
  return { kind: 'header', length, addresses: { srcIp, srcPort, dstIp, dstPort } };
}

const isPort = (port: number) => port > 0 && port < 65_536;

/** Bytes 12 to 15 of version 2: version and command, family and protocol, length of what follows. */
const COMMAND = { LOCAL: 0x20, PROXY: 0x21 } as const;
const FAMILY = { TCP4: 0x11, TCP6: 0x21 } as const;

function versionTwo(data: Buffer): ProxyHeader {
  const command = data[12];
  if (command !== COMMAND.LOCAL && command !== COMMAND.PROXY) return ((command ?? 0) & 0xf0) === 0x20 ? BAD : NONE;
  const length = V2_FIXED + data.readUInt16BE(14);
  if (data.length < length) return MORE;
  if (command === COMMAND.LOCAL) return { kind: 'header', length };
  const size = data[13] === FAMILY.TCP4 ? 4 : data[13] === FAMILY.TCP6 ? 16 : 0;
  if (size === 0 || length < V2_FIXED + 2 * size + 4) return BAD;
  const ports = V2_FIXED + 2 * size;
  return {
    kind: 'header',
    length,
    addresses: {
      srcIp: addressText(data.subarray(V2_FIXED, V2_FIXED + size)),
      srcPort: data.readUInt16BE(ports),
      dstIp: addressText(data.subarray(V2_FIXED + size, ports)),
      dstPort: data.readUInt16BE(ports + 2),
    },
  };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  // The URL class writes IPv6 in its short form.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Longest wait for a header that may be on its way, in bytes: then it is none. */
const LONGEST = V2_FIXED + 65_535;

/**
 * Takes the header off a stream that has just come; what follows it stays in the stream, which is paused. `done` gets the
 * addresses that the header tells, if any; it is not called for a stream that ends first. `refused`: there is no usable
 * header within `timeout` milliseconds, and the stream is destroyed.
 */
export function takeProxyHeader(
  stream: Socket,
  timeout: number,
  done: (addresses: ProxiedAddresses | undefined) => void,
  refused: () => void,
): void {
  let kept: Buffer = Buffer.alloc(0);
  // What could have become a header and did not go on: line ends are a keep-alive.
  const timer = setTimeout(() => end(kept[0] === CR ? () => hand(kept) : refuse), timeout);
  const hand = (rest: Buffer, addresses?: ProxiedAddresses) => {
    stream.pause();
    if (rest.length > 0) stream.unshift(rest);
    done(addresses);
  };
  const refuse = () => {
    refused();
    stream.destroy();
  };
  const end = (next: () => void) => {
    clearTimeout(timer);
    stream.off('data', onData);
    stream.off('close', onClose);
    stream.off('error', onError);
    next();
  };
  const onClose = () => end(() => undefined);
  const onError = () => undefined;
  const onData = (chunk: Buffer) => {
    kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    const header = readProxyHeader(kept);
    if (header.kind === 'more' && kept.length <= LONGEST) return;
    if (header.kind === 'bad' || header.kind === 'more') return end(refuse);
    if (header.kind === 'none') end(() => hand(kept));
    else end(() => hand(kept.subarray(header.length), header.addresses));
  };
  stream.on('data', onData);
  stream.on('close', onClose);
  stream.on('error', onError);
}
