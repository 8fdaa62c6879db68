/** event_route[dialog:start], [dialog:end] and [dialog:failed]. */
import { type Context, ROUTE } from '../../runtime/context.js';
import { MessageEnv } from '../../runtime/message-env.js';
import type { Program } from '../../runtime/program.js';
import type { SipMessage } from '../../sip/message.js';
import type { Transaction } from '../tm/api.js';
import { DialogContext, OWN } from './context.js';
import { type Dialog, STATE } from './dialog.js';
import type { Dialogs } from './state.js';

/** In view of the event: the message that made it, and whose AVPs. */
export interface EventView {
  readonly msg?: SipMessage | null;
  readonly transaction?: Transaction | null;
  readonly ctx?: Context | undefined;
  readonly program?: Program;
}

function eventOf(before: number, after: number): string | undefined {
  if (before === after) return undefined;
  if (after === STATE.ANSWERED) return 'dialog:start';
  if (after !== STATE.DELETED) return undefined;
  if (before === STATE.UNCONFIRMED || before === STATE.EARLY) return 'dialog:failed';
  return before === STATE.ANSWERED || before === STATE.CONFIRMED ? 'dialog:end' : undefined;
}

/** Runs the route of a change of state, if the script has it. */
export function runEventRoute(ds: Dialogs, dialog: Dialog, before: number, after: number, view: EventView = {}): void {
  const name = eventOf(before, after);
  const program = view.program ?? view.transaction?.program ?? view.ctx?.program ?? ds.host.program;
  if (name === undefined || !program.routes.event.has(name)) return;
  dialog.ref++;
  const run = ds.host.runEvent(
    name,
    view.msg ?? undefined,
    (own) => prepare(own, dialog, view),
    view.transaction?.env ?? view.ctx?.env ?? new MessageEnv(),
    program,
  );
  const release = (): void => {
    if (dialog.linked) dialog.ref--;
  };
  if (run instanceof Promise) ds.host.detach(run.finally(release), `event_route[${name}]`);
  else release();
}

function prepare(own: Context, dialog: Dialog, view: EventView): void {
  own.routeType = ROUTE.LOCAL;
  const about = new DialogContext();
  about.dialog = dialog;
  own.setExtra(OWN, about);
  const t = view.transaction ?? null;
  if (t === null) return;
  own.transaction = t;
  own.transactionSought = true;
}
