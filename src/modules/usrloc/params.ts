/** Parameters of usrloc. */
import { intParam, listParam, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

/** Kamailio's own. */
export const DEFAULT_URL = 'mysql://kamailio:kamailiorw@localhost/kamailio';

/** Values of `db_mode`. */
export const DB_MODE = { NONE: 0, WRITE_THROUGH: 1, WRITE_BACK: 2, ONLY: 3, READ_ONLY: 4 } as const;

/** Values of `matching_mode`: what makes two registrations the same contact. */
export const MATCH = { CONTACT: 0, CONTACT_AND_CALLID: 1, CONTACT_AND_PATH: 2, CALLID: 3 } as const;

export interface UsrlocParams {
  readonly db_url: string;
  readonly db_mode: number;
  readonly db_load: number;
  readonly timer_interval: number;
  readonly use_domain: number;
  readonly desc_time_order: number;
  readonly matching_mode: number;
  readonly cseq_delay: number;
  readonly hash_size: number;
  readonly nat_bflag: number;
  readonly handle_lost_tcp: number;
  readonly close_expired_tcp: number;
  readonly preload: readonly string[];
  readonly version_table: number;
  readonly skip_remote_socket: number;
  readonly xavp_contact: string | null;
  readonly expires_type: number;
  readonly server_id_filter: number;
  readonly db_insert_null: number;
  readonly db_update_as_insert: number;
  readonly db_check_update: number;
  readonly db_insert_update: number;
  readonly db_ops_ruid: number;
  readonly db_timer_clean: number;
  readonly db_clean_tcp: number;
  readonly rm_expired_delay: number;
  readonly ka_mode: number;
  readonly ka_from: string;
  readonly ka_domain: string;
  readonly ka_method: string;
  readonly ka_filter: number;
  readonly ka_timeout: number;
  readonly ka_loglevel: number;
}

export function usrlocParams(program: Program): UsrlocParams {
  return program.params('usrloc') as unknown as UsrlocParams;
}

const oneOf = (values: Readonly<Record<string, number>>) => (v: number) =>
  Object.values(values).includes(v) ? undefined : `one of ${Object.values(values).join(', ')}`;

/** Columns of the location table by the parameter that names them. */
export const COLUMNS = {
  ruid_column: 'ruid',
  user_column: 'username',
  domain_column: 'domain',
  contact_column: 'contact',
  expires_column: 'expires',
  q_column: 'q',
  callid_column: 'callid',
  cseq_column: 'cseq',
  flags_column: 'flags',
  cflags_column: 'cflags',
  user_agent_column: 'user_agent',
  received_column: 'received',
  path_column: 'path',
  socket_column: 'socket',
  methods_column: 'methods',
  instance_column: 'instance',
  reg_id_column: 'reg_id',
  server_id_column: 'server_id',
  connection_id_column: 'connection_id',
  keepalive_column: 'keepalive',
  partition_column: 'partition',
} as const;

const columnParams = Object.fromEntries(
  Object.entries(COLUMNS).map(([name, column]) => [name, strParam(column, `Name of the column ${column}.`)]),
) as Record<keyof typeof COLUMNS, ReturnType<typeof strParam>>;

export const params = {
  ...columnParams,
  db_url: strParam(
    DEFAULT_URL,
    'Where the location tables are. Not given, and db_mysql not loaded: a SQLite file in the runtime directory.',
  ),
  db_mode: intParam(
    0,
    'Database: 0 none, 1 written at once, 2 written by the timer, 3 the only memory, 4 read at start.',
    oneOf(DB_MODE),
  ),
  db_load: intParam(1, '1: what the database holds is loaded at start.'),
  db_insert_update: intParam(0, '1: an insert of a row that is there updates it.'),
  db_update_as_insert: intParam(0, '1: updates are inserts.'),
  db_check_update: intParam(0, '1: an update that finds no row becomes an insert.'),
  db_ops_ruid: intParam(1, '1: rows are found by ruid; 0: by user, contact and Call-ID; 2: by ruid and user.'),
  db_raw_fetch_type: intParam(0, 'Without effect: rows come all at once.'),
  db_insert_null: intParam(0, '1: what a contact does not have is written as NULL.'),
  db_timer_clean: intParam(0, '1: rows that have expired are deleted by the timer.'),
  db_clean_tcp: intParam(0, '1: contacts that came by connections are deleted from the database at start.'),
  fetch_rows: intParam(2000, 'Without effect: rows come all at once.'),
  version_table: intParam(1, '1: the version of the tables is checked at start.'),
  expires_type: intParam(0, 'Times in the database: 0 datetime, 1 big integer (seconds).'),
  server_id_filter: intParam(0, '1: only rows of this server are loaded and cleaned.'),
  load_rank: intParam(0, 'Without effect: one process loads.'),
  rm_expired_delay: intParam(0, 'Seconds for which rows that have expired stay, with db_mode 3.'),
  timer_interval: intParam(60, 'Seconds between looks for contacts that have expired.'),
  timer_procs: intParam(0, 'Without effect: one process looks.'),
  use_domain: intParam(0, '1: an address is user@domain, 0: the user alone.'),
  desc_time_order: intParam(0, '1: the newest contact first, 0: the greatest q first.'),
  matching_mode: intParam(
    0,
    'What makes two registrations one contact: 0 URI, 1 URI and Call-ID, 2 URI and Path, 3 Call-ID.',
    oneOf(MATCH),
  ),
  cseq_delay: intParam(20, 'Seconds for which an equal CSeq is a retransmission.'),
  hash_size: intParam(10, 'Slots that ul.dump tells, as a power of two.'),
  nat_bflag: intParam(-1, 'Branch flag of contacts behind NAT.', (v) =>
    v < 32 ? undefined : 'a flag number from 0 to 31',
  ),
  handle_lost_tcp: intParam(0, '1: a contact expires when its connection is gone.'),
  close_expired_tcp: intParam(0, '1: the connection of a contact that expires is closed.'),
  skip_remote_socket: intParam(0, '1: rows whose socket is not one of this server are not loaded.'),
  preload: listParam('Tables to load although the script does not name them.'),
  xavp_contact: strParam(null, 'XAVP that is kept with each contact and comes back with lookup().'),
  ka_mode: intParam(
    0,
    'Requests that keep contacts alive, every timer_interval: 0 none, 1 to all, 2 to those with nat_bflag, 4 by UDP alone; values add up.',
  ),
  ka_from: strParam('sip:server@kamailio.org', 'From of keepalives.'),
  ka_domain: strParam('kamailio.org', 'Domain of the Call-ID of keepalives.'),
  ka_method: strParam('OPTIONS', 'Method of keepalives.'),
  ka_filter: intParam(0, '1: contacts of this server only.'),
  ka_timeout: intParam(0, 'Seconds without an answer after which a contact expires.'),
  ka_loglevel: intParam(255, 'Level of the log line for an answer; 255: none.'),
  ka_logmsg: strParam(' to-uri: [$tu] remote-addr: [$sas]', 'The log line for an answer.'),
};
