/** What a server keeps for module dialog. It outlives a reload. */
import type { Context } from '../../runtime/context.js';
import { type Host, LEVEL, stateKey, type TimerHandle } from '../../runtime/host.js';
import { sruid } from '../../runtime/sruid.js';
import type { Dialog } from './dialog.js';
import { type DialogParams, dialogParams } from './params.js';
import { Profiles } from './profiles.js';
import { DialogTable } from './table.js';

const SECOND = 1000;

/** What changed of a dialog: for the bus and the database. */
export type DialogChange =
  /** Its INVITE was sent on. */
  | 'sent'
  | 'state'
  /** Other than its state: contacts, CSeq, lifetime. */
  | 'data'
  | 'vars'
  | 'removed';

export type ChangeListener = (dialog: Dialog, change: DialogChange) => void;

/** Called for each dialog that begins here: the place to add callbacks by `dialog.on(…)`. */
export type CreatedListener = (dialog: Dialog, ctx: Context) => void;

/** What the database offers to the script. */
export interface DialogStorage {
  /** Loads the dialogs of a Call-ID, or all that are not here. How many came. */
  load(callId?: string): Promise<number>;
  close(): Promise<void>;
}

export class Dialogs {
  readonly host: Host;
  readonly table: DialogTable;
  readonly profiles: Profiles;
  readonly onCreated: CreatedListener[] = [];
  /** Those that come from the database or from another node. */
  readonly onLoaded: ((dialog: Dialog) => void)[] = [];
  readonly onChange: ChangeListener[] = [];
  /** Answered, and not ended. */
  active = 0;
  early = 0;
  /** Those that get keepalives, in the order in which they are due. */
  keepalives: Dialog[] = [];
  storage: DialogStorage | undefined;
  /** The time of a dialog is over; set where the module is put together. The timer's reference is handed over. */
  onTimeout: (dialog: Dialog) => void = () => undefined;
  /** Set while a request of our own begins: its transaction belongs to this dialog. */
  sending: Dialog | null = null;
  timers: TimerHandle[] = [];

  constructor(host: Host) {
    const params = dialogParams(host.program);
    const serverId = Number(host.program.core.values.get('server_id') ?? 0);
    const start = params.h_id_start === -1 ? serverId : Math.max(params.h_id_start, 0);
    this.host = host;
    this.table = new DialogTable(params.hash_size, {
      start,
      step: Math.max(params.h_id_step, 1),
      random: () => host.random(),
    });
    this.profiles = new Profiles(
      sruid({ prefix: 'dlgp', serverId, now: host.clock.now(), pid: host.pid, random: () => host.random() }),
    );
  }

  /** Those of the newest version of the script. */
  get params(): DialogParams {
    return dialogParams(this.host.program);
  }

  /** Seconds since the epoch. */
  now(): number {
    return Math.floor(this.host.clock.now() / SECOND);
  }

  changed(dialog: Dialog, change: DialogChange): void {
    for (const fn of this.onChange) fn(dialog, change);
  }

  count(name: 'processed' | 'expired' | 'failed'): void {
    if (this.params.enable_stats !== 0) this.host.count(`dialog.${name}_dialogs`);
  }

  log(level: number, text: string): void {
    this.host.log.write(level, 'dialog', `${text}\n`);
  }

  error(text: string): void {
    this.log(LEVEL.ERR, text);
  }
}

export const DIALOG = stateKey<Dialogs>('dialog');

export function dialogsOf(host: Host): Dialogs {
  return host.state(DIALOG);
}
