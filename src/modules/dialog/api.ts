/** What other modules use of dialog (acc, uac, sst …). */
import { Context, ROUTE } from '../../runtime/context.js';
import type { Host } from '../../runtime/host.js';
import type { SipMessage } from '../../sip/message.js';
import type { Transaction } from '../tm/api.js';
import { DialogContext, dialogInView, OWN } from './context.js';
import type { Dialog } from './dialog.js';
import { DIALOG, dialogsOf } from './state.js';

export {
  CALLEE,
  CALLER,
  DIRECTION,
  type Dialog,
  type DialogCallback,
  type DialogEvent,
  type DialogEventName,
  STATE,
} from './dialog.js';
export type { CreatedListener } from './state.js';

/** Is dialog loaded? Modules that can do without ask first. */
export function hasDialog(host: Host): boolean {
  return host.hasState(DIALOG);
}

/** The dialog of the message in view. */
export function currentDialog(ctx: Context): Dialog | undefined {
  return dialogInView(ctx);
}

/** Calls `fn` for each dialog that begins here: the place to add callbacks by `dialog.on(…)`. */
export function onDialog(host: Host, fn: (dialog: Dialog, ctx: Context) => void): void {
  dialogsOf(host).onCreated.push(fn);
}

/** Calls `fn` for each dialog that the database or another node brings. */
export function onLoadedDialog(host: Host, fn: (dialog: Dialog) => void): void {
  dialogsOf(host).onLoaded.push(fn);
}

/** Those that the database brought at the start. */
export function allDialogs(host: Host): Iterable<Dialog> {
  return dialogsOf(host).table;
}

/** A run that sees a message with the dialog, and AVPs of the transaction where there is one. */
export function dialogRun(host: Host, dialog: Dialog, msg: SipMessage, t?: Transaction): Context {
  const program = t?.program ?? host.program;
  const ctx =
    t === undefined
      ? new Context(host, program, msg, ROUTE.LOCAL)
      : new Context(host, program, msg, ROUTE.LOCAL, t.env);
  const own = new DialogContext();
  own.dialog = dialog;
  ctx.setExtra(OWN, own);
  ctx.transaction = t ?? null;
  ctx.transactionSought = true;
  return ctx;
}

/** Sets a variable of a dialog; null takes it away. */
export function setDialogVar(host: Host, dialog: Dialog, name: string, value: string | null): void {
  if (dialog.setVar(name, value)) dialogsOf(host).changed(dialog, 'vars');
}
