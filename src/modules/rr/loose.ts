/** loose_route(): taking our own Route off and finding the next hop (RFC 3261, 16.4 and 16.6; strict routers too). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { type RouteItem, routesOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { MSG_FLAG, type SipMessage } from '../../sip/message.js';
import { bracketed, type ListenSocket, uriProto } from '../../sip/transport.js';
import { parseUri, type SipUri, uriParam, uriTransport } from '../../sip/uri.js';
import { comesFrom, flowOf } from '../outbound/api.js';
import { isOurs, RR, type RrParams, remember, rrParamsOf } from './state.js';

export const DRIVEN = 1;
export const NOT_DRIVEN = -1;
/** A flow token led to the next hop (module outbound). */
const FLOW_DRIVEN = 2;
/** There is one that we did not sign, or that leads nowhere. */
const FLOW_BROKEN = -2;
/** Ours was the only Route of a request that begins a dialog. */
export const PRELOADED = -3;

/** Mode 1 takes the Routes alone: a request URI of ours does not mean that a strict router sent it. */
export function looseRoute(ctx: Context, mode = 0): number {
  const routes = routesOf(ctx.msg, HDR.ROUTE);
  const uri = parseUri(ctx.msg.uri);
  if (routes.length === 0 || uri === undefined) return NOT_DRIVEN;
  const preloaded = toOf(ctx.msg)?.tag === undefined;
  if (!preloaded && mode === 0 && isOurs(ctx, uri)) return afterStrict(ctx, routes, uri);
  return afterLoose(ctx, routes, preloaded);
}

function isStrict(uri: SipUri): boolean {
  return uriParam(uri, 'lr') === undefined;
}

function isSecondOfPair(params: RrParams, uri: SipUri): boolean {
  return params.enable_double_rr !== 0 && uriParam(uri, 'r2') === 'on';
}

function afterLoose(ctx: Context, routes: readonly RouteItem[], preloaded: boolean): number {
  const params = rrParamsOf(ctx.program);
  const top = parseUri(routes[0]!.uri);
  if (top === undefined) return NOT_DRIVEN;
  let used = 0;
  let own = '';
  let flows = false;
  if (isOurs(ctx, top)) {
    own = top.params;
    const flow = takeFlow(ctx, top.user ?? '');
    if (flow === undefined) return FLOW_BROKEN;
    flows = flow;
    used = ownRoutes(ctx, params, routes, top, flows);
    if (used < 0) return NOT_DRIVEN;
  }
  remember(ctx.msg, { params: own });
  const next = routes[used];
  if (next === undefined) {
    removeRoutes(ctx.msg, routes, used);
    tell(ctx, own);
    if (flows) return FLOW_DRIVEN;
    return preloaded ? PRELOADED : DRIVEN;
  }
  if (used > 0) ctx.msg.internalFlags |= MSG_FLAG.ROUTE_ADDR;
  const uri = parseUri(next.uri);
  if (uri === undefined) return NOT_DRIVEN;
  if (isStrict(uri)) toStrictRouter(ctx.msg, routes, used);
  else {
    if (!flows) ctx.msg.dstUri = next.uri;
    removeRoutes(ctx.msg, routes, used);
  }
  tell(ctx, own);
  return flows ? FLOW_DRIVEN : DRIVEN;
}

/** Sends over the flow that the token names, unless the request came by it. Undefined: the token is broken. */
function takeFlow(ctx: Context, token: string): boolean | undefined {
  const { host, msg } = ctx;
  const flow = flowOf(ctx, token);
  if (flow === 'none' || (flow !== 'broken' && comesFrom(msg, flow))) return false;
  const socket = flow === 'broken' ? undefined : host.findSocket(flow.proto, flow.localIp, flow.localPort);
  if (flow === 'broken' || socket === undefined) {
    const why = flow === 'broken' ? 'failed to decode flow token' : 'cannot find socket from flow-token';
    host.log.write(LEVEL.INFO, 'rr', `${why}\n`);
    return undefined;
  }
  msg.sendSocket = socket;
  msg.dstUri = `sip:${bracketed(flow.remoteIp)}:${flow.remotePort};transport=${uriProto(flow.proto)}`;
  msg.uriIsNew = true;
  return true;
}

