/** Parameters of acc. */
import type { Context } from '../../runtime/context.js';
import { bindFormat } from '../../runtime/format.js';
import { type BindEnv, type BindResult, intParam, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';
import { bindExtras, bindLegs, type Extra, type Leg } from './extras.js';

export interface AccParams {
  readonly early_media: number;
  readonly failed_transaction_flag: number;
  readonly failed_filter: string | null;
  readonly report_ack: number;
  readonly report_cancels: number;
  readonly detect_direction: number;
  readonly acc_prepare_flag: number;
  readonly acc_prepare_always: number;
  readonly acc_extra_nullable: number;
  readonly reason_from_hf: number;
  readonly log_flag: number;
  readonly log_missed_flag: number;
  readonly log_level: number;
  readonly db_flag: number;
  readonly db_missed_flag: number;
  readonly db_url: string | null;
  readonly db_table_acc: string;
  readonly db_table_missed_calls: string;
  readonly acc_method_column: string;
  readonly acc_from_tag_column: string;
  readonly acc_to_tag_column: string;
  readonly acc_callid_column: string;
  readonly acc_sip_code_column: string;
  readonly acc_sip_reason_column: string;
  readonly acc_time_column: string;
  readonly cdr_enable: number;
  readonly cdr_skip: string | null;
  readonly cdr_log_enable: number;
  readonly cdr_start_on_confirmed: number;
  readonly cdr_extra_nullable: number;
  readonly cdr_start_id: string;
  readonly cdr_end_id: string;
  readonly cdr_duration_id: string;
  readonly cdr_expired_dlg_enable: number;
  readonly cdr_on_failed: number;
  readonly cdrs_table: string;
  readonly time_mode: number;
  readonly time_attr: string;
  readonly time_exten: string;
  readonly time_format: string;
}

export function paramsOf(program: Program): AccParams {
  return program.params('acc') as unknown as AccParams;
}

const MAX_FLAG = 31;
const flag = (v: number) => (v >= -1 && v <= MAX_FLAG ? undefined : `a flag is a number up to ${MAX_FLAG}`);
const flagParam = (doc: string) => intParam(-1, `${doc}; -1: none.`, flag);

const FACILITIES = /^LOG_(AUTH|AUTHPRIV|CRON|DAEMON|FTP|KERN|LPR|MAIL|NEWS|SYSLOG|USER|UUCP|LOCAL[0-7])$/;
const facility = (v: string) => (FACILITIES.test(v) ? undefined : 'no facility of syslog');
const failures = (v: string) =>
  /^[3-9]\d\d(,[3-9]\d\d)*$/.test(v) ? undefined : 'statuses from 300 on with commas between them';

const bit = (v: number) => (v === 0 || v === 1 ? undefined : 'is out of range');
const filled = (v: string) => (v === '' ? 'a name' : undefined);

export const params = {
  early_media: intParam(0, '1: a provisional reply with a body is accounted too.'),
  failed_transaction_flag: flagParam('Flag of requests whose negative replies are accounted'),
  failed_filter: strParam(null, 'Statuses that are not accounted as failed: 404,407.', failures),
  report_ack: intParam(0, '1: the ACK of a 2xx is accounted.'),
  report_cancels: intParam(0, '1: CANCEL is accounted.'),
  detect_direction: intParam(0, '1: From and To change places in requests from callee to caller.'),
  acc_prepare_flag: flagParam('Flag of requests that may be accounted though no other flag is set when they begin'),
  acc_prepare_always: intParam(0, '1: any request may get its flags after its transaction began.'),
  acc_extra_nullable: intParam(0, '1: missing extra values are NULL in the database.'),
  reason_from_hf: intParam(0, '1: the reason is that of the Reason header, where there is one.'),
  multi_leg_info: strParam(null, 'AVPs of call legs: name=$avp(a);name=$avp(b).'),
  log_flag: flagParam('Flag of requests that are accounted in the log'),
  log_missed_flag: flagParam('Flag of INVITEs whose failure is accounted in the log'),
  log_level: intParam(1, 'Level of the lines in the log.'),
  log_facility: strParam(
    'LOG_DAEMON',
    'Facility of syslog; the server logs to stderr, so that it changes nothing.',
    facility,
  ),
  log_extra: strParam(null, 'Further values in the log: name=$variable;name=$variable.'),
  db_flag: flagParam('Flag of requests that are accounted in the database'),
  db_missed_flag: flagParam('Flag of INVITEs whose failure is accounted in the database'),
  db_url: strParam(null, 'The database; without it nothing is written to one.'),
  db_table_acc: strParam('acc', 'Table of what was accounted; may hold variables.'),
  db_table_missed_calls: strParam('missed_calls', 'Table of missed calls; may hold variables.'),
  acc_method_column: strParam('method', 'Column of the method.'),
  acc_from_tag_column: strParam('from_tag', 'Column of the From tag.'),
  acc_to_tag_column: strParam('to_tag', 'Column of the To tag.'),
  acc_callid_column: strParam('callid', 'Column of the Call-ID.'),
  acc_sip_code_column: strParam('sip_code', 'Column of the status.'),
  acc_sip_reason_column: strParam('sip_reason', 'Column of the reason.'),
  acc_time_column: strParam('time', 'Column of the time.'),
  db_extra: strParam(null, 'Further columns: column=$variable;column=$variable.'),
  db_insert_mode: intParam(0, 'Without effect: rows are written in the background.'),
  cdr_enable: intParam(0, '1: a record for each call, by module dialog.', bit),
  cdr_skip: strParam(null, 'A dialog that has this variable gets no record.'),
  cdr_log_enable: intParam(1, '0: records of calls are not written to the log.'),
  cdr_start_on_confirmed: intParam(0, '1: a call begins with the ACK, not with its INVITE.'),
  cdr_facility: strParam('LOG_DAEMON', 'As log_facility.', facility),
  cdr_extra: strParam(null, 'Further values of calls: name=$dlg_var(x);name=$variable.'),
  cdr_extra_nullable: intParam(0, '1: missing values of cdr_extra are NULL in the database.', bit),
  cdr_start_id: strParam(
    'start_time',
    'Name of the start, of its column and of the dialog variable that keeps it.',
    filled,
  ),
  cdr_end_id: strParam('end_time', 'The same for the end.', filled),
  cdr_duration_id: strParam('duration', 'The same for the seconds between.', filled),
  cdr_expired_dlg_enable: intParam(0, '1: calls that nobody ended get a record too.', bit),
  cdr_on_failed: intParam(1, '0: calls that nobody answered get no record.'),
  cdr_extra_size: intParam(64, 'How many values cdr_extra may have.'),
  cdrs_table: strParam('', 'Table of calls; empty: they are not written to the database.'),
  time_mode: intParam(
    0,
    'More about the time: 1 seconds and microseconds, 2 seconds with a fraction, 3 local time, 4 UTC.',
  ),
  time_attr: strParam('time_attr', 'Name and column of that.'),
  time_exten: strParam('time_exten', 'Name and column of the microseconds of time_mode 1.'),
  time_format: strParam('%Y-%m-%d %H:%M:%S', 'Form of time_mode 3 and 4, as of strftime(3).'),
  clone_msg: intParam(1, 'Without effect: what is accounted is read in one go.'),
  acc_extra_size: intParam(64, 'How many extra values there may be.'),
};

// ------------------------------------------------------------------- bound

/** What the texts of the parameters say, made once for each version of the script. */
export interface Bound {
  readonly logExtra: readonly Extra[];
  readonly dbExtra: readonly Extra[];
  readonly cdrExtra: readonly Extra[];
  readonly legs: readonly Leg[];
  readonly accTable: Table;
  readonly missedTable: Table;
  readonly filtered: ReadonlySet<number>;
}

export type Table = (ctx: Context) => string;

const bounds = new WeakMap<object, Bound>();

export function boundOf(program: Program): Bound {
  return bounds.get(program.params('acc')) ?? NOTHING;
}

const NOTHING: Bound = {
  logExtra: [],
  dbExtra: [],
  cdrExtra: [],
  legs: [],
  accTable: () => 'acc',
  missedTable: () => 'missed_calls',
  filtered: new Set(),
};

/** Reads the texts; what is wrong with them. */
export function bindParams(values: Readonly<Record<string, unknown>>, env: BindEnv): string[] {
  const problems: string[] = [];
  const made = <T>(name: string, bind: (text: string, env: BindEnv) => BindResult<T>, missing: T): T => {
    const text = values[name];
    if (typeof text !== 'string') return missing;
    const found = bind(text, env);
    if ('ok' in found) return found.ok;
    problems.push(`${name}: ${found.error}`);
    return missing;
  };
  const extras = (name: string, limit = 'acc_extra_size') => {
    const found = made<readonly Extra[]>(name, bindExtras, []);
    if (found.length > Number(values[limit])) problems.push(`${name} has more values than ${limit} allows`);
    return found;
  };
  bounds.set(values, {
    logExtra: extras('log_extra'),
    dbExtra: extras('db_extra'),
    cdrExtra: extras('cdr_extra', 'cdr_extra_size'),
    legs: made<readonly Leg[]>('multi_leg_info', bindLegs, []),
    accTable: made('db_table_acc', tableName, NOTHING.accTable),
    missedTable: made('db_table_missed_calls', tableName, NOTHING.missedTable),
    filtered: new Set(`${values.failed_filter ?? ''}`.split(',').map(Number)),
  });
  return problems;
}

function tableName(text: string, env: BindEnv): BindResult<Table> {
  const format = bindFormat(text, env);
  return 'error' in format ? format : { ok: format.ok.get };
}
