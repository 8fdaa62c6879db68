/** Dialogs that module dialog follows keep replaced URIs in variables of theirs (restore_dlg). */
import type { Context } from '../../runtime/context.js';
import type { TimerHandle } from '../../runtime/host.js';
import { type Host, stateKey } from '../../runtime/module.js';
import type { FromTo } from '../../sip/header.js';
import type { Registrations } from './registrations.js';
import type { NewAddress, Side } from './replace.js';

export interface Dialogs {
  /** False: the request belongs to no dialog that is followed. */
  keep(ctx: Context, side: Side, header: FromTo, wanted: NewAddress): boolean;
}

export interface UacState {
  dialogs: Dialogs | undefined;
  /** Missing: without reg_db_url. */
  registrations: Registrations | undefined;
  timer: TimerHandle | undefined;
}

export const UAC = stateKey<UacState>('uac');

export function dialogsOf(host: Host): Dialogs | undefined {
  return host.state(UAC).dialogs;
}
