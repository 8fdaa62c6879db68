/** One outgoing branch: its route, where it goes, its text, and sending it. */
import { type Context, ROUTE, STOP } from '../../runtime/context.js';
import { afterScript, carrier } from '../../runtime/host.js';
import { runRoute } from '../../runtime/run.js';
import { viaExtra } from '../../runtime/via-extra.js';
import { buildForward, ownVia, viaConnection } from '../../sip/build.js';
import type { Edit } from '../../sip/edits.js';
import type { SipMessage } from '../../sip/message.js';
import type { Destination, ListenSocket, Proto } from '../../sip/transport.js';
import { protoOf } from '../../sip/uri.js';
import { avoidUnsent, isAvoided } from './blocklist.js';
import { raise, wants } from './callbacks.js';
import { E } from './errors.js';
import { tryNextTarget } from './failover.js';
import { inTurnDetached } from './later.js';
import { type Forced, forcedHops, type NextHops, nextHops } from './next-hop.js';
import { paramsOf } from './params.js';
import { fakeFinal } from './receive-reply.js';
import { transactionContext } from './routes.js';
import type { Tm } from './state.js';
import { setFinalTimer, startBranch, stopBranch } from './timers.js';
import { B, ClientBranch, T, type Transaction } from './transaction.js';

/** What the destination set says of one branch. */
export interface BranchSpec {
  readonly uri: string;
  /** `$du` of the branch, null: the URI itself leads on. */
  readonly dstUri: string | null;
  readonly path: string | null;
  readonly socket: ListenSocket | null;
  readonly flags: number;
  readonly instance: string | null;
  readonly ruid: string | null;
  readonly locationUa: string | null;
  /** Connection to use, 0 any. */
  readonly connection: number;
}

/** Where a forwarding step sends all its branches, when it says so. */
export interface Step {
  readonly ctx: Context;
  readonly forced: Forced | undefined;
  readonly proto: Proto | undefined;
  /** branch_route to run, '' none. */
  readonly route: string;
}

/** Adds a branch, not sent yet; an E code when there is none. */
export function addBranch(tm: Tm, t: Transaction, step: Step, spec: BranchSpec): ClientBranch | number {
  if (t.branches.length >= t.program.core.maxBranches) return E.TOO_MANY_BRANCHES;
  if (spec.uri === '') return E.BAD_URI;
  const b = new ClientBranch(t.branches.length, spec.uri);
  const { msg } = step.ctx;
  const route = step.route === '' ? undefined : t.program.routes.branch.get(step.route);
  if (route === undefined && !wants(t, 'requestFwded')) return prepare(tm, t, b, step, msg, spec, undefined);
  if (route?.isAsync) return prepareLater(tm, t, b, step, spec);
  const undo = setForBranch(msg, spec);
  const own = branchContext(tm, t, b, step.ctx, msg);
  if (route !== undefined) {
    void runRoute(own, route);
    afterScript(own);
  }
  const dropped = own.stop === STOP.DROP;
  if (!dropped) raise('requestFwded', { t, request: msg, reply: null, code: 0, branch: b.index, ctx: own });
  const result = dropped ? E.CFG : prepare(tm, t, b, step, msg, afterBranchRoute(msg, spec), msg.edits.list);
  undo();
  return result;
}

function branchContext(tm: Tm, t: Transaction, b: ClientBranch, ctx: Context, msg: SipMessage): Context {
  const own = transactionContext(tm, t, msg, ROUTE.BRANCH, ctx);
  own.branchIndex = b.index;
  return own;
}

/** Puts the branch's own values on the message; gives what puts the old ones back, edits included. */
function setForBranch(msg: SipMessage, spec: BranchSpec): () => void {
  const { newUri, dstUri, path, instance, ruid, locationUa, sendSocket, uriIsNew, branchFlags, forwardOptions } = msg;
  const edits = msg.edits.snapshot();
  msg.newUri = spec.uri;
  msg.dstUri = spec.dstUri;
  msg.path = spec.path;
  msg.instance = spec.instance;
  msg.ruid = spec.ruid;
  msg.locationUa = spec.locationUa;
  msg.sendSocket = spec.socket;
  msg.branchFlags = spec.flags;
  return () => {
    msg.newUri = newUri;
    msg.dstUri = dstUri;
    Object.assign(msg, { path, instance, ruid, locationUa, sendSocket, uriIsNew, branchFlags, forwardOptions });
    msg.edits.restore(edits);
  };
}

/** The route may have changed all of it. */
function afterBranchRoute(msg: SipMessage, spec: BranchSpec): BranchSpec {
  return {
    uri: msg.uri,
    dstUri: msg.dstUri,
    path: msg.path,
    socket: msg.sendSocket,
    flags: msg.branchFlags,
    instance: msg.instance,
    ruid: msg.ruid,
    locationUa: msg.locationUa,
    connection: spec.connection,
  };
}

