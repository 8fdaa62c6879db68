/** From the INVITE to the BYE: how a dialog follows the messages that pass (RFC 3261, 12). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { avpKey, firstAvp } from '../../runtime/message-env.js';
import { fromOf, toOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { addRrParam } from '../rr/record.js';
import { routeParam } from '../rr/state.js';
import { type TmCallback, type Transaction, transactionOf } from '../tm/api.js';
import { contextDialog, contextOf, DIALOG_SLOT, type DialogContext, identityOf, peekContext } from './context.js';
import { refreshCseq } from './cseq.js';
import { CALLEE, CALLER, DFLAG, DIRECTION, Dialog, IFLAG, STATE } from './dialog.js';
import { didText, parseDid } from './did.js';
import { runEventRoute } from './events.js';
import { addKeepalive } from './keepalive.js';
import { learnCallee, learnCaller, refreshLeg } from './legs.js';
import { countChange, type Happening, setLifetime, startTimer, step, stopTimer, unref } from './lifecycle.js';
import { type DialogParams, dialogParams, MATCH } from './params.js';
import { join } from './profiles.js';
import { requestUriOf } from './request-uri.js';
import type { Dialogs } from './state.js';
import { match } from './table.js';

// --------------------------------------------------------------------- begin

/** dlg_manage(): 1, or -1 where there is no dialog to be managed. */
export function manage(ds: Dialogs, ctx: Context): number {
  const to = toOf(ctx.msg);
  if (to === undefined) return -1;
  if (to.tag !== undefined) {
    follow(ds, ctx, MATCH.TAGS);
    return 1;
  }
  if (!begin(ds, ctx, dialogParams(ctx.program).initial_cbs_inscript !== 0)) return -1;
  const t = transactionOf(ctx);
  if (t !== null) attach(ds, ctx, t);
  return 1;
}

/** Makes the dialog of an INVITE, or finds that it is a spiral of one. */
function begin(ds: Dialogs, ctx: Context, tell: boolean): boolean {
  const { msg } = ctx;
  const own = contextOf(ctx);
  if (own.dialog?.linked || msg.method !== 'INVITE') return false;
  const who = identityOf(msg);
  if (who === undefined) {
    ds.log(LEVEL.WARN, 'pre-matching failed');
    return false;
  }
  if (who.toTag !== '') return false;
  const params = dialogParams(ctx.program);
  const there = params.detect_spirals === 0 ? undefined : ds.table.find(who)?.dialog;
  if (there !== undefined && there.state !== STATE.DELETED) {
    own.spiral = true;
    own.dialog = there;
    if (tell) there.raise('spiraled', { request: msg, direction: DIRECTION.DOWNSTREAM, ctx });
    return true;
  }
  own.spiral = false;
  const dialog = new Dialog(ds.table.entryOf(who.callId), {
    callId: who.callId,
    fromUri: fromOf(msg)?.uri ?? '',
    toUri: toOf(msg)?.uri ?? '',
    requestUri: requestUriOf(ctx),
    initTs: ds.now(),
  });
  if (!learnCaller(ds, dialog, msg, who.fromTag)) {
    ds.error('could not add further info to the dialog');
    return false;
  }
  enter(ds, ctx, own, dialog, params);
  if (tell) created(ds, dialog, ctx);
  if (params.dlg_match_mode !== MATCH.TAGS) addRrParam(ctx, `;${params.rr_param}=${didText(dialog)}`);
  ds.count('processed');
  return true;
}

function enter(ds: Dialogs, ctx: Context, own: DialogContext, dialog: Dialog, params: DialogParams): void {
  if (own.vars !== null) dialog.vars = own.vars;
  own.vars = null;
  ds.table.link(dialog);
  dialog.lifetime = timeoutOf(ctx, params);
  dialog.timeoutRoute = own.timeoutRoute;
  dialog.sflags |= own.flags;
  dialog.iflags |= own.iflags;
  if (params.send_bye !== 0 || own.timeoutBye !== 0) dialog.iflags |= IFLAG.TIMEOUT_BYE;
  own.isNew = true;
  view(own, dialog);
}

/** The dialog is that of the run from now on; profiles that were entered before become its own. */
function view(own: DialogContext, dialog: Dialog): void {
  own.dialog = dialog;
  for (const m of own.pending.reverse()) join(dialog, m);
  own.pending = [];
}

function created(ds: Dialogs, dialog: Dialog, ctx: Context): void {
  for (const fn of ds.onCreated) fn(dialog, ctx);
}

/** Seconds: those of timeout_avp, else default_timeout. */
function timeoutOf(ctx: Context, params: DialogParams): number {
  const name = params.timeout_avp === null ? undefined : /^\$avp\((.+)\)$/.exec(params.timeout_avp)?.[1];
  const key = name === undefined ? undefined : avpKey(name);
  const value = key === undefined ? undefined : firstAvp(ctx.env, key)?.value;
  return typeof value === 'number' && value > 0 ? value : params.default_timeout;
}

// --------------------------------------------------------------- transaction

