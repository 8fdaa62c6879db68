/** Beginning transactions and forwarding requests: t_newtran(), t_relay() and their relatives (sip.md, section 4). */
import { type Context, ROUTE } from '../../runtime/context.js';
import { coreOf } from '../../runtime/core/facts.js';
import { advertisedOf } from '../../runtime/core/forward.js';
import { carrier, LEVEL } from '../../runtime/host.js';
import { avpKey, firstAvp } from '../../runtime/message-env.js';
import { toInt } from '../../runtime/values.js';
import { buildForward, ownVia, replyDestination, statelessBranch, viaConnection } from '../../sip/build.js';
import type { SipMessage } from '../../sip/message.js';
import type { Destination, Proto } from '../../sip/transport.js';
import { parseUri } from '../../sip/uri.js';
import { addBranch, type BranchSpec, type Step, sendBranch } from './branch.js';
import { raise, wants } from './callbacks.js';
import { endToEndCancel } from './cancel.js';
import { E } from './errors.js';
import { repeatReply, replyError, sendTrying } from './local-reply.js';
import {
  cancelOf,
  confirmedBy,
  FOUND,
  inviteOf,
  lookUpKey,
  type RequestKey,
  requestKey,
  transactionOf,
} from './match.js';
import { type Forced, forcedHops, type NextHops, nextHops } from './next-hop.js';
import { paramsOf } from './params.js';
import { chosenSettings } from './settings.js';
import type { Tm } from './state.js';
import { release } from './timers.js';
import { B, type ClientBranch, T, type Transaction } from './transaction.js';

/** Request URI without a scheme that parses cannot begin a transaction. */
function usable(msg: SipMessage): boolean {
  return parseUri(msg.uri) !== undefined;
}

/**
 * t_newtran(): 1 a transaction began (or none is needed: ACK of a 2xx), 0 it is a retransmission and was dealt with,
 * E.SCRIPT the run has one already, another E code on errors.
 */
export function newTransaction(tm: Tm, ctx: Context): number {
  if (transactionOf(ctx) !== null) {
    keepFlags(transactionOf(ctx)!, ctx.msg);
    return E.SCRIPT;
  }
  const { msg } = ctx;
  const key = requestKey(msg, paramsOf(ctx.program));
  if (key === undefined || !msg.isRequest || msg.malformedAt >= 0) return E.BAD_REQ;
  const found = lookUpKey(tm, ctx, key);
  if (found === FOUND.YES) return again(tm, ctx, transactionOf(ctx)!);
  if (msg.method === 'ACK') {
    ackOfSuccess(tm, ctx);
    return 1;
  }
  return begin(tm, ctx, key);
}

function keepFlags(t: Transaction, msg: SipMessage): void {
  if (t.request === null) return;
  t.request.flags = msg.flags;
  t.request.xflags = msg.xflags;
}

/** A request seen before: the last reply goes out again; an ACK ends the repetition of a negative reply. */
function again(tm: Tm, ctx: Context, t: Transaction): number {
  absorb(tm, ctx, t);
  return 0;
}

export function absorb(tm: Tm, ctx: Context, t: Transaction): void {
  const isAck = ctx.msg.method === 'ACK';
  const name = isAck ? 'ackNegIn' : 'requestRetrIn';
  if (wants(t, name)) raise(name, { t, request: ctx.msg, reply: null, code: 0, branch: -1, ctx });
  if (isAck) release(tm, t);
  else repeatReply(tm, t);
}

/** Modules that wait for the ACK of a 2xx learn of it. */
function ackOfSuccess(tm: Tm, ctx: Context): void {
  const t = confirmedBy(tm, ctx.msg);
  if (t === undefined) return;
  const name = t.has(T.ACKED) ? 'e2eAckRetrIn' : 'e2eAckIn';
  t.flags |= T.ACKED;
  if (wants(t, name)) raise(name, { t, request: ctx.msg, reply: null, code: 0, branch: -1, ctx });
}

function begin(tm: Tm, ctx: Context, key: RequestKey): number {
  const { msg } = ctx;
  if (!usable(msg)) return E.BAD_REQ;
  const t = tm.create(msg.method, ctx, chosenSettings(ctx));
  timersFromAvps(t, ctx);
  t.key = key;
  t.owner = ctx;
  t.request = msg.clone();
  t.replyTo = replyDestination(msg) ?? null;
  const isCancel = msg.method === 'CANCEL';
  (isCancel ? tm.cancels : tm.servers).add(key.hash, t);
  if (!isCancel && cancelOf(tm, key) !== undefined) t.flags |= T.CANCELED;
  ctx.transaction = t;
  ctx.transactionSettings = null;
  tm.stats.created++;
  if (msg.faked) tm.host.clock.after(t.endOfLife - t.created, () => release(tm, t));
  for (const fn of tm.onRequestIn) fn(t, ctx);
  return 1;
}

