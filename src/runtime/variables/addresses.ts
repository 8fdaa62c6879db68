/** Where a message came from, the socket it came to and the one it leaves by: variables.md, section 2. */
import { bracketed, type ListenSocket, PROTO_ID, type Proto, type Received, uriProto } from '../../sip/transport.js';
import { protoOf } from '../../sip/uri.js';
import type { Context } from '../context.js';
import { type PvDefinition, pv, pvTable } from '../module.js';
import { Dual, type Value } from '../values.js';
import { assignedText, isNull, logError, logWarning } from './support.js';

const PROTOS: Readonly<Record<Proto, Dual>> = {
  udp: new Dual('udp', 1),
  tcp: new Dual('tcp', 2),
  tls: new Dual('tls', 3),
  sctp: new Dual('sctp', 4),
  ws: new Dual('ws', 5),
  wss: new Dual('wss', 6),
};

const AF = { 4: 2, 6: 10 } as const;

export function addressFamily(socket: ListenSocket): number {
  return AF[socket.af];
}

/** `sip:host:port`, with its transport where that is not UDP or `full` asks for it. */
function uriText(host: string, port: number, proto: Proto, full: boolean): string {
  const uri = `sip:${bracketed(host)}:${port}`;
  return full || proto !== 'udp' ? `${uri};transport=${uriProto(proto)}` : uri;
}

function sourceUri({ srcIp, srcPort, proto }: Received, full: boolean): string {
  return uriText(srcIp, srcPort, proto, full);
}

function advertised(socket: ListenSocket): { host: string; port: number } {
  const { host, port } = socket.advertised ?? { host: '', port: 0 };
  return { host: host || socket.ip, port: port || socket.port };
}

function receivingUri({ msg }: Context, full: boolean): string {
  const { socket, proto } = msg.received;
  return uriText(socket.ip, socket.port, proto, full);
}

function advertisedUri({ msg }: Context, full: boolean): string {
  const { socket, proto } = msg.received;
  const { host, port } = advertised(socket);
  return uriText(host, port, proto, full);
}

/** A port as Kamailio keeps it with a socket: an int with its own text. */
const intText = (n: number): Value => new Dual(`${n}`, n, true);

// -------------------------------------------------------------- send socket

/** `proto:host:port`, `host:port` or `host`; undefined where it is no address. */
export function parseSocketAddress(text: string): { proto: Proto | undefined; host: string; port: number } | undefined {
  const m = /^(?:([A-Za-z]+):)?(\[[^\]]*\]|[^:[\]]+)(?::(\d+))?$/.exec(text.trim());
  if (m === null) return undefined;
  const proto = m[1] === undefined ? undefined : protoOf(m[1]);
  if (m[1] !== undefined && proto === undefined) return undefined;
  return { proto, host: m[2]!, port: Number(m[3] ?? 0) };
}

/** The own socket that a text names; null (with a warning) where none listens there, undefined where it is no address. */
export function socketOf(ctx: Context, text: string): ListenSocket | null | undefined {
  const address = parseSocketAddress(text);
  if (address === undefined) return undefined;
  const found = ctx.host.findSocket(address.proto, address.host, address.port);
  if (found !== undefined) return found;
  logWarning(ctx, `no socket found to match [${text}]`);
  return null;
}

function setSendSocket(ctx: Context, value: Value): boolean {
  if (isNull(value)) {
    ctx.msg.sendSocket = null;
    return true;
  }
  const text = assignedText(value);
  if (text === undefined || text === '') return logError(ctx, 'str value required to set the force send sock');
  const socket = socketOf(ctx, text);
  if (socket === undefined) return logError(ctx, 'invalid socket specification');
  if (socket !== null) ctx.msg.sendSocket = socket;
  return true;
}

function setSendSocketName(ctx: Context, value: Value): boolean {
  if (isNull(value)) {
    ctx.msg.sendSocket = null;
    return true;
  }
  const name = assignedText(value);
  if (name === undefined || name === '') return logError(ctx, 'str value required to set the force send sock');
  const socket = ctx.host.sockets.find((s) => s.name === name);
  if (socket === undefined) logWarning(ctx, `no socket found to match name [${name}]`);
  else ctx.msg.sendSocket = socket;
  return true;
}

const srcIp = pv('Source address, IPv6 without brackets.', ({ msg }) => msg.received.srcIp, undefined, 'string');
const proto = pv('Transport that the message came over, lower case.', ({ msg }) => PROTOS[msg.received.proto]);

export const ADDRESSES: Readonly<Record<string, PvDefinition>> = {
  si: srcIp,
  src_ip: srcIp,
  siz: pv('Source address, IPv6 in brackets.', ({ msg }) => bracketed(msg.received.srcIp), undefined, 'string'),
  sp: pv('Source port.', ({ msg }) => msg.received.srcPort, undefined, 'int'),
  su: pv('Source as a URI.', ({ msg }) => sourceUri(msg.received, false), undefined, 'string'),
  sut: pv('Source as a URI with its transport.', ({ msg }) => sourceUri(msg.received, true), undefined, 'string'),
  sas: pv(
    'Source as `proto:ip:port`.',
    ({ msg: { received } }) => `${uriProto(received.proto)}:${bracketed(received.srcIp)}:${received.srcPort}`,
    undefined,
    'string',
  ),
  pr: proto,
  proto,
  prid: pv(
    'Number of the transport: 1 udp, 2 tcp, 3 tls, 4 sctp, 5 ws, 6 wss.',
    ({ msg }) => PROTO_ID[msg.received.proto],
    undefined,
    'int',
  ),
  conid: pv('Id of the connection; null over UDP.', ({ msg }) => msg.received.connection || null),
  Ri: pv('Address of the receiving socket.', ({ msg }) => msg.received.socket.ip, undefined, 'string'),
  Rp: pv('Port of the receiving socket.', ({ msg }) => intText(msg.received.socket.port)),
  Ru: pv('Receiving socket as a URI.', (ctx) => receivingUri(ctx, false), undefined, 'string'),
  Rut: pv('Receiving socket as a URI with its transport.', (ctx) => receivingUri(ctx, true), undefined, 'string'),
  Ras: pv('Receiving socket as `proto:ip:port`.', ({ msg }) => msg.received.socket.text, undefined, 'string'),
  Rn: pv('Name of the receiving socket; null without one.', ({ msg }) => msg.received.socket.name ?? null),
  RAi: pv(
    'Advertised address of the receiving socket.',
    ({ msg }) => advertised(msg.received.socket).host,
    undefined,
    'string',
  ),
  RAp: pv('Advertised port of the receiving socket.', ({ msg }) => intText(advertised(msg.received.socket).port)),
  RAu: pv(
    'Receiving socket as a URI with its advertised address.',
    (ctx) => advertisedUri(ctx, false),
    undefined,
    'string',
  ),
  RAut: pv('The same with the transport.', (ctx) => advertisedUri(ctx, true), undefined, 'string'),
  af: pvTable('Address family that the message came over.', {
    id: ({ msg }) => addressFamily(msg.received.socket),
    name: ({ msg }) => `IPv${msg.received.socket.af}`,
  }),
  fs: pv('Socket to send from; null when none is forced.', ({ msg }) => msg.sendSocket?.text ?? null, setSendSocket),
  fsn: pv('Name of the socket to send from.', ({ msg }) => msg.sendSocket?.name ?? null, setSendSocketName),
  fsp: pv('Port of the socket to send from; 0 when none is forced.', ({ msg }) =>
    msg.sendSocket === null ? 0 : intText(msg.sendSocket.port),
  ),
};