// --------------------------------------------------------------- preparation

/** Fills the branch in and builds its request; where its host must be looked up first, that goes on by itself. */
function prepare(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  step: Step,
  msg: SipMessage,
  spec: BranchSpec,
  edits: readonly Edit[] | undefined,
): ClientBranch | number {
  describe(t, b, spec);
  const hops = hopsOf(tm, step, spec, msg.received.socket);
  if (typeof hops === 'number') return hops;
  if (hops instanceof Promise) {
    resolveLater(tm, t, b, step, frozen(msg, edits), spec, hops);
    return register(t, b);
  }
  return build(tm, t, b, msg, spec, hops) ? register(t, b) : E.UNSPEC;
}

function frozen(msg: SipMessage, edits: readonly Edit[] | undefined): SipMessage {
  const copy = msg.clone();
  if (edits !== undefined) copy.edits.restore(edits);
  return copy;
}

function hopsOf(tm: Tm, step: Step, spec: BranchSpec, bound: ListenSocket): NextHops | Promise<NextHops> {
  if (step.forced !== undefined) return forcedHops(tm.host, step.forced, spec.socket, bound);
  return nextHops(tm.host, spec.dstUri ?? spec.uri, spec.socket, step.proto, bound);
}

function describe(t: Transaction, b: ClientBranch, spec: BranchSpec): void {
  b.uri = spec.uri;
  b.path = spec.path;
  b.instance = spec.instance;
  b.ruid = spec.ruid;
  b.locationUa = spec.locationUa;
  b.branchFlags = spec.flags;
  b.onReply = t.settings.onReply;
  b.onFailure = t.settings.onFailure;
  b.onBranchFailure = t.settings.onBranchFailure;
}

function register(t: Transaction, b: ClientBranch): ClientBranch {
  t.addBranch(b);
  return b;
}

function build(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  msg: SipMessage,
  spec: BranchSpec,
  hops: readonly Destination[],
): boolean {
  const first = hops[0];
  if (first === undefined) return false;
  let to = spec.connection > 0 ? { ...first, connection: spec.connection } : first;
  let text = requestText(tm, t, b, msg, spec, to);
  const bigger = to.proto === 'udp' ? largeMessageTarget(tm, t, msg, to, text.length) : undefined;
  if (bigger !== undefined) {
    to = bigger;
    text = requestText(tm, t, b, msg, spec, to);
  }
  b.text = text;
  b.to = to;
  if (hops.length > 1) b.targets = hops.slice(1);
  return true;
}

function requestText(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  msg: SipMessage,
  spec: BranchSpec,
  to: Destination,
): string {
  b.via = viaLine(tm, t, b.index, msg, to);
  return buildForward(msg, {
    via: b.via,
    uri: spec.uri,
    path: spec.path,
    leaving: { sendSocket: to.socket, proto: to.proto },
    stream: to.proto !== 'udp',
  });
}

/** The own Via of a branch. */
export function viaLine(tm: Tm, t: Transaction, index: number, msg: SipMessage, to: Destination): string {
  const extra = viaExtra(msg, t.env, t.program);
  const core = t.program.core.values;
  const host = extra.host ?? msg.advertisedHost ?? core.get('advertised_address');
  const port = Number(extra.port ?? (msg.advertisedPort || core.get('advertised_port') || 0));
  return ownVia(to.socket, `${t.viaBranch}${index.toString(16)}`, {
    advertised: host === undefined && port === 0 ? undefined : { host: host === undefined ? null : `${host}`, port },
    rport: msg.localRport || core.get('add_local_rport') === 1,
    connection: viaConnection(msg.received),
    params: extra.params,
    transport: carrier(tm.host, to),
  });
}

/** udp_mtu: a request that is too long for UDP goes over the protocol that udp_mtu_try_proto names. */
function largeMessageTarget(
  tm: Tm,
  t: Transaction,
  msg: SipMessage,
  to: Destination,
  length: number,
): Destination | undefined {
  const limit = Number(t.program.core.values.get('udp_mtu') ?? 0);
  if (limit <= 0 || length <= limit) return undefined;
  const proto = protoOf(msg.mtuProto ?? `${t.program.core.values.get('udp_mtu_try_proto') ?? ''}`);
  if (proto === undefined || proto === 'udp') return undefined;
  const socket = tm.host.socketFor(proto, to.ip, null);
  return socket === undefined ? undefined : { proto, ip: to.ip, port: to.port, socket };
}

// ------------------------------------------------------- what has to wait