/** fr_timer_avp, fr_inv_timer_avp: seconds, where t_set_fr() set nothing. */
function timersFromAvps(t: Transaction, ctx: Context): void {
  const params = paramsOf(ctx.program);
  if (params.fr_timer_avp !== null && t.settings.frMs === 0) {
    t.ownSettings().frMs = avpSeconds(ctx, params.fr_timer_avp);
  }
  if (params.fr_inv_timer_avp !== null && t.settings.frInvMs === 0) {
    t.ownSettings().frInvMs = avpSeconds(ctx, params.fr_inv_timer_avp);
  }
}

function avpSeconds(ctx: Context, spec: string): number {
  const key = avpKey(/^\$avp\((.*)\)$/.exec(spec)?.[1] ?? spec);
  return key === undefined ? 0 : Math.max(toInt(firstAvp(ctx.env, key)?.value), 0) * 1000;
}

// ---------------------------------------------------------------------- relay

/** t_relay() in a request route: 1, 0 or an E code; `replicate`: replies go nowhere. */
export function relay(tm: Tm, ctx: Context, forced?: Forced, proto?: Proto, replicate = false): number {
  const { msg } = ctx;
  if (msg.method === 'CANCEL') return relayCancel(tm, ctx, forced, proto);
  const made = newTransaction(tm, ctx);
  if (made === 0) return 1;
  if (made < 0 && made !== E.SCRIPT) return made;
  if (msg.method === 'ACK') return relayAck(tm, ctx, made, forced, proto);
  const t = transactionOf(ctx)!;
  if (replicate) t.flags |= T.LOCAL;
  sendTrying(tm, t, msg, ctx);
  return result(tm, t, forward(tm, t, ctx, forced, proto), replicate);
}

function relayAck(tm: Tm, ctx: Context, made: number, forced: Forced | undefined, proto: Proto | undefined): number {
  if (made !== E.SCRIPT) return forwardStateless(tm, ctx, forced, proto);
  release(tm, transactionOf(ctx)!);
  return 1;
}

/** What a forwarding step gives to the script; its error reply goes out when the run ends. */
function result(tm: Tm, t: Transaction, code: number, replicate: boolean): number {
  if (code > 0) return code;
  if (replicate) {
    release(tm, t);
    return code;
  }
  if (t.has(T.DISABLE_INTERNAL_REPLY)) return code;
  t.delayedError = t.error !== 0 ? t.error : code;
  return code;
}

/** CANCEL: to the branches of its INVITE, or on like any request where that is unknown (unmatched_cancel). */
function relayCancel(tm: Tm, ctx: Context, forced: Forced | undefined, proto: Proto | undefined): number {
  const params = paramsOf(ctx.program);
  if (params.unmatched_cancel !== 0 && inviteOf(tm, ctx.msg, params) === undefined) {
    return params.unmatched_cancel === 2 ? 1 : forwardStateless(tm, ctx, forced, proto);
  }
  const made = newTransaction(tm, ctx);
  if (made === 0) return 1;
  if (made < 0 && made !== E.SCRIPT) return made;
  const t = transactionOf(ctx)!;
  return result(tm, t, forward(tm, t, ctx, forced, proto), false);
}

/** t_relay_cancel(): 0 when it was relayed to the branches of its INVITE, 1 where that is unknown. */
export function relayKnownCancel(tm: Tm, ctx: Context): number {
  if (ctx.msg.method !== 'CANCEL') return 1;
  if (inviteOf(tm, ctx.msg, paramsOf(ctx.program)) === undefined) return 1;
  return Math.min(relayCancel(tm, ctx, undefined, undefined), 0);
}

// -------------------------------------------------------------------- forking

/** Opens a branch for the URI, if it was not used yet, and one for each branch of the destination set; sends them. */
export function forward(tm: Tm, t: Transaction, ctx: Context, forced?: Forced, proto?: Proto): number {
  const { msg } = ctx;
  if (t.has(T.CANCELED)) return canceled(t, msg);
  if (msg.method === 'CANCEL') {
    const invite = inviteOf(tm, msg, paramsOf(ctx.program));
    if (invite !== undefined) {
      endToEndCancel(tm, msg, t, invite, ctx);
      t.handled = true;
      return 1;
    }
  }
  const step = beginStep(t, ctx, forced, proto);
  const first = t.branches.length;
  const { added, tried, lowest } = addBranches(tm, t, step);
  msg.branches = [];
  keepFlags(t, msg);
  if (added.length > 0) t.branches[first]!.flags |= B.FIRST;
  const code = added.length > 0 ? sendAll(tm, t, added, ctx) : nothingAdded(tm, t, tried, lowest);
  if (code < 0 && t.error !== 0) ctx.lastError = t.error;
  return code;
}

function canceled(t: Transaction, msg: SipMessage): number {
  msg.branches = [];
  keepFlags(t, msg);
  t.error = E.CANCELED;
  return -1;
}

/** The branch route is used up; the first step keeps the edits of the script for what comes later. */
function beginStep(t: Transaction, ctx: Context, forced: Forced | undefined, proto: Proto | undefined): Step {
  const route = t.settings.onBranch;
  if (route !== '') {
    t.lastOnBranch = route;
    t.ownSettings().onBranch = '';
  }
  if (t.branches.length === 0 && ctx.routeType === ROUTE.REQUEST) saveEdits(t, ctx.msg);
  return { ctx, forced, proto, route };
}

