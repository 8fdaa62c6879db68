/** What other modules use of tm (dialog, acc, uac, dmq, dispatcher, presence, nathelper, async …). */
import type { Context } from '../../runtime/context.js';
import type { Host } from '../../runtime/host.js';
import type { SipMessage } from '../../sip/message.js';
import { scriptReply } from './functions.js';
import { scriptRelay } from './functions-relay.js';
import { tagOf } from './local-reply.js';
import { lookUp, transactionOf } from './match.js';
import type { Forced } from './next-hop.js';
import { newTransaction } from './relay.js';
import { findByBranch, findById, TM, tmOf } from './state.js';
import { type Resumed, resume, suspend } from './suspend.js';
import type { Transaction } from './transaction.js';

export { raise, type TmCallback, type TmEvent, type TmEventName } from './callbacks.js';
export { reasonOf } from './errors.js';
export { setFr as setTimers } from './functions-settings.js';
export { replyLocally, sendTrying } from './local-reply.js';
export { inviteOf, lookUp, transactionOf } from './match.js';
export type { Forced } from './next-hop.js';
export { paramsOf as tmParamsOf } from './params.js';
export { type CopyTarget, sendCopies } from './replicate.js';
export { settingsOf } from './settings.js';
export { findByCallId, findById, TM, type Tm, tmOf } from './state.js';
export type { Resumed } from './suspend.js';
export { B, type BranchReply, type ClientBranch, FAKED, T, type Transaction } from './transaction.js';
export { cancelRequest, type NewRequest, newCallId, newRequest, type RequestReply, type SentRequest } from './uac.js';

/** Is tm loaded? Modules that can do without ask first. */
export function hasTm(host: Host): boolean {
  return host.hasState(TM);
}

/** The To tag that local replies of the transaction have. */
export function replyTag(host: Host, t: Transaction, request: SipMessage): string {
  return tagOf(tmOf(host), t, request);
}

/** The transaction of a run, looked for if need be; null where there is none. */
export function currentTransaction(ctx: Context): Transaction | null {
  if (transactionOf(ctx) === null) lookUp(tmOf(ctx.host), ctx);
  return transactionOf(ctx);
}

/** Begins a transaction for the request in view, or gives that which is there; null where none can be. */
export function ensureTransaction(ctx: Context): Transaction | null {
  if (transactionOf(ctx) === null) newTransaction(tmOf(ctx.host), ctx);
  return transactionOf(ctx);
}

/** t_relay(), to `to` where it is given. */
export function relayRequest(ctx: Context, to?: Forced): number {
  return scriptRelay(ctx, to, to?.proto);
}

/** t_reply(). */
export function replyInTransaction(ctx: Context, code: number, reason: string): number {
  return scriptReply(ctx, code, reason);
}

/** Names a suspended transaction: plain numbers, fit to be kept anywhere. */
export interface Suspended {
  readonly index: number;
  readonly label: number;
}

/** Suspends the run's transaction; the run must end after it. Undefined: not possible (an ACK, a final reply was sent). */
export function suspendRun(ctx: Context): Suspended | undefined {
  if (suspend(tmOf(ctx.host), ctx) < 0) return undefined;
  const t = transactionOf(ctx);
  return t === null ? undefined : { index: t.index, label: t.label };
}

/** Goes on with a suspended transaction by a route of the script or by code; -1 where it is gone or not suspended. */
export function resumeRun(host: Host, { index, label }: Suspended, what: Resumed): number | Promise<number> {
  const tm = tmOf(host);
  const t = findById(tm, index, label);
  return t === undefined ? -1 : resume(tm, t, what);
}

/** Calls `fn` for each transaction that a request begins from now on: the place to add callbacks by `t.on(…)`. */
export function onTransaction(host: Host, fn: (t: Transaction, ctx: Context) => void): void {
  tmOf(host).onRequestIn.push(fn);
}

/** Calls `fn` when uac_auth() has put its answer into a request that goes out again. */
export function onAuthAnswer(host: Host, fn: (ctx: Context, t: Transaction) => void): void {
  tmOf(host).onAuthAnswer.push(fn);
}

/** The transaction that the branch of a reply's top Via names. */
export function transactionOfReply(host: Host, viaBranch: string): Transaction | undefined {
  return findByBranch(tmOf(host), viaBranch)?.t;
}

/** Calls `fn` for each transaction that begins here. */
export function onLocalTransaction(host: Host, fn: (t: Transaction) => void): void {
  tmOf(host).onLocalRequestIn.push(fn);
}
