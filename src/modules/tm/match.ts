/** Finding the transaction of a request (RFC 3261, 17.2.3; before it, RFC 2543's comparison of headers). */
import type { Context } from '../../runtime/context.js';
import { fnv1a, fnv1aNumber } from '../../sip/hash.js';
import { callIdOf, cseqOf, fromOf, toOf, topVia, type Via } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { kept } from '../../sip/text.js';
import { wants } from './callbacks.js';
import { paramsOf, type TmParams } from './params.js';
import { findByBranch, type Tm } from './state.js';
import { T, type Transaction } from './transaction.js';

const COOKIE = 'z9hG4bK';

/** What a look for the transaction of a message found. */
export const FOUND = { YES: 1, NO: -1, E2E_ACK: -2, ERROR: 0 } as const;

/**
 * What a request's server transaction is found by: branch, sent-by, Call-ID and CSeq number; INVITE, its ACK and its
 * CANCEL have the same.
 */
export interface RequestKey {
  readonly hash: number;
  /** The branch; of a request as before RFC 3261 all that is compared instead. */
  readonly branch: string;
  readonly host: string;
  readonly port: number;
  readonly callId: string;
  readonly number: string;
  /** '' for INVITE, ACK and CANCEL. */
  readonly method: string;
}

/** Where the numbers of this server begin, so that nobody makes up requests with equal ones. */
const SEED = Math.floor(Math.random() * 0x7fffffff);

/** Undefined where a header needed for it is missing. */
export function requestKey(msg: SipMessage, params: TmParams): RequestKey | undefined {
  const via = topVia(msg);
  const cseq = cseqOf(msg);
  const callId = callIdOf(msg);
  if (via === undefined || cseq === undefined || callId === undefined) return undefined;
  const { number } = cseq;
  const method = sameAsInvite(msg.method) ? '' : msg.method;
  const modern = via.branch?.startsWith(COOKIE) === true;
  // their own texts: the message may have another one by now, and that of its arrival is not to be kept for them
  const branch = kept(modern ? via.branch! : oldBranch(msg, params, via));
  const host = modern ? kept(via.host) : '';
  const port = modern ? via.port : 0;
  const hash = fnv1a(method, dialogHash(callId, number, fnv1aNumber(port, fnv1a(host, fnv1a(branch, SEED))))) | 0;
  return { hash, branch, host, port, callId, number, method };
}

function sameAsInvite(method: string): boolean {
  return method === 'INVITE' || method === 'ACK' || method === 'CANCEL';
}

function oldBranch(msg: SipMessage, params: TmParams, via: Via): string {
  const uri = params.ruri_matching === 0 ? '' : msg.originalUri;
  const sent = params.via1_matching === 0 ? '' : `${via.host}:${via.port};${via.branch ?? ''}`;
  return `2543\n${uri}\n${sent}\n${fromOf(msg)?.tag ?? ''}`;
}

function dialogHash(callId: string, number: string, seed: number): number {
  return fnv1a(number, fnv1a('\n', fnv1a(callId, seed)));
}

export function has(t: Transaction, key: RequestKey): boolean {
  const own = t.key;
  return (
    own !== null &&
    own.branch === key.branch &&
    own.callId === key.callId &&
    own.number === key.number &&
    own.method === key.method &&
    own.host === key.host &&
    own.port === key.port
  );
}

/** The server transaction of a key; CANCELs have a table of their own. */
export function serverOf(tm: Tm, key: RequestKey): Transaction | undefined {
  return tm.servers.find(key.hash, has, key, undefined);
}

export function cancelOf(tm: Tm, key: RequestKey): Transaction | undefined {
  return tm.cancels.size === 0 ? undefined : tm.cancels.find(key.hash, has, key, undefined);
}

/** Puts an INVITE that got a 2xx where its ACK finds it. */
export function keepForAck(tm: Tm, t: Transaction): void {
  const { key, request } = t;
  if (t.confirmedHash !== null || key === null || request === null) return;
  t.fromTag = fromOf(request)?.tag;
  t.confirmedHash = dialogHash(key.callId, key.number, SEED) | 0;
  tm.confirmed.add(t.confirmedHash, t);
}

/** Call-ID and CSeq number, which an ACK shares with its INVITE. */
export function dialogKey(msg: SipMessage): string | undefined {
  const cseq = cseqOf(msg);
  const callId = callIdOf(msg);
  return cseq === undefined || callId === undefined ? undefined : `${callId}\n${cseq.number}`;
}

