/** Parameters of siptrace. */

import { avpKey } from '../../runtime/message-env.js';
import { type BindEnv, intParam, kemiParam, strParam } from '../../runtime/module.js';
import { parseUri } from '../../sip/uri.js';

export interface SiptraceParams {
  readonly auth_key: string | null;
  readonly db_url: string;
  readonly table: string;
  readonly date_column: string;
  readonly callid_column: string;
  readonly traced_user_column: string;
  readonly msg_column: string;
  readonly method_column: string;
  readonly status_column: string;
  readonly fromip_column: string;
  readonly toip_column: string;
  readonly fromtag_column: string;
  readonly totag_column: string;
  readonly direction_column: string;
  readonly time_us_column: string;
  readonly trace_flag: number;
  readonly trace_on: number;
  readonly traced_user_avp: string | null;
  readonly trace_table_avp: string | null;
  readonly duplicate_uri: string | null;
  readonly trace_to_database: number;
  readonly trace_local_ip: string | null;
  readonly trace_sl_acks: number;
  readonly xheaders_write: number;
  readonly xheaders_read: number;
  readonly hep_mode_on: number;
  readonly force_send_sock: string | null;
  readonly send_sock_name: string | null;
  readonly hep_version: number;
  readonly hep_capture_id: number;
  readonly trace_init_mode: number;
  readonly trace_mode: number;
}

/** Bits of `trace_mode`. */
export const MODE = { HEP: 1, DB: 2, URI: 4 } as const;
/** Values of `trace_init_mode`. */
export const INIT = { ALL: 0, NETWORK: 1, SCRIPT: 2 } as const;

const DEFAULT_URL = 'mysql://kamailio:kamailiorw@localhost/kamailio';
const column = (name: string, what: string) => strParam(name, `Column for ${what}.`);
const avp = (what: string) =>
  strParam(null, what, (text) => (text === '' || avpOf(text) !== undefined ? undefined : `${text} is no AVP`));
const uri = (text: string) => (parseUri(text) === undefined ? `'${text}' is no URI` : undefined);

/** The key of `$avp(name)`. */
export function avpOf(text: string | null): string | undefined {
  return avpKey(/^\$avp\((.+)\)$/.exec(text ?? '')?.[1] ?? '');
}

export const params = {
  auth_key: strParam(null, 'Key that HEP version 3 carries.'),
  db_url: strParam(DEFAULT_URL, 'The database.'),
  table: strParam('sip_trace', 'Table of the messages.'),
  date_column: column('time_stamp', 'the time'),
  callid_column: column('callid', 'Call-ID'),
  traced_user_column: column('traced_user', 'the traced user'),
  msg_column: column('msg', 'the message'),
  method_column: column('method', 'the method'),
  status_column: column('status', 'the status of a reply'),
  fromip_column: column('fromip', 'where it came from'),
  toip_column: column('toip', 'where it went to'),
  fromtag_column: column('fromtag', 'the From tag'),
  totag_column: column('totag', 'the To tag'),
  direction_column: column('direction', 'in or out'),
  trace_flag: intParam(-1, 'Flag that makes sip_trace() trace the whole transaction.', (n) =>
    n < -1 || n > 31 ? `invalid trace flag ${n}` : undefined,
  ),
  trace_on: intParam(0, '1: messages are traced; the RPC command siptrace.status changes it.'),
  traced_user_avp: avp(
    'AVP with the traced users: each gets a row, and their messages are traced whatever trace_on says.',
  ),
  trace_table_avp: avp('AVP with the name of the table.'),
  duplicate_uri: strParam(null, 'Where messages are copied to.', uri),
  trace_to_database: intParam(1, '0: nothing is written into the database.'),
  trace_local_ip: strParam(null, 'Address that stands for this server, as udp:192.0.2.1:5060.'),
  trace_sl_acks: intParam(1, '0: ACKs to stateless replies are not traced.'),
  xheaders_write: intParam(0, '1: copies that are no HEP carry X-Siptrace headers with addresses and time.'),
  xheaders_read: intParam(0, '1: such headers are read, and taken out, from what is traced.'),
  hep_mode_on: intParam(0, '1: copies are HEP packets.'),
  force_send_sock: strParam(null, 'Socket that copies leave from, as sip:192.0.2.1:5060.', uri),
  send_sock_addr: { type: 'alias', of: 'force_send_sock', doc: 'The same.' } as const,
  send_sock_name: strParam(null, 'Name of the socket that copies leave from.'),
  hep_version: intParam(1, 'Version of HEP: 1, 2 or 3.', (n) =>
    n < 1 || n > 3 ? 'unsupported version of HEP' : undefined,
  ),
  hep_capture_id: intParam(1, 'Number of this node in HEP versions 2 and 3.'),
  trace_delayed: intParam(0, 'Accepted; rows are written without waiting here.'),
  trace_db_mode: intParam(0, 'Accepted; rows are written without waiting here.'),
  trace_init_mode: intParam(
    0,
    '1: only all that the network brings and takes is traced, 2: only what the script says; 0: both.',
  ),
  trace_mode: intParam(
    0,
    'All that the network brings and takes is traced: 1 as HEP, 2 into the database, 4 as copies, added.',
  ),
  evcb_msg: kemiParam(),
};

/** Problems of all parameters together. */
export function checkParams(values: Readonly<Record<string, unknown>>, _env: BindEnv): readonly string[] {
  const { trace_init_mode, trace_mode } = values as unknown as SiptraceParams;
  return trace_init_mode === INIT.NETWORK && trace_mode === 0
    ? ['invalid config options for core callbacks tracing: set trace_mode too']
    : [];
}
