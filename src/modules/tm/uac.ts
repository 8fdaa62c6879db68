/** Requests that begin here, with their transaction: retransmission, 408, and the owner told of the replies. */
import { randomBytes } from 'node:crypto';
import { Context, ROUTE, STOP } from '../../runtime/context.js';
import { VERSION } from '../../runtime/core/version.js';
import { carrier, type Host, LEVEL } from '../../runtime/host.js';
import { MessageEnv } from '../../runtime/message-env.js';
import type { Program } from '../../runtime/program.js';
import { runRoute } from '../../runtime/run.js';
import { ownVia, rebuild } from '../../sip/build.js';
import { topVia } from '../../sip/header.js';
import { parseStartLine, SipMessage } from '../../sip/message.js';
import type { Destination, ListenSocket } from '../../sip/transport.js';
import { cancelBranches, openBranches } from './cancel.js';
import { E } from './errors.js';
import { tryNextTarget } from './failover.js';
import { andThen, inTurnDetached } from './later.js';
import { LOCAL_DIALOG } from './local-ack.js';
import { dialogRequest, type LocalDialog } from './local-request.js';
import { type NextHops, nextHops } from './next-hop.js';
import { paramsOf } from './params.js';
import { fakeFinal } from './receive-reply.js';
import { type Tm, tmOf } from './state.js';
import { destroy, putOnWait, startBranch } from './timers.js';
import { ClientBranch, noSettings, T, type Transaction } from './transaction.js';

export interface NewRequest {
  readonly method: string;
  readonly uri: string;
  /** From and To: URIs or header values, without tags. */
  readonly from: string;
  readonly to: string;
  /** Header lines with CRLF, beyond those every request has. */
  readonly headers?: string;
  readonly body?: string;
  /** Where it goes instead of the first route or the URI: a SIP URI, '' none. */
  readonly nextHop?: string | null;
  readonly socket?: ListenSocket | null;
  readonly callId?: string;
  readonly cseq?: number;
  readonly fromTag?: string;
  readonly toTag?: string;
  /** Route values (`<sip:…;lr>`), first hop first. */
  readonly routes?: readonly string[];
  /** ms without a reply, and after a provisional one to INVITE. */
  readonly frMs?: number;
  readonly frInvMs?: number;
  /** AVPs for event_route[tm:local-request] and the reply route. */
  readonly env?: MessageEnv;
  readonly program?: Program;
  /** The owner sends the ACK of a 2xx himself. */
  readonly ownAck?: boolean;
  /** Tell of provisional replies too. */
  readonly provisional?: boolean;
  /** Is it sent without waiting for a reply? Then nothing is kept and `onReply` is never called. */
  readonly oneWay?: boolean;
}

export interface RequestReply {
  readonly code: number;
  /** null where tm made the reply: 408 timeout, 477 and 478 not sendable, 487 cancelled. */
  readonly message: SipMessage | null;
  readonly transaction: Transaction;
}

/** What was begun: `transaction.label` names it in logs; `cancel` ends an INVITE that still rings. */
export interface SentRequest {
  readonly transaction: Transaction;
  readonly callId: string;
  readonly fromTag: string;
  cancel(): void;
}

/**
 * Sends a request in a transaction of its own; `onReply` gets the final reply (and provisional ones where asked for), also
 * a made one where none comes. Undefined: refused at once (no such destination, dropped by event_route[tm:local-request]).
 */
export function newRequest(
  host: Host,
  given: NewRequest,
  onReply?: (reply: RequestReply) => void,
): SentRequest | undefined {
  const tm = tmOf(host);
  const dialog = describe(tm, given);
  const t = createLocal(tm, given, dialog, onReply);
  const b = new ClientBranch(0, given.uri);
  t.addBranch(b);
  const hop = given.nextHop || firstRoute(given.routes) || given.uri;
  const hops = nextHops(host, hop, given.socket ?? null, given.socket?.proto);
  const sent = andThen(hops, (found) => start(tm, t, b, dialog, found, hop, hops instanceof Promise));
  if (sent instanceof Promise) host.detach(sent, 'tm: name resolution');
  else if (!sent) {
    destroy(tm, t);
    return undefined;
  }
  return { transaction: t, callId: dialog.callId, fromTag: dialog.fromTag, cancel: () => cancelRequest(tm, t) };
}

