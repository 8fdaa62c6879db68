/** One record for each call, by module dialog, which keeps its times in variables of the dialog. */
import { type DbInput, DbTime } from '../../runtime/database.js';
import { type Host, LEVEL } from '../../runtime/module.js';
import { strftime, utcTime } from '../../runtime/strftime.js';
import type { SipMessage } from '../../sip/message.js';
import {
  allDialogs,
  type Dialog,
  type DialogEvent,
  dialogRun,
  hasDialog,
  onDialog,
  onLoadedDialog,
  setDialogVar,
} from '../dialog/api.js';
import { type Field, readExtras } from './extras.js';
import { boundOf, paramsOf } from './params.js';
import { ACC, insertRows } from './record.js';

/** Follows the dialogs that there are and those that begin. */
export function accountCalls(host: Host): void {
  if (!hasDialog(host)) return;
  for (const dialog of allDialogs(host)) follow(host, dialog);
  onLoadedDialog(host, (dialog) => follow(host, dialog));
  onDialog(host, (dialog) => {
    if (paramsOf(host.program).cdr_enable === 0) return;
    follow(host, dialog);
    begin(host, dialog);
  });
}

function follow(host: Host, dialog: Dialog): void {
  if (paramsOf(host.program).cdr_enable === 0) return;
  dialog.on('confirmed', () => {
    if (paramsOf(host.program).cdr_start_on_confirmed !== 0) begin(host, dialog);
  });
  dialog.on('failed', (event) => {
    if (paramsOf(host.program).cdr_on_failed === 1) write(host, event, event.reply ?? event.request);
  });
  dialog.on('terminated', () => end(host, dialog));
  dialog.on('terminatedConfirmed', (event) => write(host, event, event.request));
  dialog.on('expired', (event) => {
    if (dialog.startTs > 0) end(host, dialog);
    if (paramsOf(host.program).cdr_expired_dlg_enable !== 0) write(host, event, null);
  });
}

// -------------------------------------------------------------------- times

/** `seconds.milliseconds`. */
function timeText(ms: number): string {
  return `${Math.floor(ms / 1000)}.${`${Math.floor(ms % 1000)}`.padStart(3, '0')}`;
}

function begin(host: Host, dialog: Dialog): void {
  const { cdr_start_id, cdr_end_id, cdr_duration_id } = paramsOf(host.program);
  const now = timeText(host.clock.now());
  setDialogVar(host, dialog, cdr_start_id, now);
  setDialogVar(host, dialog, cdr_end_id, now);
  setDialogVar(host, dialog, cdr_duration_id, '0');
}

function end(host: Host, dialog: Dialog): void {
  const { cdr_start_id, cdr_end_id, cdr_duration_id } = paramsOf(host.program);
  const now = timeText(host.clock.now());
  setDialogVar(host, dialog, cdr_end_id, now);
  const started = dialog.vars.get(cdr_start_id);
  if (started === undefined || !TIME.test(started)) {
    host.log.write(LEVEL.ERR, 'acc', 'failed to extract start time\n');
    return;
  }
  setDialogVar(host, dialog, cdr_duration_id, timeText(Math.max(millis(now) - millis(started), 0)));
}

const TIME = /^\d+\.\d+$/;
const millis = (text: string): number => Math.round(Number(text) * 1000);

// ------------------------------------------------------------------ records

/** `msg` null: nothing is in view, values come from dialog variables alone. */
function write(host: Host, event: DialogEvent, msg: SipMessage | null): void {
  const { dialog } = event;
  const params = paramsOf(host.program);
  if (msg === null && params.cdr_expired_dlg_enable === 0) {
    host.log.write(LEVEL.ERR, 'acc', 'message is empty!\n');
    return;
  }
  if (params.cdr_skip && dialog.vars.has(params.cdr_skip)) return;
  const extras = extrasOf(host, event, msg);
  if (params.cdr_log_enable !== 0) writeLog(host, dialog, extras);
  if (params.cdrs_table !== '' && host.state(ACC).db !== null)
    host.detach(insertRows(host, params.cdrs_table, [rowOf(host, dialog, extras)]), 'acc: a call');
}

function extrasOf(host: Host, { dialog, transaction }: DialogEvent, msg: SipMessage | null): Field[] {
  const { cdrExtra } = boundOf(host.program);
  if (msg === null) return cdrExtra.map(({ name, key }) => [name, dialog.vars.get(key) ?? null]);
  return readExtras(cdrExtra, dialogRun(host, dialog, msg, transaction));
}

function timesOf(host: Host, dialog: Dialog): Field[] {
  const { cdr_start_id, cdr_end_id, cdr_duration_id } = paramsOf(host.program);
  return [cdr_start_id, cdr_end_id, cdr_duration_id].map((name) => [name, dialog.vars.get(name) ?? null]);
}

function writeLog(host: Host, dialog: Dialog, extras: readonly Field[]): void {
  const { log_level } = paramsOf(host.program);
  const fields = [...timesOf(host, dialog), ...extras];
  host.log.write(log_level, 'acc', `${fields.map(([name, value]) => `${name}=${value ?? ''}`).join('; ')}\n`);
}

const UTC = 4;
const TIME_FORMAT = '%Y-%m-%d %H:%M:%S';

function rowOf(host: Host, dialog: Dialog, extras: readonly Field[]): Record<string, DbInput> {
  const { time_mode, cdr_extra_nullable } = paramsOf(host.program);
  const date = (text: string | null): DbInput => {
    if (text === null) return null;
    const seconds = Math.floor(Number(text));
    return time_mode === UTC ? strftime(TIME_FORMAT, utcTime(seconds * 1000)) : new DbTime(seconds);
  };
  const [start, finish, duration] = timesOf(host, dialog);
  const missing = cdr_extra_nullable === 1 ? null : '';
  return {
    [start![0]]: date(start![1]),
    [finish![0]]: date(finish![1]),
    [duration![0]]: duration![1] === null ? null : Number(duration![1]),
    ...Object.fromEntries(extras.map(([name, value]) => [name, value ?? missing])),
  };
}
