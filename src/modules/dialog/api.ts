/** What other modules use of dialog (acc, uac, sst …). */
import type { Context } from '../../runtime/context.js';
import type { Host } from '../../runtime/host.js';
import { dialogInView } from './context.js';
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

/** Sets a variable of a dialog; null takes it away. */
export function setDialogVar(host: Host, dialog: Dialog, name: string, value: string | null): void {
  if (dialog.setVar(name, value)) dialogsOf(host).changed(dialog, 'vars');
}
