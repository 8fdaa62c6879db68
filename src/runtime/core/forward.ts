/** Stateless forwarding of requests and replies (sip.md, sections 2 and 3). */

import {
  buildForward,
  buildForwardedReply,
  forwardedReplyTarget,
  ownVia,
  statelessBranch,
  viaConnection,
} from '../../sip/build.js';
import { isWebSocket } from '../../sip/connections.js';
import { fromOf, topVia } from '../../sip/header.js';
import { isIp } from '../../sip/ip.js';
import type { SipMessage } from '../../sip/message.js';
import type { Destination, ListenSocket, Proto } from '../../sip/transport.js';
import { parseUri, protoOf, uriTarget } from '../../sip/uri.js';
import { BLOCKED, block, isBlocked, usesBlocklist } from '../blocklist.js';
import type { Context } from '../context.js';
import { carrier, isConnected, LEVEL, type Target } from '../host.js';
import { sendOptions } from '../replies.js';
import { viaExtra } from '../via-extra.js';
import { coreOf } from './facts.js';
import type { CoreFacts } from './params.js';

/** Kamailio's numbers of what can go wrong (error.h); they are the codes of forward() too. */
export const FORWARD_ERROR = {
  UNSPECIFIED: -1,
  /** No Via could be made: the WebSocket connection to the next hop is not there. */
  NOT_BUILT: -2,
  NO_SOCKET: -7,
  SEND: -477,
  BAD_ADDRESS: -478,
  BAD_URI: -479,
  BAD_PROTO: -480,
} as const;

const SENT = 1;

/** Where to forward to; what is missing comes from `$du`, else the request URI. */
export interface ForwardTo {
  /** Missing: the URI's. */
  readonly host?: string | undefined;
  /** Missing: the URI's; 0: the transport's default. */
  readonly port?: number | undefined;
  /** Missing: the URI's; with a given host that by which the request came. */
  readonly proto?: Proto | undefined;
}

interface Hop {
  readonly host: string;
  readonly port: number;
  readonly proto: Proto | undefined;
  readonly secure: boolean;
}

/** Sends the request on: 1, or a negative code. A promise only where a name must be looked up. */
export function forwardRequest(ctx: Context, to: ForwardTo = {}): number | Promise<number> {
  const hop = nextHop(ctx, to);
  // Kamailio's branch is made of From, among others
  if (fromOf(ctx.msg) === undefined) return failed(ctx, FORWARD_ERROR.UNSPECIFIED);
  if (typeof hop === 'number') return failed(ctx, hop);
  const literal = literalTarget(hop);
  if (literal !== undefined) return sendTo(ctx, literal);
  const found = ctx.host.resolver.resolve(hop.host, hop.port, hop.proto, hop.secure);
  return found instanceof Promise ? found.then((targets) => sendToFirst(ctx, targets)) : sendToFirst(ctx, found);
}

function nextHop(ctx: Context, to: ForwardTo): Hop | number {
  const { msg } = ctx;
  if (to.host !== undefined) {
    return { host: to.host, port: to.port ?? 0, proto: to.proto ?? msg.received.proto, secure: false };
  }
  const uri = parseUri(msg.dstUri ?? msg.uri);
  if (uri === undefined) {
    log(ctx, 'forward: bad_uri dropping packet');
    return msg.dstUri === null ? FORWARD_ERROR.UNSPECIFIED : FORWARD_ERROR.BAD_URI;
  }
  if (uri.host === '') {
    log(ctx, 'forward: bad host name, dropping packet');
    return FORWARD_ERROR.BAD_ADDRESS;
  }
  const target = uriTarget(uri);
  const port = to.port ?? target.port;
  if (to.proto !== undefined || !target.secure) return { ...target, port, proto: to.proto ?? target.proto };
  if (target.proto === 'udp') {
    log(ctx, 'forward: secure uri incompatible with transport udp');
    return FORWARD_ERROR.BAD_PROTO;
  }
  return { ...target, port, proto: target.proto !== undefined && isWebSocket(target.proto) ? target.proto : 'tls' };
}

