/** Keepalives within dialogs: OPTIONS to the sides that the script chose by dlg_set_property(). */
import { CALLEE, CALLER, type Dialog, IFLAG, STATE } from './dialog.js';
import { setLifetime } from './lifecycle.js';
import type { Dialogs } from './state.js';
import { isForeign } from './timeout.js';
import { sendKeepalive } from './within.js';

const SECOND = 1000;

/** A dialog that is confirmed: its first keepalive is due in ka_interval. */
export function addKeepalive(ds: Dialogs, dialog: Dialog): void {
  const { ka_interval } = ds.params;
  if (ka_interval <= 0 || (dialog.iflags & (IFLAG.KA_SRC | IFLAG.KA_DST)) === 0) return;
  const isListed = dialog.keepaliveAt > 0;
  dialog.keepaliveAt = ds.host.clock.now() + ka_interval * SECOND;
  if (!isListed) ds.keepalives.push(dialog);
}

/** Sends those that are due. */
export function runKeepalives(ds: Dialogs): void {
  const { ka_interval } = ds.params;
  if (ka_interval <= 0) return;
  const now = ds.host.clock.now();
  let due = 0;
  while (due < ds.keepalives.length && ds.keepalives[due]!.keepaliveAt <= now) due++;
  for (const dialog of ds.keepalives.splice(0, due)) {
    if (!dialog.linked || dialog.state === STATE.DELETED) continue;
    dialog.keepaliveAt = now + ka_interval * SECOND;
    ds.keepalives.push(dialog);
    keepAlive(ds, dialog);
  }
}

function keepAlive(ds: Dialogs, dialog: Dialog): void {
  const onGone = (seconds: number): void => void setLifetime(ds, dialog, seconds);
  for (const [side, flag] of [
    [CALLER, IFLAG.KA_SRC],
    [CALLEE, IFLAG.KA_DST],
  ] as const) {
    if ((dialog.iflags & flag) !== 0 && !isForeign(ds, dialog, side)) sendKeepalive(ds, dialog, side, onGone);
  }
}
