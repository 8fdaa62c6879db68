/** Replaced addresses come back in replies. */
import type { Context } from '../../runtime/context.js';
import { addAvp, firstAvp } from '../../runtime/message-env.js';
import { type Host, toText } from '../../runtime/module.js';
import type { FromTo } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { onTransaction, type TmEvent, type Transaction, transactionOf } from '../tm/api.js';
import { FLAG, headerOf, type Side } from './address.js';
import { keyOf, paramsOf, restoreMode } from './params.js';

export const SIDES: readonly Side[] = ['from', 'to'];

function avpOf(ctx: { readonly program: Context['program'] }, side: Side): string | undefined {
  const params = paramsOf(ctx.program);
  return keyOf(side === 'from' ? params.restore_from_avp : params.restore_to_avp);
}

/** Display name and URI with their brackets: what stands before the parameters. */
function shown(msg: SipMessage, { valueStart, uriEnd }: FromTo): string {
  return msg.text.slice(firstVisible(msg.text, valueStart), afterAddress(msg.text, uriEnd));
}

function firstVisible(text: string, at: number): number {
  let i = at;
  while (text[i] === ' ' || text[i] === '\t') i++;
  return i;
}

function afterAddress(text: string, uriEnd: number): number {
  const at = firstVisible(text, uriEnd);
  return text[at] === '>' ? at + 1 : uriEnd;
}

/** restore_from_avp, restore_to_avp. */
export function keepForReplies(ctx: Context, side: Side, header: FromTo): void {
  const key = restoreMode(paramsOf(ctx.program)) === 'none' ? undefined : avpOf(ctx, side);
  if (key !== undefined) addAvp(ctx.env, key, shown(ctx.msg, header));
}

// ----------------------------------------------------------------- replies

/** The message's transaction is to restore its replies. */
const MARK = {};

export function restoreInReplies(ctx: Context, flag: number): void {
  const { msg } = ctx;
  const first = !msg.slots.has(MARK);
  msg.slots.set(MARK, true);
  msg.internalFlags |= flag;
  const t = transactionOf(ctx);
  if (t === null) return;
  if (t.request !== null) t.request.internalFlags |= flag;
  if (first) follow(t);
}

function follow(t: Transaction): void {
  t.on('responseIn', restoreReply);
}

/** The edits of a reply go beside what the script of the reply sees, which is the text as it came. */
function restoreReply({ t, reply }: TmEvent): void {
  const { request } = t;
  if (request === null || reply === null) return;
  for (const side of SIDES) {
    if ((request.internalFlags & FLAG[side]) === 0) continue;
    const there = headerOf(reply, side);
    const original = headerOf(request, side);
    if (there === undefined || original === undefined) continue;
    const key = avpOf(t, side);
    const kept = key === undefined ? '' : toText(firstAvp(t.env, key)?.value);
    const start = firstVisible(reply.text, there.valueStart);
    const length = afterAddress(reply.text, there.uriEnd) - start;
    reply.edits.replace(start, length, kept || shown(request, original));
  }
}

/** Transactions of messages that were changed before them. */
export function followChanged(host: Host): void {
  onTransaction(host, (t, ctx) => {
    if (ctx.msg.slots.has(MARK)) follow(t);
  });
}