/** A hop whose host is an address needs no look-up. */
function literalTarget(hop: Hop): Target | undefined {
  if (!isIp(hop.host)) return undefined;
  const proto = hop.proto ?? 'udp';
  const ip = hop.host[0] === '[' ? hop.host.slice(1, -1) : hop.host;
  return { proto, ip, port: hop.port || defaultPort(proto) };
}

function defaultPort(proto: Proto): number {
  return proto === 'tls' || proto === 'wss' ? 5061 : 5060;
}

/** Sends to the first address; with use_dns_failover to the next where that cannot be done. */
function sendToFirst(ctx: Context, targets: readonly Target[]): number {
  const tried = ctx.program.core.values.get('use_dns_failover') === 1 ? targets : targets.slice(0, 1);
  let code = 0;
  for (const target of tried) {
    code = sendTo(ctx, target);
    if (code > 0) break;
  }
  if (tried.length > 0) return code;
  log(ctx, 'forward: the next hop could not be resolved');
  return failed(ctx, FORWARD_ERROR.BAD_ADDRESS);
}

function sendTo(ctx: Context, target: Target): number {
  const { host, msg } = ctx;
  const socket = host.socketFor(target.proto, target.ip, msg.sendSocket, msg.received.socket);
  if (socket === undefined) {
    const af = target.ip.includes(':') ? 6 : 4;
    log(ctx, `cannot forward to af ${af === 6 ? 10 : 2}, proto ${target.proto} no corresponding listening socket`);
    // without any IPv6 socket the address itself is taken for bad
    const known = af === 4 || host.sockets.some((s) => s.af === 6);
    return failed(ctx, known ? FORWARD_ERROR.NO_SOCKET : FORWARD_ERROR.BAD_ADDRESS);
  }
  if (!isConnected(host, target)) return failed(ctx, FORWARD_ERROR.NOT_BUILT);
  const branch = statelessBranch(msg);
  let to: Destination = { ...target, socket };
  let text = requestText(ctx, to, branch);
  const wider = tooLong(ctx, text.length, to);
  if (wider !== undefined) {
    to = wider;
    text = requestText(ctx, to, branch);
  }
  if (isBlocked(host, ctx.program, to)) return failed(ctx, FORWARD_ERROR.SEND);
  const lost = () => {
    if (to.proto === 'udp') block(host, ctx.program, BLOCKED.SEND, to, msg.blocklistIgnore);
  };
  const onFailure = usesBlocklist(ctx.program) ? lost : undefined;
  if (!host.sendFor(ctx, text, to, sendOptions(msg.forwardOptions), onFailure)) {
    block(host, ctx.program, BLOCKED.SEND, to, msg.blocklistIgnore);
    return failed(ctx, FORWARD_ERROR.SEND);
  }
  host.count('core.fwd_requests');
  return SENT;
}

function requestText(ctx: Context, to: Destination, branch: string): string {
  const { msg } = ctx;
  const via = ownViaFor(ctx, to, branch);
  return buildForward(msg, { via, leaving: { sendSocket: to.socket, proto: to.proto }, stream: to.proto !== 'udp' });
}

/** The server's own Via on what it sends for the message of `ctx`, with all that script and settings say of it. */
export function ownViaFor(ctx: Context, to: Destination, branch: string): string {
  const { msg, program } = ctx;
  const core = coreOf(program);
  const { received } = msg;
  const extra = viaExtra(msg, ctx.env, program);
  return ownVia(to.socket, branch, {
    advertised: advertisedOf(msg, core, extra),
    rport: msg.localRport || core.localRport,
    connection: viaConnection(received),
    params: extra.params,
    transport: carrier(ctx.host, to),
  });
}

/** Host and port that the server gives as its own: of the message, else the global ones. */
export function advertisedOf(
  msg: SipMessage,
  core: CoreFacts,
  extra: { readonly host?: string; readonly port?: string } = {},
): { host: string | null; port: number } | undefined {
  const host = extra.host ?? msg.advertisedHost ?? core.advertisedHost;
  const port = Number(extra.port ?? 0) || msg.advertisedPort || core.advertisedPort;
  return host === null && port === 0 ? undefined : { host, port };
}