/**
 * Looks for the transaction of the message in view, once a run, and keeps it as `ctx.transaction`: FOUND.YES, FOUND.NO,
 * FOUND.E2E_ACK for the ACK of a 2xx (the transaction is not set then).
 */
export function lookUp(tm: Tm, ctx: Context): number {
  if (ctx.transactionSought) return ctx.transaction === null ? FOUND.NO : FOUND.YES;
  if (!ctx.msg.isRequest) return lookUpReply(tm, ctx);
  const key = requestKey(ctx.msg, paramsOf(ctx.program));
  if (key === undefined) return FOUND.ERROR;
  return lookUpKey(tm, ctx, key);
}

export function lookUpKey(tm: Tm, ctx: Context, key: RequestKey): number {
  ctx.transactionSought = true;
  const { method } = ctx.msg;
  if (method === 'ACK') return lookUpAck(tm, ctx, key);
  const t = method === 'CANCEL' ? cancelOf(tm, key) : serverOf(tm, key);
  ctx.transaction = t ?? null;
  return t === undefined ? FOUND.NO : FOUND.YES;
}

/** A negative reply's ACK has the branch of the INVITE; that of a 2xx belongs to the dialog. */
function lookUpAck(tm: Tm, ctx: Context, key: RequestKey): number {
  const invite = serverOf(tm, key);
  if (invite?.isInvite && invite.status >= 300) {
    ctx.transaction = invite;
    return FOUND.YES;
  }
  const confirmed = confirmedBy(tm, ctx.msg);
  if (confirmed === undefined) return FOUND.NO;
  // seen: the ACK of a relayed 2xx is known only where a module asked for it (dialog, acc)
  if (confirmed.replyBranch !== -2) return wantsAck(confirmed) ? FOUND.E2E_ACK : FOUND.NO;
  ctx.transaction = confirmed;
  return FOUND.YES;
}

function wantsAck(t: Transaction): boolean {
  return wants(t, 'e2eAckIn') || wants(t, 'e2eAckRetrIn');
}

/** The INVITE transaction whose 2xx this ACK confirms, while it is kept. */
export function confirmedBy(tm: Tm, ack: SipMessage): Transaction | undefined {
  const cseq = cseqOf(ack);
  const callId = callIdOf(ack);
  if (tm.confirmed.size === 0 || cseq === undefined || callId === undefined) return undefined;
  return tm.confirmed.find(dialogHash(callId, cseq.number, SEED) | 0, isConfirmedBy, ack, callId);
}

function isConfirmedBy(t: Transaction, ack: SipMessage, callId: string): boolean {
  if (t.key?.callId !== callId || t.key.number !== cseqOf(ack)?.number || t.fromTag !== fromOf(ack)?.tag) return false;
  return t.toTags === null || t.toTags.includes(toOf(ack)?.tag ?? '');
}

/** The reply's branch is put into `ctx.branchIndex`. */
function lookUpReply(tm: Tm, ctx: Context): number {
  ctx.transactionSought = true;
  const found = replyTransaction(tm, ctx.msg);
  if (found === undefined) return FOUND.NO;
  ctx.transaction = found.t;
  ctx.branchIndex = found.branch;
  return FOUND.YES;
}

/** RFC 3261, 17.1.3: branch of the top Via and method of the CSeq. */
export function replyTransaction(tm: Tm, reply: SipMessage): { t: Transaction; branch: number } | undefined {
  const branch = topVia(reply)?.branch;
  const cseq = cseqOf(reply);
  if (branch === undefined || cseq === undefined) return undefined;
  const found = findByBranch(tm, branch);
  if (found === undefined) return undefined;
  const { t } = found;
  if (cseq.method !== t.method && !(cseq.method === 'CANCEL' && t.isInvite)) return undefined;
  return paramsOf(t.program).callid_cseq_matching === 0 || sameCall(t, reply) ? found : undefined;
}

function sameCall(t: Transaction, reply: SipMessage): boolean {
  return t.request === null || dialogKey(t.request) === dialogKey(reply);
}

/** The INVITE that a CANCEL is for. */
export function inviteOf(tm: Tm, cancel: SipMessage, params: TmParams): Transaction | undefined {
  const key = requestKey(cancel, params);
  const t = key === undefined ? undefined : serverOf(tm, key);
  return t === undefined || t.has(T.GONE) ? undefined : t;
}

/** The transaction of a run, where one was found or made. */
export function transactionOf(ctx: Context): Transaction | null {
  return ctx.transaction as Transaction | null;
}