/** For each transaction that a request begins. */
export function transactionBegan(ds: Dialogs, t: Transaction, ctx: Context): void {
  const { method } = ctx.msg;
  const own = peekContext(ctx);
  if (method === 'INVITE') inviteBegan(ds, t, ctx);
  else if (own?.dialog?.linked) t.setSlot(DIALOG_SLOT, own.dialog);
  if (own === undefined || own.atTransaction.length === 0) return;
  for (const fn of own.atTransaction.splice(0)) fn(t);
  own.withoutTransaction = [];
}

function inviteBegan(ds: Dialogs, t: Transaction, ctx: Context): void {
  const own = peekContext(ctx);
  const params = dialogParams(ctx.program);
  if (own?.dialog?.linked) {
    if (params.initial_cbs_inscript === 0 && own.spiral === false) created(ds, own.dialog, ctx);
    if (params.initial_cbs_inscript === 0 && own.spiral === true)
      own.dialog.raise('spiraled', { request: ctx.msg, direction: DIRECTION.DOWNSTREAM, ctx });
  } else {
    if (params.dlg_flag < 0 || (ctx.msg.flags & (1 << params.dlg_flag)) === 0) return;
    begin(ds, ctx, true);
  }
  attach(ds, ctx, t);
}

/** From now on the dialog follows the replies of its INVITE. */
function attach(ds: Dialogs, ctx: Context, t: Transaction): void {
  const own = contextOf(ctx);
  const { dialog } = own;
  if (!dialog?.linked) return;
  t.setSlot(DIALOG_SLOT, dialog);
  own.isNew = false;
  dialog.dflags |= DFLAG.IN_TRANSACTION;
  if (own.spiral !== false || t.slot(FOLLOWED) !== undefined) return;
  t.setSlot(FOLLOWED, true);
  t.on('responseReady', replied(ds, dialog));
  t.on('requestFwded', () => {
    if (dialog.linked) ds.changed(dialog, 'sent');
  });
}

const FOLLOWED = {};

/** The end of a run: a dialog whose INVITE went nowhere is forgotten. */
export function runEnded(ds: Dialogs, ctx: Context): void {
  const own = peekContext(ctx);
  if (own === undefined) return;
  for (const fn of own.withoutTransaction) fn();
  if (own.isNew && own.dialog?.state === STATE.UNCONFIRMED) unref(ds, own.dialog);
  own.reset();
}

// -------------------------------------------------------------------- replies

function happeningOf(code: number): Happening {
  if (code < 200) return 'provisional';
  return code < 300 ? 'success' : 'failure';
}

/** A reply of the INVITE is about to go up. */
function replied(ds: Dialogs, dialog: Dialog): TmCallback {
  return ({ t, request, reply, code, ctx }) => {
    if (!dialog.linked) return;
    const { before, after, unref: free } = step(ds, dialog, happeningOf(code));
    if (after === STATE.DELETED && before !== after) dialog.endTs = ds.now();
    runEventRoute(ds, dialog, before, after, { msg: reply, transaction: t, ctx });
    countChange(ds, before, after);
    if (!dialog.linked) return;
    const event = { request, reply, direction: DIRECTION.UPSTREAM, ctx, transaction: t };
    if (after === STATE.EARLY) dialog.raise('early', event);
    else if (after === STATE.ANSWERED && before !== after && before !== STATE.CONFIRMED) answered(ds, dialog, t, reply);
    if (after === STATE.ANSWERED && before !== after) dialog.raise('confirmedNoAck', event);
    if (after === STATE.DELETED && before !== after) failed(ds, dialog, t, event);
    unref(ds, dialog, free);
    if (dialog.linked && after > before) ds.changed(dialog, 'state');
  };
}

function answered(ds: Dialogs, dialog: Dialog, t: Transaction, reply: SipMessage | null): void {
  if (reply === null) ds.error('Faked reply!');
  else learnCallee(ds, dialog, reply, t, toOf(reply)?.tag ?? '');
  dialog.startTs = ds.now();
  dialog.dflags |= DFLAG.NEW;
  startTimer(ds, dialog, dialog.lifetime);
}

function failed(ds: Dialogs, dialog: Dialog, t: Transaction, event: Parameters<Dialog['raise']>[1]): void {
  dialog.raise('failed', event);
  ds.count('failed');
  if (dialogParams(t.program).wait_ack !== 1) return;
  dialog.ref++;
  t.on('destroy', () => unref(ds, dialog));
}

// ----------------------------------------------------- requests of the dialog

const HAPPENING: Readonly<Record<string, Happening>> = { PRACK: 'prack', ACK: 'ack', BYE: 'bye' };

/** What `$DLG_status` and `$DLG_lifetime` show: what was when loose_route() saw the request. */
export interface Seen {
  readonly status: number;
  /** Seconds since the 2xx. */
  readonly lifetime: number;
}

const SEEN = {};

export function seenBy(ctx: Context): Seen | undefined {
  return ctx.msg.slots.get(SEEN) as Seen | undefined;
}