/** t_save_lumps(): the kept request gets the edits made since. */
export function saveEdits(t: Transaction, msg: SipMessage): void {
  t.request?.edits.restore(msg.edits.list);
}

interface Added {
  readonly added: readonly ClientBranch[];
  readonly tried: number;
  /** Lowest error met. */
  readonly lowest: number;
}

function addBranches(tm: Tm, t: Transaction, step: Step): Added {
  const { msg } = step.ctx;
  const added: ClientBranch[] = [];
  let lowest: number = E.UNSPEC;
  let tried = 0;
  const add = (spec: BranchSpec): void => {
    tried++;
    const b = addBranch(tm, t, step, spec);
    if (typeof b === 'number') lowest = Math.min(lowest, b);
    else added.push(b);
  };
  if (msg.uriIsNew) {
    msg.uriIsNew = false;
    add(mainSpec(msg));
  }
  for (const branch of msg.branches) {
    add({
      uri: branch.uri,
      dstUri: branch.dstUri === '' ? null : branch.dstUri,
      path: branch.path,
      socket: branch.socket,
      flags: branch.flags,
      instance: branch.instance,
      ruid: branch.ruid,
      locationUa: branch.locationUa,
      connection: branch.otcpid,
    });
  }
  return { added, tried, lowest };
}

function mainSpec(msg: SipMessage): BranchSpec {
  return {
    uri: msg.uri,
    dstUri: msg.dstUri === '' ? null : msg.dstUri,
    path: msg.path,
    socket: msg.sendSocket,
    flags: msg.branchFlags,
    instance: msg.instance,
    ruid: msg.ruid,
    locationUa: msg.locationUa,
    connection: 0,
  };
}

function nothingAdded(tm: Tm, t: Transaction, tried: number, lowest: number): number {
  if (tried === 0) {
    tm.host.log.write(LEVEL.ERR, 'tm', 'no branches for forwarding');
    t.error = Math.min(lowest, E.CFG);
    return -1;
  }
  if (lowest !== E.CFG) tm.host.log.write(LEVEL.ERR, 'tm', 'failure to add branches');
  t.error = lowest;
  return lowest;
}

function sendAll(tm: Tm, t: Transaction, added: readonly ClientBranch[], ctx: Context): number {
  t.error = 0;
  let sent = 0;
  for (const b of added) if (sendBranch(tm, t, b, ctx)) sent++;
  if (sent === 0) {
    t.error = E.SEND;
    return -1;
  }
  t.handled = true;
  return 1;
}

// ------------------------------------------------------------------ stateless

/** ACK of a 2xx and, where asked for, CANCEL pass without a transaction: 1 or an E code. */
export function forwardStateless(tm: Tm, ctx: Context, forced?: Forced, proto?: Proto): number {
  const { msg } = ctx;
  const next = msg.dstUri === null || msg.dstUri === '' ? msg.uri : msg.dstUri;
  const bound = msg.received.socket;
  const hops =
    forced === undefined
      ? nextHops(tm.host, next, msg.sendSocket, proto, bound)
      : forcedHops(tm.host, forced, msg.sendSocket, bound);
  if (hops instanceof Promise) {
    const copy = msg.clone();
    tm.host.detach(
      hops.then((found) => sendStateless(tm, ctx, copy, found)),
      'tm: name resolution',
    );
    return 1;
  }
  return sendStateless(tm, ctx, msg, hops);
}

function sendStateless(tm: Tm, ctx: Context, msg: SipMessage, hops: NextHops): number {
  if (typeof hops === 'number') return hops;
  const to: Destination | undefined = hops[0];
  if (to === undefined) return E.BAD_ADDRESS;
  const via = ownVia(to.socket, statelessBranch(msg), {
    advertised: advertisedOf(msg, coreOf(ctx.program)),
    rport: msg.localRport,
    connection: viaConnection(msg.received),
    transport: carrier(tm.host, to),
  });
  const text = buildForward(msg, {
    via,
    leaving: { sendSocket: to.socket, proto: to.proto },
    stream: to.proto !== 'udp',
  });
  return tm.host.sendFor(ctx, text, to) ? 1 : E.SEND;
}

// ------------------------------------------------------------------------ end

/** When a run on a request ends: error replies that wait go out, a transaction nobody took care of is released. */
export function finishRun(tm: Tm, ctx: Context): void {
  const t = transactionOf(ctx);
  if (t === null || !ctx.msg.isRequest) return;
  if (t.owner !== ctx) {
    if (ctx.msg.method === 'ACK') release(tm, t);
    return;
  }
  t.owner = null;
  if (t.delayedError !== 0 && !t.handled) {
    if (replyError(tm, t, t.delayedError, ctx) <= 0) release(tm, t);
  } else if (!t.handled) release(tm, t);
  t.delayedError = 0;
}
