/**
 * track_cseq_updates: uac_auth() sends a request once more, with a CSeq number that the caller does not know of. From then
 * on requests of the caller get that much more, and replies get it taken off. Towards the caller nothing changes.
 */
import type { Context } from '../../runtime/context.js';
import type { Host } from '../../runtime/host.js';
import { cseqOf, topVia } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { onAuthAnswer, type Transaction, transactionOfReply } from '../tm/api.js';
import { lookUp } from './context.js';
import { DIRECTION, type Dialog, IFLAG } from './dialog.js';
import { dialogParams } from './params.js';
import type { Dialogs } from './state.js';

/** The dialog's variable, by Kamailio's name: other nodes and the database have it too. */
const VARIABLE = 'cseq_diff';
const TAG = 'dialog cseq';
/** Transactions whose requests left with another number than they came with, and messages that will begin such ones. */
const CHANGED = {};

/** How much more the callee sees. */
export function cseqDiff(dialog: Dialog): number {
  if ((dialog.iflags & IFLAG.CSEQ_DIFF) === 0) return 0;
  return Number.parseInt(dialog.vars.get(VARIABLE) ?? '0', 10) || 0;
}

/** Hooks of a server. */
export function trackCseq(host: Host, ds: Dialogs): void {
  onAuthAnswer(host, (ctx, t) => {
    if (dialogParams(ctx.program).track_cseq_updates !== 0) countAnswer(ds, ctx, t);
  });
  host.hooks.beforeReply.push((ctx) => {
    if (dialogParams(ctx.program).track_cseq_updates !== 0) originalNumber(host, ctx.msg);
    return true;
  });
}

function countAnswer(ds: Dialogs, ctx: Context, t: Transaction): void {
  const view = lookUp(ctx);
  if (view === undefined || view.direction !== DIRECTION.DOWNSTREAM) return;
  const { dialog } = view;
  const diff = cseqDiff(dialog) + 1;
  dialog.iflags |= IFLAG.CSEQ_DIFF;
  dialog.setVar(VARIABLE, `${diff}`);
  ds.changed(dialog, 'vars');
  if (raise(ctx.msg, diff)) t.setSlot(CHANGED, true);
}

/** A request within the dialog. */
export function refreshCseq(ctx: Context, dialog: Dialog, direction: number): void {
  const diff = direction === DIRECTION.DOWNSTREAM ? cseqDiff(dialog) : 0;
  if (diff > 0 && raise(ctx.msg, diff)) ctx.msg.slots.set(CHANGED, true);
}

/** For each transaction that a request begins. */
export function cseqTransactionBegan(t: Transaction, msg: SipMessage): void {
  if (msg.slots.has(CHANGED)) t.setSlot(CHANGED, true);
}

/** The number that leaves; an earlier change of ours goes. */
function raise(msg: SipMessage, diff: number): boolean {
  const cseq = cseqOf(msg);
  if (cseq === undefined || !/^\d+$/.test(cseq.number)) return false;
  msg.edits.drop((e) => e.tag === TAG);
  msg.edits.replace(cseq.numberStart, cseq.number.length, `${Number(cseq.number) + diff}`, TAG);
  return true;
}

/** A reply gets the number of its request back before anyone sees it; blanks fill what is too long. */
function originalNumber(host: Host, reply: SipMessage): void {
  const branch = topVia(reply)?.branch;
  const t = branch === undefined ? undefined : transactionOfReply(host, branch);
  if (t === undefined || t.request === null || t.slot(CHANGED) === undefined) return;
  const there = cseqOf(reply);
  const original = cseqOf(t.request)?.number;
  if (there === undefined || original === undefined || original.length > there.number.length) return;
  const { text } = reply;
  const number = original.padStart(there.number.length, ' ');
  reply.replaceText(text.slice(0, there.numberStart) + number + text.slice(there.numberStart + number.length));
}
