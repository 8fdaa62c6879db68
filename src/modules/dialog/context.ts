/** The dialog in view of a run, and what a script says about a dialog before it exists. */
import type { Context } from '../../runtime/context.js';
import { extraKey } from '../../runtime/module.js';
import { callIdOf, fromOf, toOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { type Transaction, transactionOf } from '../tm/api.js';
import { DIRECTION, type Dialog } from './dialog.js';
import type { Membership } from './profiles.js';
import { dialogsOf } from './state.js';
import type { Identity } from './table.js';

export class DialogContext {
  dialog: Dialog | null = null;
  /** Set by dlg_get(). */
  direction: number = DIRECTION.NONE;
  /** `$dlg_ctx(…)`. */
  on = 0;
  flags = 0;
  iflags = 0;
  timeout = 0;
  timeoutBye = 0;
  timeoutRoute = '';
  /** Its INVITE found a dialog: true; made one: false; null neither. */
  spiral: boolean | null = null;
  /** The run made the dialog, and no transaction has it yet. */
  isNew = false;
  /** Variables set before the dialog exists. */
  vars: Map<string, string> | null = null;
  /** Profiles entered before it exists. */
  pending: Membership[] = [];
  /** To be done when the request has a transaction. */
  atTransaction: ((t: Transaction) => void)[] = [];
  /** To be done at the end of the run where it never got one. */
  withoutTransaction: (() => void)[] = [];

  /** The end of a run: routes of the transaction begin with nothing but the dialog. */
  reset(): void {
    this.on = 0;
    this.flags = 0;
    this.iflags = 0;
    this.timeout = 0;
    this.timeoutBye = 0;
    this.timeoutRoute = '';
    this.spiral = null;
    this.isNew = false;
    this.pending = [];
    this.atTransaction = [];
    this.withoutTransaction = [];
  }
}

/** Where event routes have theirs: their message may be in view of others. */
export const OWN = extraKey<DialogContext>('dialog context');
const SLOT = {};
/** Where a transaction keeps its dialog. */
export const DIALOG_SLOT = {};

/** That of a run, if there is one. */
export function peekContext(ctx: Context): DialogContext | undefined {
  return ctx.extra(OWN) ?? (ctx.msg.slots.get(SLOT) as DialogContext | undefined);
}

/** That of a run; copies of its message (branches) have the same. */
export function contextOf(ctx: Context): DialogContext {
  let own = peekContext(ctx);
  if (own === undefined) {
    own = new DialogContext();
    ctx.msg.slots.set(SLOT, own);
  }
  return own;
}

function linked(dialog: Dialog | null | undefined): Dialog | undefined {
  return dialog?.linked ? dialog : undefined;
}

/** The dialog that the run is known to be about, without a look at the message. */
export function contextDialog(ctx: Context): Dialog | undefined {
  return linked(peekContext(ctx)?.dialog) ?? linked(transactionOf(ctx)?.slot<Dialog>(DIALOG_SLOT));
}

export interface InView {
  readonly dialog: Dialog;
  readonly direction: number;
}

/** The dialog of the message in view: that of the run, else by Call-ID and tags. */
export function dialogInView(ctx: Context): Dialog | undefined {
  const known = contextDialog(ctx);
  if (known !== undefined) return known;
  const who = identityOf(ctx.msg);
  return who && dialogsOf(ctx.host).table.find(who)?.dialog;
}

/** As above, with the direction of the message. */
export function lookUp(ctx: Context): InView | undefined {
  const who = identityOf(ctx.msg);
  const known = contextDialog(ctx);
  if (known === undefined) return who && dialogsOf(ctx.host).table.find(who);
  if (who === undefined) return undefined;
  return { dialog: known, direction: directionOf(known, who) };
}

function directionOf({ callId, legs }: Dialog, who: Identity): number {
  if (callId !== who.callId) return DIRECTION.NONE;
  if (legs[0].tag === who.fromTag) return DIRECTION.DOWNSTREAM;
  return who.toTag !== '' && legs[0].tag === who.toTag ? DIRECTION.UPSTREAM : DIRECTION.NONE;
}

/** Undefined where a header that it needs is missing. */
export function identityOf(msg: SipMessage): Identity | undefined {
  const callId = callIdOf(msg)?.trim();
  const to = toOf(msg);
  const fromTag = fromOf(msg)?.tag;
  if (callId === undefined || to === undefined || fromTag === undefined) return undefined;
  return { callId, fromTag, toTag: to.tag ?? '' };
}
