/** Record-Route headers: one for each request, two where it leaves by another socket than it came by (RFC 5658). */
import { type Context, ROUTE } from '../../runtime/context.js';
import { coreOf } from '../../runtime/core/facts.js';
import { advertisedOf } from '../../runtime/core/forward.js';
import { LEVEL } from '../../runtime/host.js';
import { avpKey, firstAvp } from '../../runtime/message-env.js';
import { toText } from '../../runtime/values.js';
import { sentBy } from '../../sip/build.js';
import { isWebSocket } from '../../sip/connections.js';
import type { Edit, Leaving } from '../../sip/edits.js';
import { fromOf, routesOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { MSG_FLAG, type SipMessage } from '../../sip/message.js';
import type { ListenSocket, Proto } from '../../sip/transport.js';
import { parseUri } from '../../sip/uri.js';
import { flowToken, USE, useOutbound } from '../outbound/api.js';
import { directionOf, pendingParams, type RrParams, remember, rrParamsOf, UPSTREAM } from './state.js';

const TAG = 'record-route';
const NOT_ADVERTISED = { host: null, port: 0 } as const;

/** What a Record-Route of ours is made of; the two of a pair differ in their address only. */
interface Parts {
  readonly kind: 'own' | 'preset' | 'advertised';
  /** `sip:user@`. */
  readonly prefix: string;
  /** Address text of the last two kinds. */
  readonly address: string;
  readonly received: ListenSocket;
  /** Transport by which the request came: WebSocket has no sockets of its own. */
  readonly proto: Proto;
  readonly advertised: { readonly host: string | null; readonly port: number };
  /** Parameters before those of add_rr_param(). */
  readonly suffix: string;
  readonly params: string;
  /** After them: `;lr` of the last two kinds. */
  readonly end: string;
  readonly double: number;
  /** sockname_mode. */
  readonly names: boolean;
}

type RecordRouteEdit = Edit & { readonly parts: Parts };

/** What remove_record_route() leaves: the same edit without the beginning of its lines, as in Kamailio. */
function recordEdit(msg: SipMessage, parts: Parts, removed = false): RecordRouteEdit {
  const at = msg.headers[0]?.start ?? msg.headersStart;
  return { at, remove: 0, tag: TAG, parts, text: (leaving) => lines(parts, leaving, removed) };
}

/** One side: its socket, and the transport over it. */
interface Side {
  readonly socket: ListenSocket;
  readonly proto: Proto;
}

function lines(parts: Parts, { sendSocket, proto = sendSocket.proto }: Leaving, removed: boolean): string {
  const end = `${parts.suffix}${parts.params}${parts.end}>\r\n`;
  if (parts.kind === 'preset') return removed ? end : `Record-Route: <${parts.prefix}${parts.address}${end}`;
  const out: Side = { socket: sendSocket, proto };
  const into: Side = { socket: parts.received, proto: parts.proto };
  const two = parts.double === 2 || (parts.double === 1 && differs(parts, into, out));
  if (removed) return two ? end + end : end;
  const r2 = two ? ';r2=on' : '';
  const incoming = `Record-Route: <${parts.prefix}${address(parts, into, out)}${r2}${end}`;
  return two ? `Record-Route: <${parts.prefix}${address(parts, out, into)}${r2}${end}${incoming}` : incoming;
}

/** By another address or, where the address is given, by another protocol. */
function differs({ kind }: Parts, into: Side, out: Side): boolean {
  const { socket: a } = into;
  const { socket: b } = out;
  if (into.proto !== out.proto || a.proto !== b.proto) return true;
  return kind === 'own' && a !== b && (a.ip !== b.ip || a.port !== b.port);
}

/** set_advertised_address() is for the outgoing side, and there for sockets without an `advertise` of their own. */
function address(parts: Parts, side: Side, other: Side): string {
  const { kind, address: given, received, advertised, names } = parts;
  const { socket } = side;
  if (kind === 'own') {
    const told = socket === received || socket.advertised !== undefined ? undefined : advertised;
    return sentBy(socket, told) + transportParam(side) + (names && socket.name ? `;sn=${socket.name}` : '');
  }
  return transportName(side) === transportName(other) ? given : `${given};transport=${transportName(side)}`;
}

function transportParam(side: Side): string {
  return side.socket.proto === 'udp' ? '' : `;transport=${transportName(side)}`;
}

/** In URIs ws is WebSocket over TLS too. */
function transportName({ socket, proto }: Side): string {
  return isWebSocket(proto) ? 'ws' : socket.proto;
}

// -------------------------------------------------------------------- pieces

function userOf(ctx: Context, params: RrParams): string {
  if (params.add_username === 0) return flowUser(ctx);
  const custom = customUser(ctx, params.custom_user_avp);
  if (custom !== '') return custom;
  return parseUri(ctx.msg.originalUri)?.user || parseUri(ctx.msg.uri)?.user || '';
}

/** With module outbound: the token of the flow by which the request came, or by which it will go. */
function flowUser(ctx: Context): string {
  const use = useOutbound(ctx);
  if (use === USE.OUTGOING) return flowToken(ctx.host, ctx.msg.received);
  const route = use === USE.INCOMING ? routesOf(ctx.msg, HDR.ROUTE)[0] : undefined;
  return route === undefined ? '' : (parseUri(route.uri)?.user ?? '');
}

function customUser(ctx: Context, spec: string | null): string {
  const name = spec === null ? null : /^\$avp\((.*)\)$/.exec(spec);
  const key = name === null ? undefined : avpKey(name[1] ?? '');
  return key === undefined ? '' : toText(firstAvp(ctx.env, key)?.value);
}

function prefixOf(ctx: Context, params: RrParams): string {
  const secure = params.ignore_sips === 0 && parseUri(ctx.msg.uri)?.scheme === 'sips';
  const user = userOf(ctx, params);
  return `${secure ? 'sips' : 'sip'}:${user === '' ? '' : `${user}@`}`;
}

/** `;ftag=` of the side that began the dialog. */
function fromTagParam(ctx: Context, params: RrParams): string {
  if (params.append_fromtag === 0) return '';
  const tag = directionOf(ctx) === UPSTREAM ? toOf(ctx.msg)?.tag : fromOf(ctx.msg)?.tag;
  return tag === undefined ? '' : `;ftag=${tag}`;
}

function lrParam(params: RrParams): string {
  return params.enable_full_lr === 0 ? ';lr' : ';lr=on';
}

function parts(ctx: Context, kind: Parts['kind'], address: string, suffix: string, end: string): Parts {
  const params = rrParamsOf(ctx.program);
  const { msg } = ctx;
  return {
    kind,
    prefix: prefixOf(ctx, params),
    address,
    received: msg.received.socket,
    proto: msg.received.proto,
    advertised: advertisedOf(msg, coreOf(ctx.program)) ?? NOT_ADVERTISED,
    suffix,
    params: pendingParams(msg),
    end,
    double: params.enable_double_rr,
    names: params.sockname_mode !== 0,
  };
}

// ----------------------------------------------------------------- functions

/** False after an earlier record_route(), which stays the only one. */
function first(ctx: Context): boolean {
  if ((ctx.msg.internalFlags & MSG_FLAG.RR_ADDED) === 0) return true;
  ctx.host.log.write(LEVEL.ERR, 'rr', 'Double attempt to record-route');
  return false;
}

/** A branch's Record-Route is that branch's alone. */
function mark(ctx: Context): void {
  if (ctx.routeType !== ROUTE.BRANCH) ctx.msg.internalFlags |= MSG_FLAG.RR_ADDED;
}

function put(ctx: Context, made: Parts): void {
  const { msg } = ctx;
  msg.edits.put(recordEdit(msg, made));
}

/** record_route(): `extra` is appended raw after lr and ftag. */
export function recordRoute(ctx: Context, extra: string): number {
  if (!first(ctx)) return -1;
  const params = rrParamsOf(ctx.program);
  const suffix = `${lrParam(params)}${fromTagParam(ctx, params)}${extra}`;
  put(ctx, parts(ctx, 'own', '', suffix, ''));
  if (pendingParams(ctx.msg) !== '') remember(ctx.msg, { pending: '' });
  mark(ctx);
  return 1;
}

/** record_route_preset(): the addresses are written as given, the first one on top. */
export function recordRoutePreset(ctx: Context, address: string, second: string | undefined): number {
  if (!first(ctx)) return -1;
  const params = rrParamsOf(ctx.program);
  if (second !== undefined && params.enable_double_rr === 0) return -1;
  const suffix = params.append_fromtag === 0 || !fromOf(ctx.msg)?.tag ? '' : `;ftag=${fromOf(ctx.msg)!.tag}`;
  const end = lrParam(params);
  for (const one of second === undefined ? [address] : [address, second]) {
    put(ctx, parts(ctx, 'preset', one, suffix, end));
  }
  ctx.msg.internalFlags |= MSG_FLAG.RR_ADDED;
  return 1;
}

/** record_route_advertised_address(): the address is given, what depends on the sockets is not. */
export function recordRouteAdvertised(ctx: Context, address: string): number {
  if (!first(ctx)) return -1;
  const params = rrParamsOf(ctx.program);
  const suffix = `${fromTagParam(ctx, params)}${lrParam(params)}`;
  put(ctx, parts(ctx, 'advertised', address, suffix, ''));
  ctx.msg.internalFlags |= MSG_FLAG.RR_ADDED;
  return 1;
}

/** add_rr_param(): to the Record-Route that is there, else to the one to come. */
export function addRrParam(ctx: Context, text: string): number {
  const { msg } = ctx;
  const own = recordEdits(msg);
  for (const edit of own) msg.edits.swap(edit, recordEdit(msg, { ...edit.parts, params: edit.parts.params + text }));
  if (own.length === 0) remember(msg, { pending: pendingParams(msg) + text });
  return 1;
}

function recordEdits(msg: SipMessage): RecordRouteEdit[] {
  return msg.edits.list.filter((e): e is RecordRouteEdit => e.tag === TAG && 'parts' in e);
}

/** remove_record_route(): ours goes, but for the end of its line, which stays behind as a line of its own (seen). */
export function removeRecordRoute(ctx: Context): number {
  const { msg } = ctx;
  for (const edit of recordEdits(msg)) msg.edits.swap(edit, recordEdit(msg, edit.parts, true));
  return 1;
}
