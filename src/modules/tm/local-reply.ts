/** Replies that the server makes for a request of a transaction: t_reply(), errors, timeouts, 100 (sip.md, section 4). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { ownLines } from '../../runtime/replies.js';
import { buildReply, localTag, type ReplyOptions, tagPrefix } from '../../sip/build.js';
import { toOf } from '../../sip/header.js';
import { parseStartLine, SipMessage } from '../../sip/message.js';
import { raise, type TmEventName, wants } from './callbacks.js';
import { cancelBranches, openBranches } from './cancel.js';
import { errorReply } from './errors.js';
import { keepForAck } from './match.js';
import { paramsOf } from './params.js';
import type { Tm } from './state.js';
import { putOnWait, startReply, stopBranches } from './timers.js';
import { T, type Transaction } from './transaction.js';

export interface LocalReplyExtra {
  readonly headers?: readonly string[];
  readonly body?: { readonly type: string; readonly text: string };
  readonly toTag?: string;
  readonly ctx?: Context;
}

/**
 * Sends a reply of our own: 1; -1 when a final one was sent before or it cannot be built. `msg` is the request in view
 * of the script, whose append_to_reply() counts.
 */
export function replyLocally(
  tm: Tm,
  t: Transaction,
  msg: SipMessage,
  code: number,
  reason: string,
  extra: LocalReplyExtra = {},
): number {
  if (t.status >= 200) {
    tm.host.log.write(LEVEL.INFO, 'tm', `can't generate ${code} reply when a final ${t.status} was sent out`);
    return -1;
  }
  const text = buildReply(
    msg,
    code,
    reason,
    replyParts(tm, t, msg, code, extra.toTag, extra.headers, extra.body ?? msg.replyBody),
  );
  if (text === '') return -1;
  if (code >= 200) t.handled = true;
  sendLocal(tm, t, msg, code, text, extra.ctx);
  return 1;
}

/** To tag and Server line of a local reply; the tag is the same for all of a transaction. */
function replyParts(
  tm: Tm,
  t: Transaction,
  msg: SipMessage,
  code: number,
  given: string | undefined,
  headers: ReplyOptions['headers'],
  body: ReplyOptions['body'],
): ReplyOptions {
  return {
    toTag: code < 180 ? undefined : (given ?? tagOf(tm, t, msg)),
    headers,
    body,
    serverHeader: ownLines(t.program, msg, tm.host.pid),
    contactLines: code >= 300 && code < 400 ? tm.redirectContacts(msg, paramsOf(t.program).rich_redirect) : undefined,
  };
}

/** The To tag that local replies of the transaction have: that of the request, else ours. */
export function tagOf(tm: Tm, t: Transaction, msg: SipMessage): string {
  const there = toOf(msg)?.tag;
  if (there !== undefined) return there;
  if (t.localTag === '') t.localTag = localTag(msg, tm.tagPrefix, '-');
  return t.localTag;
}

export function makeTagPrefix(tm: Tm): string {
  return tagPrefix('tm', tm.host.sockets[0]);
}

/** A reply made for the caller out of no reply of a branch (408, 487, challenges): its text. */
export function madeReply(
  tm: Tm,
  t: Transaction,
  code: number,
  reason: string,
  headers: readonly string[] = [],
): string {
  const msg = t.request;
  if (msg === null) return '';
  return buildReply(msg, code, reason, replyParts(tm, t, msg, code, undefined, headers, undefined));
}

function sendLocal(
  tm: Tm,
  t: Transaction,
  msg: SipMessage,
  code: number,
  text: string,
  ctx: Context | undefined,
): void {
  t.status = code;
  t.replyText = text;
  t.replyBranch = -2;
  tm.stats.repliesGenerated++;
  tm.stats.repliesSent++;
  if (code >= 200) beforeFinal(tm, t, msg, code, ctx);
  if (t.replyTo !== null && tm.host.send(text, t.replyTo)) afterSent(tm, t, msg, code, text, ctx);
  if (code >= 200) putOnWait(tm, t);
}

/** A final reply ends the branches that are open. */
function beforeFinal(tm: Tm, t: Transaction, msg: SipMessage, code: number, ctx: Context | undefined): void {
  if (t.has(T.LOCAL)) event('localCompleted', t, msg, code, '', ctx);
  else event('responseReady', t, msg, code, t.replyText, ctx);
  stopBranches(t);
  if (t.isInvite) cancelBranches(tm, t, openBranches(t), code, 'kill');
  if (code < 300) confirmable(tm, t, tagOf(tm, t, msg));
  startReply(tm, t);
}

function afterSent(
  tm: Tm,
  t: Transaction,
  msg: SipMessage,
  code: number,
  text: string,
  ctx: Context | undefined,
): void {
  if (code >= 200 && !t.has(T.LOCAL)) event('responseOut', t, msg, code, text, ctx);
  event('responseSent', t, msg, code, text, ctx);
  localResponseRoute(tm, t, text);
}

function event(
  name: TmEventName,
  t: Transaction,
  request: SipMessage,
  code: number,
  text: string,
  ctx?: Context,
): void {
  if (wants(t, name)) raise(name, { t, request, reply: null, code, branch: -1, text, to: t.replyTo, ctx });
}

const LOCAL_RESPONSE = 'tm:local-response';

/** event_route[tm:local-response] runs for each reply made here, the reply in view. */
function localResponseRoute(tm: Tm, t: Transaction, text: string): void {
  if (!t.program.routes.event.has(LOCAL_RESPONSE) || t.request === null) return;
  const line = parseStartLine(text);
  if (line === undefined) return;
  const { received, id, time } = t.request;
  const run = tm.host.runEvent(
    LOCAL_RESPONSE,
    new SipMessage(text, line, received, id, time),
    undefined,
    t.env,
    t.program,
  );
  if (run instanceof Promise) tm.host.detach(run, LOCAL_RESPONSE);
}

/** The ACK of this 2xx to INVITE will be known. */
export function confirmable(tm: Tm, t: Transaction, toTag: string): void {
  if (!t.isInvite || t.request === null) return;
  if (t.toTags === null) t.toTags = [toTag];
  else if (!t.toTags.includes(toTag)) t.toTags.push(toTag);
  keepForAck(tm, t);
}

/** 100 to an INVITE that is being worked on, once. */
export function sendTrying(tm: Tm, t: Transaction, msg: SipMessage, ctx?: Context): void {
  if (!t.isInvite || !t.has(T.AUTO_INV_100) || t.status >= 100) return;
  const reason = paramsOf(t.program).auto_inv_100_reason;
  replyLocally(tm, t, msg, 100, reason, ctx === undefined ? {} : { ctx });
}

/** The reply for an internal error; a number ≤ 0 when it could not be sent. */
export function replyError(tm: Tm, t: Transaction, error: number, ctx?: Context): number {
  if (t.request === null) return -1;
  const { code, reason } = errorReply(error, 'TM');
  return replyLocally(tm, t, t.request, code, reason, ctx === undefined ? {} : { ctx });
}

/** Sends the last reply again: 1; -1 where there is none. */
export function repeatReply(tm: Tm, t: Transaction): number {
  if (t.replyText === '' || t.replyTo === null) return -1;
  return tm.host.send(t.replyText, t.replyTo) ? 1 : -1;
}
