/** What a server keeps for module uac. */
import { stateKey, type TimerHandle } from '../../runtime/host.js';
import type { Registrations } from './registrations.js';

export interface UacState {
  /** Undefined: without reg_db_url. */
  registrations: Registrations | undefined;
  timer: TimerHandle | undefined;
}

export const UAC = stateKey<UacState>('uac');