/** A request within a dialog, told by loose_route() or by dlg_manage(). */
export function follow(ds: Dialogs, ctx: Context, mode: number): void {
  const { msg } = ctx;
  if (contextDialog(ctx) !== undefined || toOf(msg)?.tag === undefined) return;
  const found = find(ds, ctx, mode);
  if (found === undefined) return;
  const { dialog, direction } = found;
  const own = contextOf(ctx);
  view(own, dialog);
  refreshCseq(ctx, dialog, direction);
  transactionOf(ctx)?.setSlot(DIALOG_SLOT, dialog);
  const what = HAPPENING[msg.method] ?? 'request';
  const { before, after, unref: free } = step(ds, dialog, what);
  msg.slots.set(SEEN, { status: after, lifetime: ds.now() - dialog.startTs } satisfies Seen);
  runEventRoute(ds, dialog, before, after, { msg, ctx });
  countChange(ds, before, after);
  if (!dialog.linked) return;
  const ended = after === STATE.DELETED && before !== after;
  if (ended) {
    dialog.endTs = ds.now();
    keepForTransaction(ds, ctx, own, dialog);
  }
  if (after === STATE.CONFIRMED && before !== after) addKeepalive(ds, dialog);
  if (what === 'bye' && ended) terminated(ds, ctx, own, dialog, direction, free);
  else if (what !== 'bye' && (after === STATE.CONFIRMED || after === STATE.EARLY))
    within(ds, ctx, dialog, { direction, before, after });
  if (dialog.linked && after > before) ds.changed(dialog, 'state');
}

function find(ds: Dialogs, ctx: Context, mode: number): { dialog: Dialog; direction: number } | undefined {
  const who = identityOf(ctx.msg);
  if (mode !== MATCH.TAGS) {
    const text = routeParam(ctx, dialogParams(ctx.program).rr_param);
    if (text === undefined) {
      if (mode === MATCH.ID) return undefined;
    } else {
      const did = parseDid(text);
      if (did === undefined) {
        ds.error(`malformed rr param '${text}'`);
        return undefined;
      }
      const dialog = ds.table.get(did.entry, did.id);
      const direction = dialog === undefined || who === undefined ? DIRECTION.NONE : match(dialog, who);
      if (dialog !== undefined && direction !== DIRECTION.NONE) return { dialog, direction };
      const why = dialog === undefined ? 'unable to find dialog' : 'tight matching failed';
      ds.log(LEVEL.WARN, `${why} for ${ctx.msg.method} with route param '${text}' and call-id '${who?.callId ?? ''}'`);
      if (mode === MATCH.ID) return undefined;
    }
  }
  return who && ds.table.find(who);
}

/** Messages that are still under way find the dialog until the transaction of the BYE is forgotten. */
function keepForTransaction(ds: Dialogs, ctx: Context, own: DialogContext, dialog: Dialog): void {
  dialog.ref++;
  const keep = (t: Transaction): void => t.on('destroy', () => unref(ds, dialog));
  const t = transactionOf(ctx);
  if (t !== null) return keep(t);
  own.atTransaction.push(keep);
  own.withoutTransaction.push(() => unref(ds, dialog));
}

function terminated(
  ds: Dialogs,
  ctx: Context,
  own: DialogContext,
  dialog: Dialog,
  direction: number,
  free: number,
): void {
  const stopped = stopTimer(dialog);
  dialog.raise('terminated', { request: ctx.msg, direction, ctx });
  const confirmed = (t: Transaction): void =>
    t.on('responseOut', ({ request, reply }) =>
      dialog.raise('terminatedConfirmed', { request, reply, direction: DIRECTION.UPSTREAM, transaction: t }),
    );
  const t = transactionOf(ctx);
  if (t !== null) confirmed(t);
  else own.atTransaction.push(confirmed);
  unref(ds, dialog, free + stopped);
}

interface Within {
  readonly direction: number;
  readonly before: number;
  readonly after: number;
}

/** A request that goes on: the time of the dialog begins anew. */
function within(ds: Dialogs, ctx: Context, dialog: Dialog, { direction, before, after }: Within): void {
  const params = dialogParams(ctx.program);
  const timeout = timeoutOf(ctx, params);
  if (timeout !== params.default_timeout) dialog.lifetime = timeout;
  const resets = (dialog.iflags & IFLAG.TIMER_NORESET) === 0 && params.timeout_noreset === 0;
  if (after !== STATE.EARLY && (before !== STATE.CONFIRMED || resets) && dialog.timer !== null)
    setLifetime(ds, dialog, dialog.lifetime);
  const isAck = ctx.msg.method === 'ACK';
  if (!isAck && refreshLeg(ds, dialog, ctx.msg, direction === DIRECTION.UPSTREAM ? CALLEE : CALLER)) {
    dialog.dflags |= DFLAG.CHANGED;
    ds.changed(dialog, 'data');
  }
  const event = { request: ctx.msg, direction, ctx };
  if (before === STATE.ANSWERED) {
    dialog.raise('confirmed', event);
    return;
  }
  dialog.raise('requestWithin', event);
  addRrParam(ctx, `;${params.rr_param}=${didText(dialog)}`);
}
