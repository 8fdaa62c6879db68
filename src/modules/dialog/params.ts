/** Parameters of dialog. */
import { intParam, kemiParam, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

/** Kamailio's own. */
export const DEFAULT_URL = 'mysql://kamailio:kamailiorw@localhost/kamailio';

/** Values of `dlg_match_mode`: what tells the dialog of a request. */
export const MATCH = { ID: 0, ID_THEN_TAGS: 1, TAGS: 2 } as const;

/** Values of `db_mode`. */
export const DB_MODE = { NONE: 0, REALTIME: 1, DELAYED: 2, SHUTDOWN: 3 } as const;

/** Columns of the table dialog by the parameter that names them. */
export const COLUMNS = {
  call_id_column: 'callid',
  from_uri_column: 'from_uri',
  from_tag_column: 'from_tag',
  to_uri_column: 'to_uri',
  to_tag_column: 'to_tag',
  h_id_column: 'hash_id',
  h_entry_column: 'hash_entry',
  state_column: 'state',
  start_time_column: 'start_time',
  timeout_column: 'timeout',
  to_cseq_column: 'callee_cseq',
  from_cseq_column: 'caller_cseq',
  to_route_column: 'callee_route_set',
  from_route_column: 'caller_route_set',
  to_contact_column: 'callee_contact',
  from_contact_column: 'caller_contact',
  to_sock_column: 'callee_sock',
  from_sock_column: 'caller_sock',
  sflags_column: 'sflags',
  toroute_name_column: 'toroute_name',
} as const;

/** Those of dialog_vars. */
export const VAR_COLUMNS = {
  vars_h_id_column: 'hash_id',
  vars_h_entry_column: 'hash_entry',
  vars_key_column: 'dialog_key',
  vars_value_column: 'dialog_value',
} as const;

type ColumnParams = Readonly<Record<keyof typeof COLUMNS | keyof typeof VAR_COLUMNS, string>>;

export interface DialogParams extends ColumnParams {
  readonly track_cseq_updates: number;
  readonly enable_stats: number;
  readonly hash_size: number;
  readonly rr_param: string;
  readonly dlg_flag: number;
  readonly timeout_avp: string | null;
  readonly default_timeout: number;
  readonly early_timeout: number;
  readonly noack_timeout: number;
  readonly end_timeout: number;
  readonly dlg_extra_hdrs: string | null;
  readonly lreq_callee_headers: string | null;
  readonly dlg_match_mode: number;
  readonly detect_spirals: number;
  readonly db_url: string;
  readonly db_mode: number;
  readonly db_update_period: number;
  readonly db_skip_load: number;
  readonly table_name: string;
  readonly vars_table_name: string;
  readonly profiles_with_value: string | null;
  readonly profiles_no_value: string | null;
  readonly bridge_controller: string;
  readonly bridge_contact: string;
  readonly ruri_pvar: string;
  readonly initial_cbs_inscript: number;
  readonly send_bye: number;
  readonly wait_ack: number;
  readonly ka_timer: number;
  readonly ka_interval: number;
  readonly ka_failed_limit: number;
  readonly timeout_noreset: number;
  readonly enable_dmq: number;
  readonly h_id_start: number;
  readonly h_id_step: number;
  readonly keep_proxy_rr: number;
  readonly dlg_filter_mode: number;
}

export function dialogParams(program: Program): DialogParams {
  return program.params('dialog') as unknown as DialogParams;
}

const within = (low: number, high: number) => (v: number) =>
  v >= low && v <= high ? undefined : `a number from ${low} to ${high}`;
const LONGEST_RR_PARAM = 32;

const columnParams = Object.fromEntries(
  Object.entries({ ...COLUMNS, ...VAR_COLUMNS }).map(([name, column]) => [
    name,
    strParam(column, `Name of the column ${column}.`),
  ]),
) as Record<keyof ColumnParams, ReturnType<typeof strParam>>;

export const params = {
  ...columnParams,
  enable_stats: intParam(1, '0: no statistics.'),
  hash_size: intParam(4096, 'Slots of the table, a power of two; the same at all nodes of a DMQ bus.', (v) =>
    v > 0 && (v & (v - 1)) === 0 ? undefined : 'a power of two',
  ),
  rr_param: strParam('did', 'Name of the Record-Route parameter that tells the dialog.', (v) =>
    v !== '' && v.length <= LONGEST_RR_PARAM ? undefined : `1 to ${LONGEST_RR_PARAM} characters`,
  ),
  dlg_flag: intParam(-1, 'Message flag that makes t_relay() of an INVITE begin a dialog; -1 none.', within(-1, 31)),
  timeout_avp: strParam(null, 'AVP with the seconds that a dialog may last: $avp(name).', (v) =>
    /^\$avp\(.+\)$/.test(v) ? undefined : 'an AVP such as $avp(timeout)',
  ),
  default_timeout: intParam(43200, 'Seconds that a dialog may last.', within(1, 0x7fffffff)),
  early_timeout: intParam(300, 'Seconds after which a dialog that was not answered is forgotten.'),
  noack_timeout: intParam(60, 'Seconds after which a dialog whose 2xx was not acknowledged ends.'),
  end_timeout: intParam(300, 'Seconds after which a dialog that ended is forgotten in any case.'),
  dlg_extra_hdrs: strParam(null, 'Header lines of BYEs that begin here.'),
  lreq_callee_headers: strParam(null, 'Header lines of requests that begin here and go to the callee.'),
  dlg_match_mode: intParam(
    0,
    'What tells the dialog of a request: 0 rr_param alone, 1 rr_param or else Call-ID and tags, 2 Call-ID and tags.',
    within(0, 2),
  ),
  detect_spirals: intParam(
    1,
    '1: an INVITE that comes again by another way belongs to the dialog there is.',
    within(0, 1),
  ),
  db_url: strParam(
    DEFAULT_URL,
    'Where the tables dialog and dialog_vars are. Not given, and db_mysql not loaded: a SQLite file in the runtime directory.',
  ),
  db_mode: intParam(
    0,
    'Database: 0 none, 1 written at once, 2 by the timer, 3 at the end of the server.',
    within(0, 3),
  ),
  db_update_period: intParam(60, 'Seconds between two writes of db_mode 2.', within(1, 0x7fffff)),
  db_fetch_rows: intParam(200, 'Without effect: rows come all at once.'),
  db_skip_load: intParam(0, '1: what the database holds is not loaded at start.', within(0, 1)),
  table_name: strParam('dialog', 'Name of the table of dialogs.'),
  vars_table_name: strParam('dialog_vars', 'Name of the table of their variables.'),
  profiles_with_value: strParam(null, 'Names of profiles whose dialogs are counted by a value, with ; between.'),
  profiles_no_value: strParam(null, 'Names of profiles without value, with ; between.'),
  bridge_controller: strParam('sip:controller@kamailio.org', 'From of dlg_bridge() and Referred-By of dlg_refer().'),
  bridge_contact: strParam('sip:controller@kamailio.org:5060', 'Contact of dlg_bridge() and dlg_refer().'),
  ruri_pvar: strParam('$ru', 'What is kept as the request URI of a dialog; a text with variables.'),
  initial_cbs_inscript: intParam(1, '0: other modules learn of a dialog when its transaction begins.', within(0, 1)),
  send_bye: intParam(0, '1: a dialog that lasts too long is ended with BYE to both sides.'),
  wait_ack: intParam(1, '1: a dialog that failed is kept until its transaction is forgotten.'),
  ka_timer: intParam(0, 'Seconds between two looks for keepalives that are due; 0 none are sent.'),
  ka_interval: intParam(0, 'Seconds between keepalives (OPTIONS) of a dialog, at least 30; 0 none.', (v) =>
    v === 0 || v >= 30 ? undefined : '0 or at least 30',
  ),
  ka_failed_limit: intParam(1, 'Keepalives in a row answered 408 or 481 after which a dialog ends.'),
  timeout_noreset: intParam(0, '1: a request within the dialog does not begin its time anew.', within(0, 1)),
  timer_procs: intParam(0, 'Without effect: timers run on the script thread.'),
  enable_dmq: intParam(0, '1: dialogs are told to the other nodes of the DMQ bus, and theirs taken in.'),
  event_callback: kemiParam('dialog:'),
  h_id_start: intParam(
    0,
    'First number of dialogs; -1 server_id. With h_id_step nodes that share a database do not clash.',
  ),
  h_id_step: intParam(1, 'Step between numbers of dialogs.'),
  keep_proxy_rr: intParam(
    0,
    'Bits: keep our own Record-Route in the route set of 1 the callee, 2 the caller.',
    within(0, 3),
  ),
  dlg_filter_mode: intParam(0, '1: only dialogs of sockets of this server time out and get keepalives.'),
  track_cseq_updates: intParam(
    0,
    '1: after uac_auth() the CSeq goes up towards the callee, and is taken back in replies.',
  ),
  xavp_cfg: strParam(null, 'Without effect, as in Kamailio.'),
};