/** `<sip:h;lr>` of the first Route, where a request in a dialog goes. */
function firstRoute(routes: readonly string[] | undefined): string {
  const first = routes?.[0];
  const found = first === undefined ? null : /<([^>]*)>/.exec(first);
  return found?.[1] ?? '';
}

function describe(tm: Tm, given: NewRequest): LocalDialog {
  return {
    method: given.method,
    uri: given.uri,
    from: given.from,
    to: given.to,
    fromTag: given.fromTag ?? randomBytes(16).toString('hex'),
    toTag: given.toTag ?? '',
    callId: given.callId || newCallId(tm),
    cseq: given.cseq ?? 10,
    routes: given.routes ?? [],
    headers: given.headers ?? '',
    body: given.body ?? '',
    ownAck: given.ownAck ?? false,
    userAgent: userAgentHeader(given.program ?? tm.host.program),
  };
}

/** A Call-ID in Kamailio's form: hex, `-`, pid, `@` and address; or of a module that makes them. */
export function newCallId(tm: Tm): string {
  const made = tm.host.hooks.callId;
  if (made !== undefined) return made();
  return `${randomBytes(8).toString('hex')}-${tm.host.pid}@${tm.host.sockets[0]?.ip ?? '127.0.0.1'}`;
}

function createLocal(
  tm: Tm,
  given: NewRequest,
  dialog: LocalDialog,
  onReply?: (reply: RequestReply) => void,
): Transaction {
  const settings = noSettings();
  settings.frMs = given.frMs ?? 0;
  settings.frInvMs = given.frInvMs ?? 0;
  const like = { program: given.program ?? tm.host.program, env: given.env ?? new MessageEnv() };
  const t = tm.create(given.method, like, settings);
  t.flags |= T.LOCAL;
  t.handled = true;
  t.setSlot(LOCAL_DIALOG, dialog);
  tm.stats.created++;
  tm.stats.local++;
  for (const fn of tm.onLocalRequestIn) fn(t);
  if (onReply === undefined) return t;
  t.on('localCompleted', (e) => onReply({ code: e.code, message: e.reply, transaction: t }));
  if (given.provisional) {
    t.on('localResponseOut', (e) => onReply({ code: e.code, message: e.reply, transaction: t }));
  }
  return t;
}

function start(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  dialog: LocalDialog,
  hops: NextHops,
  hop: string,
  late: boolean,
): boolean | Promise<boolean> {
  const to = typeof hops === 'number' ? undefined : hops[0];
  if (to === undefined) return late ? fail(tm, t, b, 478) : refuse(tm, `no way to ${hop}`);
  b.to = to;
  b.targets = typeof hops === 'number' ? [] : hops.slice(1);
  b.via = ownVia(to.socket, `${t.viaBranch}0`, { transport: carrier(tm.host, to) });
  b.text = dialogRequest({ ...dialog, via: b.via });
  return andThen(localRequestRoute(tm, t, b, to, hop), (goOn) => {
    if (!goOn) return late ? fail(tm, t, b, 487) : false;
    b.onReply = t.settings.onReply;
    if (paramsOf(t.program).enable_uac_fr !== 0) keepForFailure(tm, t, b, to);
    return send(tm, t, b);
  });
}

/** enable_uac_fr: failure routes of event_route[tm:local-request] see the request as it was sent, Via included. */
function keepForFailure(tm: Tm, t: Transaction, b: ClientBranch, to: Destination): void {
  b.onFailure = t.settings.onFailure;
  b.onBranchFailure = t.settings.onBranchFailure;
  t.request = asReceived(tm, b, to) ?? null;
}

