/** Module path: Path headers of an edge proxy (RFC 3327; sip.md, section 8). */
import { coreOf } from '../runtime/core/facts.js';
import { advertisedOf } from '../runtime/core/forward.js';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  LEVEL,
  opt,
  type RouteContext,
  str,
  strParam,
} from '../runtime/module.js';
import { sentBy, type ViaOptions } from '../sip/build.js';
import { isWebSocket } from '../sip/connections.js';
import { HDR } from '../sip/header-names.js';
import { bracketed, type ListenSocket, type Proto, type Received, uriProto } from '../sip/transport.js';
import { parseParams } from '../sip/uri.js';
import { firstHop, flowToken, USE, useOutbound } from './outbound/api.js';
import { hasRr, onRoute } from './rr/state.js';

interface Params {
  readonly enable_r2: number;
  readonly received_format: number;
  readonly received_name: string;
  readonly use_received: number;
  readonly sockname_mode: number;
}

type Advertised = ViaOptions['advertised'];

const ADDED = 1;
/** Kamailio's numbers of protocols, in `received=IP~PORT~NUMBER`. */
const PROTO_NUMBERS: Readonly<Record<Proto, number>> = { udp: 1, tcp: 2, tls: 3, sctp: 4, ws: 5, wss: 6 };

/** `;received=…`: the source address, as a URI or, with received_format 1, in Kamailio's own form. */
function receivedParam({ received_format: format, received_name: name }: Params, from: Received): string {
  const { srcIp, srcPort, proto } = from;
  const host = bracketed(srcIp);
  if (format !== 0) return `;${name}=${host}~${srcPort}~${PROTO_NUMBERS[proto]}`;
  const transport = proto === 'udp' ? '' : `%3Btransport%3D${proto === 'wss' ? 'ws' : proto}`;
  return `;${name}=sip:${host}:${srcPort}${transport}`;
}

/** As it leaves: the socket that it is sent from is known only then. */
function addPath(ctx: RouteContext, given: string | undefined, params: string, received: boolean): number {
  const { msg } = ctx;
  // a user that the script gives leaves no place for a flow
  const flow = given === undefined && useOutbound(ctx) !== USE.NO;
  const user = flow ? flowToken(ctx.host, msg.received) : (given ?? '');
  const own = ctx.program.params('path') as unknown as Params;
  const userPart = user === '' ? '' : `${user}@`;
  const more = params === '' ? '' : `;${params}`;
  const r2 = own.enable_r2 === 0 ? '' : ';r2=on';
  const ob = flow && firstHop(ctx) ? ';ob' : '';
  const end = `;lr${received ? receivedParam(own, msg.received) : ''}${ob}${more}${r2}>\r\n`;
  const line = (socket: ListenSocket, proto: Proto, advertised?: Advertised) =>
    `Path: <sip:${userPart}${address(own, socket, proto, advertised)}${end}`;
  const advertised = advertisedOf(msg, coreOf(ctx.program));
  const incoming = msg.received.socket;
  const at = msg.first(HDR.PATH)?.start ?? msg.headersEnd;
  msg.edits.insertFirst(
    at,
    ({ sendSocket, proto = sendSocket.proto }) =>
      line(sendSocket, proto, advertised) + (own.enable_r2 === 0 ? '' : line(incoming, msg.received.proto)),
    'path',
  );
  return ADDED;
}

/** The global advertised address is that of the outgoing side, where the socket has none of its own. */
function address(
  { sockname_mode: named }: Params,
  socket: ListenSocket,
  proto: Proto,
  advertised?: Advertised,
): string {
  const transportName = isWebSocket(proto) ? 'ws' : socket.proto;
  const transport = transportName === 'udp' ? '' : `;transport=${transportName}`;
  const name = named !== 0 && socket.name !== undefined && socket.name !== '' ? `;sn=${socket.name}` : '';
  return `${sentBy(socket, socket.advertised === undefined ? advertised : undefined)}${transport}${name}`;
}

/** The address that a Route of ours brings back becomes the next hop. */
function useReceived(ctx: RouteContext, routeParams: string): void {
  const own = ctx.program.params('path') as unknown as Params;
  if (own.use_received === 0) return;
  const value = parseParams(routeParams).find(([name]) => name.toLowerCase() === own.received_name.toLowerCase())?.[1];
  if (value === undefined || value === '') return;
  const uri = own.received_format === 0 ? unescaped(value) : fromNumbers(value);
  if (uri === undefined) ctx.host.log.write(LEVEL.ERR, 'path', `invalid received parameter: ${value}\n`);
  else ctx.msg.dstUri = uri;
}

function unescaped(value: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) return undefined;
  const text = value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return text.includes('\0') ? undefined : text;
}

/** `IP~PORT~NUMBER` as a URI. */
function fromNumbers(value: string): string | undefined {
  const [, host, port, number] = /^([^~]+)~(\d+)~(\d)$/.exec(value) ?? [];
  const proto = Object.entries(PROTO_NUMBERS).find(([, n]) => n === Number(number))?.[0];
  if (host === undefined || proto === undefined) return undefined;
  return `sip:${host}:${port}${proto === 'udp' ? '' : `;transport=${uriProto(proto)}`}`;
}

const params = {
  use_received: intParam(
    0,
    '1: loose_route() takes the `received` of a Route of this server as next hop; it wants module rr.',
  ),
  received_format: intParam(0, "The received address: 0 as a URI, 1 in Kamailio's own form IP~PORT~PROTOCOL."),
  received_name: strParam('received', 'Name of the URI parameter with the received address.'),
  enable_r2: intParam(0, '1: two Path headers, for the socket it leaves by and the one it came by, each with r2=on.'),
  sockname_mode: intParam(0, '1: the name of the socket is added as `sn`.'),
};

export const path = defineModule({
  name: 'path',
  doc: 'Puts this server into the Path of a registration.',
  params,
  functions: {
    add_path: fn({
      doc: 'Adds a Path header of this server on top.',
      args: [opt(str('user')), opt(str('parameters'))],
      routes: ['request'],
      run: (ctx, _params: Params, user, more) => addPath(ctx, user, more ?? '', false),
    }),
    add_path_received: fn({
      doc: 'As add_path(), with the source address of the request in a parameter.',
      args: [opt(str('user')), opt(str('parameters'))],
      routes: ['request'],
      run: (ctx, _params: Params, user, more) => addPath(ctx, user, more ?? '', true),
    }),
  },
  start: () => undefined,
  ready(host: Host) {
    if (hasRr(host)) onRoute(host, useReceived);
    else if ((host.program.params('path') as unknown as Params).use_received !== 0)
      throw new Error('path: use_received wants module rr');
  },
  reload: () => undefined,
});
