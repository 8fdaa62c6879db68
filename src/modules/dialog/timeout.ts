/** Dialogs that last too long, and those that nobody ended. */
import { Context, ROUTE } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { runRoute } from '../../runtime/run.js';
import { DialogContext, OWN } from './context.js';
import { CALLER, DFLAG, type Dialog, IFLAG, type Side, STATE } from './dialog.js';
import { runEventRoute } from './events.js';
import { countChange, destroy, setLifetime, step, unref } from './lifecycle.js';
import type { Dialogs } from './state.js';
import { byeAll } from './within.js';

/** dlg_filter_mode 1: the dialog is one of another node. */
export function isForeign(ds: Dialogs, dialog: Dialog, side: Side): boolean {
  return (ds.params.dlg_filter_mode & 1) !== 0 && dialog.legs[side].socket === null;
}

/** The timer of a dialog ended; its reference is ours. */
export function timedOut(ds: Dialogs, dialog: Dialog): void {
  if (!dialog.linked || isForeign(ds, dialog, CALLER)) return;
  dialog.dflags |= DFLAG.EXPIRED;
  const done = dialog.isAnswered ? timeoutRoute(ds, dialog) : undefined;
  if (done instanceof Promise) {
    const later = done.then(() => expire(ds, dialog));
    ds.host.detach(later, 'dialog: timeout route');
  } else expire(ds, dialog);
}

/** The route that $dlg_ctx(timeout_route) named, on a made-up request. */
function timeoutRoute(ds: Dialogs, dialog: Dialog): unknown {
  const { program } = ds.host;
  const route = dialog.timeoutRoute === '' ? undefined : program.routes.request.get(dialog.timeoutRoute);
  if (route === undefined) return undefined;
  const ctx = new Context(ds.host, program, ds.host.fakeRequest(), ROUTE.REQUEST);
  const own = new DialogContext();
  own.dialog = dialog;
  ctx.setExtra(OWN, own);
  return runRoute(ctx, route);
}

function expire(ds: Dialogs, dialog: Dialog): void {
  if (!dialog.linked) return;
  if (dialog.isAnswered && (dialog.iflags & IFLAG.TIMEOUT_BYE) !== 0) {
    if (!byeAll(ds, dialog)) unref(ds, dialog);
    unref(ds, dialog);
    ds.count('expired');
    return;
  }
  const { before, after, unref: free } = step(ds, dialog, 'bye');
  runEventRoute(ds, dialog, before, after);
  countChange(ds, before, after);
  if (!dialog.linked) return;
  if (after === STATE.DELETED && before !== after) {
    const { callId, legs } = dialog;
    const tags = `'${legs[0].tag}' '${legs[1].tag}'`;
    ds.log(LEVEL.WARN, `dlg timeout - callid: '${callId}' tags: ${tags} ostate: ${before}`);
    dialog.endTs = ds.now();
    dialog.raise('expired');
    // the node that began it knows better
    if (dialog.isCopy) dialog.iflags &= ~IFLAG.DMQ;
    ds.changed(dialog, 'state');
    ds.count('expired');
    unref(ds, dialog, free);
  }
  unref(ds, dialog);
}

/** Seconds that a dialog without ACK has left when it is found. */
const NO_ACK = 10;

/** Every ninety seconds: dialogs that nothing ended. */
export function clean(ds: Dialogs): void {
  const now = ds.now();
  const { early_timeout, noack_timeout, end_timeout } = ds.params;
  for (const dialog of ds.table) {
    const { state, initTs, startTs, endTs } = dialog;
    if (state <= STATE.EARLY && initTs > 0 && initTs < now - early_timeout) forget(ds, dialog, 'early');
    else if (state === STATE.ANSWERED && startTs > 0 && startTs < now - noack_timeout) setLifetime(ds, dialog, NO_ACK);
    else if (state === STATE.DELETED && endTs > 0 && endTs < now - end_timeout) forget(ds, dialog, 'delete');
  }
  ds.profiles.deleteExpired(now);
}

function forget(ds: Dialogs, dialog: Dialog, state: string): void {
  ds.log(LEVEL.NOTICE, `dialog in ${state} state is too old (ref ${dialog.ref})`);
  destroy(ds, dialog);
}