/** A request that is too long for UDP goes by the transport that udp_mtu_try_proto names, where there is a socket. */
function tooLong(ctx: Context, length: number, to: Destination): Destination | undefined {
  const core = coreOf(ctx.program);
  if (to.proto !== 'udp' || core.udpMtu === 0 || length <= core.udpMtu) return undefined;
  const proto = (ctx.msg.mtuProto === null ? undefined : protoOf(ctx.msg.mtuProto)) ?? core.mtuProto;
  if (proto === undefined || proto === 'udp') return undefined;
  const socket = ctx.host.socketFor(proto, to.ip, null);
  return socket === undefined ? undefined : { ...to, proto, socket };
}

function failed(ctx: Context, code: number): number {
  ctx.lastError = code;
  ctx.host.count('core.drop_requests');
  return code;
}

function log(ctx: Context, text: string): void {
  ctx.host.log.write(LEVEL.ERR, '<core>', text);
}

/**
 * Sends a reply that belongs to no transaction on to its second Via. With one Via, or where the next hop cannot be had,
 * nothing is sent. What waits (a name in Via) is looked after by the host.
 */
export function forwardReply(ctx: Context): void {
  const { host, msg } = ctx;
  const next = forwardedReplyTarget(msg);
  const proto = next === undefined ? undefined : protoOf(next.via.transport);
  if (next === undefined || proto === undefined || !ownTopVia(ctx)) {
    dropped(ctx, 'it has no second Via that can be used, or the first is not ours');
    return;
  }
  const hop = { host: next.host, port: next.port, proto, secure: false };
  const literal = literalTarget(hop);
  if (literal !== undefined) {
    passReply(ctx, literal);
    return;
  }
  const found = host.resolver.resolve(hop.host, hop.port, proto, false);
  if (found instanceof Promise)
    host.detach(
      found.then((all) => passToFirst(ctx, all)),
      'forwarding of a reply',
    );
  else passToFirst(ctx, found);
}

function passToFirst(ctx: Context, targets: readonly Target[]): void {
  if (targets[0] === undefined) dropped(ctx, 'its second Via could not be resolved');
  else passReply(ctx, targets[0]);
}

/** With check_via, is the first Via one of ours? */
function ownTopVia(ctx: Context): boolean {
  if (!coreOf(ctx.program).checkVia) return true;
  const via = topVia(ctx.msg);
  return via !== undefined && ctx.host.isMyself(via.host, via.port || 5060, protoOf(via.transport));
}

function passReply(ctx: Context, target: Target): void {
  const { host, msg } = ctx;
  const socket = host.socketFor(target.proto, target.ip, msg.sendSocket, msg.received.socket);
  if (socket === undefined) {
    dropped(ctx, `no socket to reach ${target.proto}:${target.ip}`);
    return;
  }
  const text = buildForwardedReply(msg, { sendSocket: socket }, { stream: target.proto !== 'udp' });
  const to = replyHop(msg, target, socket);
  const options = sendOptions(msg.forwardOptions | msg.replyOptions);
  const onsend = coreOf(ctx.program).onsendReply;
  const sent = onsend ? host.sendFor(ctx, text, to, options) : host.send(text, to, options);
  host.count(sent ? 'core.fwd_replies' : 'core.drop_replies');
}

/** Over streams the `i` of the own Via names the connection by which the request came. */
function replyHop(msg: SipMessage, target: Target, socket: ListenSocket): Destination {
  const to = { ...target, socket };
  const id = target.proto === 'udp' ? Number.NaN : Number.parseInt(topVia(msg)?.i ?? '', 16);
  return id > 0 ? { ...to, connection: id } : to;
}

function dropped(ctx: Context, why: string): void {
  ctx.host.count('core.drop_replies');
  if (ctx.host.log.level >= LEVEL.DBG) ctx.host.log.write(LEVEL.DBG, '<core>', `reply not forwarded: ${why}`);
}
