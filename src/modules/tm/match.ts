/** Finding the transaction of a request (RFC 3261, 17.2.3; before it, RFC 2543's comparison of headers). */
import type { Context } from '../../runtime/context.js';
import { callIdOf, cseqOf, fromOf, toOf, topVia } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { wants } from './callbacks.js';
import { paramsOf, type TmParams } from './params.js';
import { findByBranch, type Tm } from './state.js';
import { T, type Transaction } from './transaction.js';

const COOKIE = 'z9hG4bK';

/** What a look for the transaction of a message found. */
export const FOUND = { YES: 1, NO: -1, E2E_ACK: -2, ERROR: 0 } as const;

/**
 * Key of a request's server transaction: branch, sent-by, Call-ID and CSeq number; INVITE, its ACK and its CANCEL have
 * the same. Undefined where a header needed for it is missing.
 */
export function requestKey(msg: SipMessage, params: TmParams): string | undefined {
  const via = topVia(msg);
  const cseq = cseqOf(msg);
  const callId = callIdOf(msg);
  if (via === undefined || cseq === undefined || callId === undefined) return undefined;
  const method = sameAsInvite(msg.method) ? '' : msg.method;
  const common = `${callId}\n${cseq.number}\n${method}`;
  if (via.branch?.startsWith(COOKIE)) return `${via.branch}\n${via.host}:${via.port}\n${common}`;
  return oldKey(msg, params, common, `${via.host}:${via.port};${via.branch ?? ''}`);
}

function sameAsInvite(method: string): boolean {
  return method === 'INVITE' || method === 'ACK' || method === 'CANCEL';
}

function oldKey(msg: SipMessage, params: TmParams, common: string, via: string): string {
  const uri = params.ruri_matching === 0 ? '' : msg.originalUri;
  return `2543\n${uri}\n${params.via1_matching === 0 ? '' : via}\n${fromOf(msg)?.tag ?? ''}\n${common}`;
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

export function lookUpKey(tm: Tm, ctx: Context, key: string): number {
  ctx.transactionSought = true;
  const { method } = ctx.msg;
  if (method === 'ACK') return lookUpAck(tm, ctx, key);
  const t = method === 'CANCEL' ? tm.cancels.get(key) : tm.servers.get(key);
  ctx.transaction = t ?? null;
  return t === undefined ? FOUND.NO : FOUND.YES;
}

/** A negative reply's ACK has the branch of the INVITE; that of a 2xx belongs to the dialog. */
function lookUpAck(tm: Tm, ctx: Context, key: string): number {
  const invite = tm.servers.get(key);
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
  const key = dialogKey(ack);
  const t = key === undefined ? undefined : tm.confirmed.get(key);
  if (t === undefined || t.fromTag !== fromOf(ack)?.tag) return undefined;
  const tag = toOf(ack)?.tag ?? '';
  return t.toTags === null || t.toTags.includes(tag) ? t : undefined;
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
  const t = key === undefined ? undefined : tm.servers.get(key);
  return t === undefined || t.has(T.GONE) ? undefined : t;
}

/** The transaction of a run, where one was found or made. */
export function transactionOf(ctx: Context): Transaction | null {
  return ctx.transaction as Transaction | null;
}
