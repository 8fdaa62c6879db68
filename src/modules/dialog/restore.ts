/** Dialogs that come from elsewhere: the database, another node of the bus. */
import { isObject, parseJson } from '../dmq/json.js';
import { type Dialog, IFLAG, STATE } from './dialog.js';
import { addKeepalive } from './keepalive.js';
import { countChange, startTimer } from './lifecycle.js';
import { join } from './profiles.js';
import type { LoadedDialog } from './rows.js';
import type { Dialogs } from './state.js';

/** Takes in a dialog of the database; false where it is there, or does not fit the table. */
export function restore(ds: Dialogs, { dialog, id, deadline, profiles }: LoadedDialog): boolean {
  if (ds.table.entryOf(dialog.callId) !== dialog.entry) {
    ds.error('inconsistent hash data in the dialog database: was it written with another hash_size?');
    return false;
  }
  if (ds.table.get(dialog.entry, id) !== undefined) return false;
  ds.table.link(dialog, id);
  countChange(ds, 0, dialog.state);
  const left = Math.max(deadline - ds.now(), 0);
  dialog.lifetime = left === 0 ? 0 : deadline - dialog.startTs;
  if (profiles !== '' && dialog.state !== STATE.DELETED) enterProfiles(ds, dialog, profiles);
  if (dialog.state === STATE.CONFIRMED) addKeepalive(ds, dialog);
  if (dialog.legs.some(({ socket }) => socket === null)) dialog.iflags &= ~IFLAG.DMQ;
  if (dialog.state === STATE.DELETED) dialog.endTs = ds.now();
  startTimer(ds, dialog, left);
  dialog.dflags = 0;
  dialog.stored = true;
  for (const fn of ds.onLoaded) fn(dialog);
  return true;
}

/** `{"profiles":[{"name":…,"value":…,"puid":…}]}`; what is not understood is left out. */
export function enterProfiles(ds: Dialogs, dialog: Dialog, json: string): void {
  const root = parseJson(json);
  if (!isObject(root) || !Array.isArray(root.profiles)) return;
  for (const item of root.profiles as readonly unknown[]) {
    if (!isObject(item) || typeof item.name !== 'string') continue;
    const profile = ds.profiles.get(item.name);
    if (profile === undefined) {
      ds.error(`profile [${item.name}] not found`);
      continue;
    }
    const value = typeof item.value === 'string' ? item.value : undefined;
    if ((value !== undefined) !== profile.hasValue) continue;
    const number = (v: unknown) => (typeof v === 'number' ? Math.trunc(v) : 0);
    const puid = typeof item.puid === 'string' ? item.puid : '';
    const more = { puid, expires: number(item.expires), flags: number(item.flags) };
    join(dialog, ds.profiles.membership(profile, value ?? '', more));
  }
}