/** How many Routes on top are ours: two of a double record-route; the second names the socket to send from. */
function ownRoutes(ctx: Context, params: RrParams, routes: readonly RouteItem[], top: SipUri, flows: boolean): number {
  if (!isSecondOfPair(params, top)) {
    if (params.force_send_socket !== 0 && !flows) forceSocket(ctx, params, top, false);
    return 1;
  }
  if (routes[1] === undefined) return 1;
  const second = parseUri(routes[1].uri);
  if (second === undefined) return -1;
  if (!flows) forceSocket(ctx, params, second, true);
  return 2;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { tls: 5061, wss: 443, ws: 80 };

function forceSocket(ctx: Context, params: RrParams, uri: SipUri, ofPair: boolean): void {
  const proto = uri.scheme === 'sips' ? 'tls' : uriTransport(uri);
  const port = uri.port || DEFAULT_PORTS[proto ?? ''] || 5060;
  const socket = namedSocket(ctx, params, uri) ?? ctx.host.findSocket(proto ?? 'udp', uri.host, port);
  if (socket !== undefined) ctx.msg.sendSocket = socket;
  else if (ofPair && params.enable_socket_mismatch_warning !== 0) {
    ctx.host.log.write(LEVEL.WARN, 'rr', `no socket found to match second RR (${uri.host}:${port})`);
  }
}

/** sockname_mode: the socket that `sn` names. */
function namedSocket(ctx: Context, params: RrParams, uri: SipUri): ListenSocket | undefined {
  const name = params.sockname_mode === 0 ? undefined : uriParam(uri, 'sn');
  return name ? ctx.host.sockets.find((s) => s.name === name) : undefined;
}

/** The next hop is a strict router: it becomes the request URI, which is kept as the last Route. */
function toStrictRouter(msg: SipMessage, routes: readonly RouteItem[], at: number): void {
  msg.edits.insert(msg.headersEnd, `Route: <${msg.originalUri}>\r\n`);
  msg.newUri = routes[at]!.uri;
  removeRoutes(msg, routes, at + 1);
}

/** A strict router put us into the request URI: the real one is the last Route. */
function afterStrict(ctx: Context, routes: readonly RouteItem[], ours: SipUri): number {
  const { msg } = ctx;
  const params = rrParamsOf(ctx.program);
  let used = 0;
  const first = parseUri(routes[0]!.uri);
  if (first === undefined) return NOT_DRIVEN;
  if (isSecondOfPair(params, first) && isOurs(ctx, first)) {
    forceSocket(ctx, params, first, true);
    used = 1;
  }
  const next = routes[used];
  const uri = next === undefined ? undefined : parseUri(next.uri);
  if (next === undefined || uri === undefined) return NOT_DRIVEN;
  remember(msg, { params: ours.params });
  if (isStrict(uri)) {
    msg.newUri = next.uri;
    removeRoutes(msg, routes, used + 1);
  } else {
    const last = routes.length - 1;
    msg.dstUri = next.uri;
    msg.newUri = routes[last]!.uri;
    removeRoutes(msg, routes, used);
    removeLast(msg, routes, last);
  }
  tell(ctx, ours.params);
  return DRIVEN;
}

function tell(ctx: Context, params: string): void {
  if (params === '') return;
  for (const fn of ctx.host.state(RR).onRoute) fn(ctx, params);
}

// --------------------------------------------------------------------- edits

/** Takes the first `count` values off: whole lines, and the beginning of a line of which something is left. */
function removeRoutes(msg: SipMessage, routes: readonly RouteItem[], count: number): void {
  for (let i = 0; i < count; ) {
    const { header } = routes[i]!;
    let end = i;
    while (end < routes.length && routes[end]!.header === header) end++;
    if (end <= count) msg.edits.replace(header.start, header.end - header.start);
    else msg.edits.replace(header.valueStart, routes[count]!.start - header.valueStart);
    i = end;
  }
}

function removeLast(msg: SipMessage, routes: readonly RouteItem[], last: number): void {
  const { header, end } = routes[last]!;
  const before = routes[last - 1];
  if (before === undefined || before.header !== header) msg.edits.replace(header.start, header.end - header.start);
  else msg.edits.replace(before.end, end - before.end);
}
