/** States of a dialog, its timer, and its end. */
import { LEVEL } from '../../runtime/host.js';
import { DFLAG, type Dialog, IFLAG, STATE } from './dialog.js';
import { leaveAll } from './profiles.js';
import type { Dialogs } from './state.js';

export type Happening = 'provisional' | 'success' | 'failure' | 'ack' | 'bye' | 'prack' | 'request';

export interface Step {
  readonly before: number;
  readonly after: number;
  /** It holds one place less in the table. */
  readonly unref: number;
}

const { UNCONFIRMED, EARLY, ANSWERED, CONFIRMED, DELETED } = STATE;

/** States after a happening by the state before; what is not here is a mistake of someone, and changes nothing. */
const NEXT: Readonly<Record<Happening, Readonly<Record<number, number>>>> = {
  provisional: { [UNCONFIRMED]: EARLY, [EARLY]: EARLY },
  success: {
    [UNCONFIRMED]: ANSWERED,
    [EARLY]: ANSWERED,
    [ANSWERED]: ANSWERED,
    [CONFIRMED]: CONFIRMED,
    [DELETED]: ANSWERED,
  },
  failure: { [UNCONFIRMED]: DELETED, [EARLY]: DELETED },
  ack: { [ANSWERED]: CONFIRMED, [CONFIRMED]: CONFIRMED, [DELETED]: DELETED },
  bye: { [EARLY]: EARLY, [ANSWERED]: DELETED, [CONFIRMED]: DELETED, [DELETED]: DELETED },
  prack: { [EARLY]: EARLY, [ANSWERED]: ANSWERED, [DELETED]: DELETED },
  request: { [EARLY]: EARLY, [ANSWERED]: ANSWERED, [CONFIRMED]: CONFIRMED, [DELETED]: DELETED },
};

/** Changes the state. A dialog that ended leaves its profiles. */
export function step(ds: Dialogs, dialog: Dialog, what: Happening): Step {
  const before = dialog.state;
  const comesBack = what === 'success' && before === DELETED;
  const after = NEXT[what][before];
  if (after === undefined || (comesBack && (dialog.dflags & DFLAG.HAS_BYE) !== 0)) {
    ds.log(LEVEL.CRIT, `bogus event ${what} in state ${before} for dlg ${named(dialog)}`);
    return { before, after: before, unref: 0 };
  }
  if (comesBack) dialog.ref++;
  if (what === 'prack' && after !== DELETED) dialog.iflags |= IFLAG.PRACK;
  if (what === 'bye' && after === DELETED && before !== DELETED) dialog.dflags |= DFLAG.HAS_BYE;
  dialog.state = after;
  const ended = after === DELETED && before !== DELETED;
  if (ended) leaveAll(dialog);
  return { before, after, unref: ended ? 1 : 0 };
}

export function named({ entry, id, callId, legs }: Dialog): string {
  return `[${entry}:${id}] with clid '${callId}' and tags '${legs[0].tag}' '${legs[1].tag}'`;
}

// --------------------------------------------------------------------- timer

const SECOND = 1000;

/** Begins the timer, or begins it anew: the dialog is over after `seconds`. */
export function startTimer(ds: Dialogs, dialog: Dialog, seconds: number): void {
  if (dialog.timer === null) dialog.ref++;
  else dialog.timer.cancel();
  const ms = Math.max(seconds, 0) * SECOND;
  dialog.deadline = ds.host.clock.now() + ms;
  dialog.timer = ds.host.clock.after(ms, () => {
    dialog.timer = null;
    dialog.deadline = 0;
    ds.onTimeout(dialog);
  });
}

/** How many references are free by that: 1 where there was a timer. */
export function stopTimer(dialog: Dialog): number {
  if (dialog.timer === null) return 0;
  dialog.timer.cancel();
  dialog.timer = null;
  dialog.deadline = 0;
  return 1;
}

/** dlg_set_timeout() and its relatives; before the 2xx it is only noted. */
export function setLifetime(ds: Dialogs, dialog: Dialog, seconds: number): boolean {
  if (dialog.state !== UNCONFIRMED && dialog.state !== EARLY) {
    if (dialog.timer === null) return false;
    startTimer(ds, dialog, seconds);
  }
  dialog.lifetime = seconds;
  dialog.dflags |= DFLAG.CHANGED;
  ds.changed(dialog, 'data');
  return true;
}

// ----------------------------------------------------------------------- end

export function unref(ds: Dialogs, dialog: Dialog, count = 1): void {
  if (count <= 0 || !dialog.linked) return;
  dialog.ref -= count;
  if (dialog.ref <= 0) destroy(ds, dialog);
}

/** Forgets it, whoever holds it. */
export function destroy(ds: Dialogs, dialog: Dialog): void {
  if (!dialog.linked) return;
  stopTimer(dialog);
  if (dialog.state !== DELETED) countChange(ds, dialog.state, DELETED);
  ds.table.unlink(dialog);
  dialog.raise('destroy');
  ds.changed(dialog, 'removed');
  leaveAll(dialog);
  dialog.ref = 0;
}

/** Keeps the counts of early and active dialogs right over a change of state. */
export function countChange(ds: Dialogs, before: number, after: number): void {
  ds.early += Number(after === EARLY) - Number(before === EARLY);
  ds.active += Number(isActive(after)) - Number(isActive(before));
}

function isActive(state: number): boolean {
  return state === ANSWERED || state === CONFIRMED;
}
