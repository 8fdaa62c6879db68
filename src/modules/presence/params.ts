/** Parameters of module presence. */
import { intParam, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

/** Values of `subs_db_mode`: where subscriptions are. */
export const SUBS_DB = { NONE: 0, WRITE_THROUGH: 1, WRITE_BACK: 2, ONLY: 3 } as const;
/** Values of `publ_cache`: where published documents are; all but the last are in the database. */
export const PUBL_CACHE = { NONE: 0, HYBRID: 1, MEMORY: 2 } as const;

/** Values of `min_expires_action`. */
export const TOO_SHORT = { REFUSE: 1, LENGTHEN: 2 } as const;

export interface PresenceParams {
  readonly db_url: string | null;
  readonly presentity_table: string;
  readonly active_watchers_table: string;
  readonly watchers_table: string;
  readonly clean_period: number;
  readonly db_update_period: number;
  readonly force_delete: number;
  readonly startup_mode: number;
  readonly expires_offset: number;
  readonly max_expires: number;
  readonly min_expires: number;
  readonly min_expires_action: number;
  readonly server_address: string | null;
  readonly subs_db_mode: number;
  readonly publ_cache: number;
  readonly enable_sphere_check: number;
  readonly timeout_rm_subs: number;
  readonly send_fast_notify: number;
  readonly local_log_level: number;
  readonly xavp_cfg: string | null;
  readonly retrieve_order: number;
  readonly retrieve_order_by: string;
  readonly sip_uri_match: number;
  readonly cseq_offset: number;
  readonly enable_dmq: number;
  readonly pres_subs_mode: number;
  readonly delete_same_subs: number;
  readonly subs_respond_200: number;
}

export function presenceParams(program: Program): PresenceParams {
  return program.params('presence') as unknown as PresenceParams;
}

const between = (least: number, most: number) => (v: number) =>
  v < least || v > most ? `a number from ${least} to ${most}` : undefined;

const ORDERS = /^(?:id|priority|received_time|expires|etag|username|domain|event|sender|ruid)$/;

export const params = {
  db_url: strParam(
    null,
    'Database of the tables. Unset, where a table is needed: an embedded one, in the folder of the control sockets.',
  ),
  presentity_table: strParam('presentity', 'Table of published documents.'),
  active_watchers_table: strParam('active_watchers', 'Table of subscriptions.'),
  watchers_table: strParam('watchers', 'Table of who may watch whom.'),
  clean_period: intParam(100, 'Seconds between searches for published documents that have expired; 0 never.'),
  db_update_period: intParam(
    100,
    'Seconds between searches for subscriptions that have expired, and between writes of subs_db_mode 2; 0 never.',
  ),
  waitn_time: intParam(5, 'Without effect: NOTIFY requests leave at once, in order.'),
  notifier_poll_rate: intParam(10, 'Without effect: NOTIFY requests leave at once, in order.'),
  notifier_processes: intParam(1, 'Without effect: NOTIFY requests leave at once, in order.'),
  force_delete: intParam(0, '1: documents that have expired go without a word to the watchers.'),
  startup_mode: intParam(1, '0: a document that has expired is shown until it is cleaned away.'),
  expires_offset: intParam(
    0,
    'Seconds by which the Expires of a 200 to PUBLISH is shorter than what is kept, and for which a subscription that has expired is kept.',
  ),
  max_expires: intParam(3600, 'Longest time of a document and of a subscription, seconds.'),
  min_expires: intParam(0, 'Shortest time of a subscription, seconds; 0 any.'),
  min_expires_action: intParam(
    TOO_SHORT.REFUSE,
    'A shorter one: 1 is refused with 423, 2 becomes min_expires.',
    between(1, 2),
  ),
  server_address: strParam(null, 'URI for Contact in place of the address that got the SUBSCRIBE.'),
  subs_htable_size: intParam(9, 'Without effect: tables grow by themselves.'),
  pres_htable_size: intParam(9, 'Without effect: tables grow by themselves.'),
  subs_db_mode: intParam(
    SUBS_DB.WRITE_BACK,
    'Subscriptions: 0 in memory, 1 there and written at once, 2 there and written by the timer, 3 in the database alone.',
    between(0, 3),
  ),
  publ_cache: intParam(PUBL_CACHE.HYBRID, 'Published documents: 0 and 1 in the database, 2 in memory.', between(0, 2)),
  enable_sphere_check: intParam(0, '1: the sphere within a PIDF document is kept, for rules that ask for it.'),
  timeout_rm_subs: intParam(1, '1: a NOTIFY that nobody answers ends the subscription.'),
  send_fast_notify: intParam(
    1,
    '0: no NOTIFY at once after a SUBSCRIBE. One goes out all the same for an event with watcher information, as in Kamailio.',
  ),
  fetch_rows: intParam(500, 'Without effect: tables are read in one go.'),
  db_table_lock_type: intParam(1, 'Without effect: no table is locked.'),
  local_log_level: intParam(2, 'Log level of the line about each NOTIFY.'),
  local_log_facility: strParam(null, 'Without effect: there is one log.'),
  subs_remove_match: intParam(0, 'Without effect: a subscription is always found by all three parts of its dialog.'),
  xavp_cfg: strParam(
    null,
    'XAVP with settings of one call: priority of a published document, delete_subscription after a NOTIFY.',
  ),
  retrieve_order: intParam(0, '1: documents are ordered by retrieve_order_by, not by time.', between(0, 1)),
  retrieve_order_by: strParam('priority', 'Column of the table of documents that orders them.', (v) =>
    ORDERS.test(v) ? undefined : 'one column of the presentity table',
  ),
  sip_uri_match: intParam(
    0,
    '1: URIs of presentities and watchers are the same in upper and lower case.',
    between(0, 1),
  ),
  cseq_offset: intParam(0, 'By how much the CSeq of a SUBSCRIBE may be too low.'),
  enable_dmq: intParam(0, '1: published documents are told to the other nodes of the DMQ bus; dmq is loaded before.'),
  pres_subs_mode: intParam(1, '0: $subs(...) is $null.', between(0, 1)),
  delete_same_subs: intParam(0, '1: a new subscription ends one to the same presentity with the same Call-ID.'),
  timer_mode: intParam(1, 'Without effect: there is one timer.'),
  subs_respond_200: intParam(1, '0: SUBSCRIBE is answered with 202, as old clients want it.', between(0, 1)),
};