/** The host's addresses are not known yet: the branch is sent when they are, and answered 478 where there are none. */
function resolveLater(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  step: Step,
  msg: SipMessage,
  spec: BranchSpec,
  hops: Promise<NextHops>,
): void {
  const work = hops.then((found) => {
    inTurnDetached(tm, t, 'tm: branch', () => {
      if (t.has(T.GONE) || t.status >= 200 || b.lastReceived >= 200) return undefined;
      if (t.has(T.CANCELED)) return fakeFinal(tm, t, b, 487);
      if (typeof found === 'number') return fakeFinal(tm, t, b, found === E.BAD_ADDRESS ? 478 : 500);
      if (build(tm, t, b, msg, spec, found) && sendBranch(tm, t, b, step.ctx)) return undefined;
      return fakeFinal(tm, t, b, 477);
    });
  });
  tm.host.detach(work, 'tm: name resolution');
}

/** A branch_route that waits runs on a copy of the message; the branch goes out when it ends. */
function prepareLater(tm: Tm, t: Transaction, b: ClientBranch, step: Step, spec: BranchSpec): ClientBranch {
  const msg = step.ctx.msg.clone();
  setForBranch(msg, spec);
  describe(t, b, spec);
  const own = branchContext(tm, t, b, step.ctx, msg);
  const route = t.program.routes.branch.get(step.route)!;
  const work = Promise.resolve(runRoute(own, route)).then(() => {
    afterScript(own);
    if (t.has(T.GONE) || t.status >= 200) return;
    if (own.stop === STOP.DROP) {
      inTurnDetached(tm, t, 'tm: branch', () => fakeFinal(tm, t, b, 500));
      return;
    }
    const changed = afterBranchRoute(msg, spec);
    describe(t, b, changed);
    const hops = Promise.resolve(hopsOf(tm, step, changed, msg.received.socket));
    resolveLater(tm, t, b, step, msg, changed, hops);
  });
  tm.host.detach(work, 'tm: branch_route');
  return register(t, b);
}

// ------------------------------------------------------------------- sending

/** Sends a branch and starts its timers; false when it could not be sent (it counts as 477 then). */
export function sendBranch(tm: Tm, t: Transaction, b: ClientBranch, ctx: Context): boolean {
  if (b.to === null) return true;
  const onFailure = (): void => {
    if (b.to?.proto === 'udp') avoidUnsent(tm, t, b);
    inTurnDetached(tm, t, 'tm: send', () => sendFailed(tm, t, b));
  };
  if (isAvoided(tm, t, b)) {
    b.lastReceived = 477;
    b.reply = null;
    b.flags |= B.SEND_FAILED;
    return tryNextTarget(tm, t, b);
  }
  if (!tm.host.sendFor(ctx, b.text, b.to, sendOptions(ctx.msg), onFailure)) {
    avoidUnsent(tm, t, b);
    if (paramsOf(t.program).failure_exec_mode === 1) return waitForTimeout(tm, t, b);
    b.lastReceived = 477;
    b.reply = null;
    b.flags |= B.SEND_FAILED;
    return tryNextTarget(tm, t, b);
  }
  startBranch(tm, t, b);
  if (wants(t, 'requestOut')) {
    raise('requestOut', { t, request: ctx.msg, reply: null, code: 0, branch: b.index, text: b.text, to: b.to, ctx });
  }
  if (wants(t, 'requestSent')) {
    raise('requestSent', { t, request: ctx.msg, reply: null, code: 0, branch: b.index, text: b.text, to: b.to, ctx });
  }
  return true;
}

/** failure_exec_mode: the branch fails by its timer, so that the failure route runs. */
function waitForTimeout(tm: Tm, t: Transaction, b: ClientBranch): boolean {
  setFinalTimer(tm, t, b, t.settings.frMs || paramsOf(t.program).fr_timer);
  return true;
}

const NO_CONNECT = 1;
const CLOSE = 2;

/** set_forward_no_connect(), set_forward_close(). */
function sendOptions(msg: SipMessage): { noConnect?: boolean; close?: boolean } | undefined {
  const bits = msg.forwardOptions;
  if (bits === 0) return undefined;
  return { ...(bits & NO_CONNECT ? { noConnect: true } : {}), ...(bits & CLOSE ? { close: true } : {}) };
}

/** The transport learnt later that it cannot be sent: the next address, else 477. */
function sendFailed(tm: Tm, t: Transaction, b: ClientBranch): unknown {
  if (b.lastReceived >= 200 || t.has(T.GONE)) return undefined;
  stopBranch(b);
  tryNextTarget(tm, t, b);
  return fakeFinal(tm, t, b, 477);
}