/** What is sent as if it had come, from ourselves. */
function asReceived(tm: Tm, b: ClientBranch, to: Destination): SipMessage | undefined {
  const line = parseStartLine(b.text);
  if (line === undefined) return undefined;
  const received = { proto: to.proto, srcIp: to.socket.ip, srcPort: to.socket.port, socket: to.socket, connection: 0 };
  return new SipMessage(b.text, line, received, 0, tm.host.clock.now());
}

function refuse(tm: Tm, why: string): boolean {
  tm.host.log.write(LEVEL.ERR, 'tm', why);
  return false;
}

function fail(tm: Tm, t: Transaction, b: ClientBranch, code: number): boolean {
  fakeFinal(tm, t, b, code);
  return true;
}

function send(tm: Tm, t: Transaction, b: ClientBranch): boolean {
  const onFailure = (): void => inTurnDetached(tm, t, 'tm: send', () => lost(tm, t, b));
  if (b.to === null) return false;
  if (!tm.host.send(b.text, b.to, undefined, onFailure)) {
    b.lastReceived = -E.SEND;
    return tryNextTarget(tm, t, b);
  }
  if (t.method === 'ACK') putOnWait(tm, t);
  else startBranch(tm, t, b);
  return true;
}

function lost(tm: Tm, t: Transaction, b: ClientBranch): unknown {
  if (b.lastReceived >= 200 || t.has(T.GONE)) return undefined;
  tryNextTarget(tm, t, b);
  return fakeFinal(tm, t, b, 477);
}

/** Cancels a local INVITE. */
export function cancelRequest(tm: Tm, t: Transaction): void {
  t.flags |= T.CANCELED;
  cancelBranches(tm, t, openBranches(t), 0, 'wait');
}

// ------------------------------------------------------------- tm:local-request

const LOCAL_REQUEST = 'tm:local-request';

/** Runs event_route[tm:local-request] on the request; its edits count. False: dropped. */
function localRequestRoute(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  to: Destination,
  hop: string,
): boolean | Promise<boolean> {
  const route = t.program.routes.event.get(LOCAL_REQUEST);
  const msg = route === undefined ? undefined : asReceived(tm, b, to);
  if (route === undefined || msg === undefined) return true;
  msg.dstUri = hop;
  msg.sendSocket = to.socket;
  const ctx = new Context(tm.host, t.program, msg, ROUTE.LOCAL, t.env);
  ctx.transaction = t;
  ctx.transactionSought = true;
  ctx.sending = { text: b.text, to };
  return andThen(runRoute(ctx, route), () => {
    if (ctx.stop === STOP.DROP) return false;
    applyChanges(t, b, msg, to);
    return true;
  });
}

function applyChanges(t: Transaction, b: ClientBranch, msg: SipMessage, to: Destination): void {
  const socket = msg.sendSocket;
  if (socket !== null && socket !== to.socket && socket.proto === to.proto) {
    const via = topVia(msg);
    const line = ownVia(socket, `${t.viaBranch}0`, { rport: msg.localRport });
    if (via !== undefined) msg.edits.replace(via.header.start, via.header.end - via.header.start, line);
    b.to = { ...to, socket };
    b.via = line;
  }
  if (msg.edits.size > 0 || msg.newUri !== null) b.text = rebuild(msg);
  b.uri = msg.uri;
}

/** A local request that was refused says why by this code. */
export const REFUSED = E.BAD_ADDRESS;

/** The User-Agent line of requests made here, by server_signature and user_agent_header. */
function userAgentHeader(program: Program): string {
  const { values } = program.core;
  if (values.get('server_signature') === 0) return '';
  const given = values.get('user_agent_header');
  return typeof given === 'string' && given !== '' ? given : `User-Agent: kamailio (${VERSION} (x86_64/linux))`;
}
