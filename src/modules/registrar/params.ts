/** Parameters of registrar. */
import { intParam, kemiParam, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

export interface RegistrarParams {
  readonly default_expires: number;
  readonly default_expires_range: number;
  readonly expires_range: number;
  readonly min_expires: number;
  readonly max_expires: number;
  readonly min_expires_mode: number;
  readonly default_q: number;
  readonly append_branches: number;
  readonly case_sensitive: number;
  readonly realm_prefix: string;
  readonly received_param: string;
  readonly received_avp: string | null;
  readonly max_contacts: number;
  readonly retry_after: number;
  readonly sock_mode: number;
  readonly sock_flag: number;
  readonly sock_hdr_name: string | null;
  readonly method_filtering: number;
  readonly use_path: number;
  readonly path_mode: number;
  readonly path_use_received: number;
  readonly path_check_local: number;
  readonly xavp_cfg: string | null;
  readonly xavp_rcd: string | null;
  readonly xavp_rcd_mask: number;
  readonly gruu_enabled: number;
  readonly outbound_mode: number;
  readonly regid_mode: number;
  readonly flow_timer: number;
  readonly contact_max_size: number;
  readonly lookup_filter_mode: number;
  readonly use_expired_contacts: number;
}

let lastProgram: Program | undefined;
let lastParams: RegistrarParams;

/** Asked for many times in a REGISTER, seldom about another program than before. */
export function registrarParams(program: Program): RegistrarParams {
  if (program !== lastProgram) {
    lastParams = program.params('registrar') as unknown as RegistrarParams;
    lastProgram = program;
  }
  return lastParams;
}

/** Values of `path_mode`. */
export const PATH_MODE = { OFF: 0, LAZY: 1, STRICT: 2 } as const;
/** Values of `outbound_mode`. */
export const OUTBOUND = { NONE: 0, SUPPORTED: 1, REQUIRED: 2 } as const;

const within = (low: number, high: number) => (v: number) =>
  v >= low && v <= high ? undefined : `a number from ${low} to ${high}`;

export const params = {
  default_expires: intParam(3600, 'Seconds for a contact that says none.'),
  default_expires_range: intParam(0, 'Percent by which default_expires is lowered at most, by chance.', within(0, 100)),
  expires_range: intParam(0, 'Percent by which the time that a phone asks for is lowered at most.', within(0, 100)),
  min_expires: intParam(60, 'Least seconds; less is raised to it.'),
  max_expires: intParam(0, 'Most seconds; more is cut to it. 0: no end.'),
  min_expires_mode: intParam(0, '1: less than min_expires is refused with 423.'),
  default_q: intParam(-1, 'q (thousandths) of a contact that says none; -1 none.', within(-1, 1000)),
  append_branches: intParam(1, '1: lookup() makes branches of the further contacts.'),
  case_sensitive: intParam(0, '1: the user of an address is compared to the letter.'),
  realm_prefix: strParam('', 'Prefix that is cut off domains.'),
  received_param: strParam('received', 'Parameter of Contact in replies that tells the received address; empty: none.'),
  received_avp: strParam(null, 'AVP with the address that a request came from: $avp(name).', (v) =>
    /^\$avp\(.+\)$/.test(v) ? undefined : 'an AVP such as $avp(received)',
  ),
  max_contacts: intParam(0, 'Most contacts of an address; 0: no end.'),
  retry_after: intParam(0, 'Seconds in Retry-After of 5xx replies; 0: no such header.'),
  sock_mode: intParam(0, '1: the advertised address of the socket is kept.'),
  sock_flag: intParam(-1, 'Message flag that says that sock_hdr_name or xavp_cfg name the socket.'),
  sock_hdr_name: strParam(null, 'Header that names the socket a registration came to.'),
  method_filtering: intParam(0, '1: lookup() takes only contacts that allow the method.'),
  use_path: intParam(0, '1: Path headers are kept and used.'),
  path_mode: intParam(2, 'Path in replies: 0 never, 1 where the phone supports it, 2 and else 420.', within(0, 2)),
  path_use_received: intParam(0, '1: the received parameter of the first Path is kept as the address.'),
  path_check_local: intParam(0, '1: a first Path that is this server is skipped.'),
  xavp_cfg: strParam(null, 'XAVP with settings for one call: expires, q, max_contacts, socket, match_callid and more.'),
  xavp_rcd: strParam(null, 'XAVP that gets the details of the contacts: ruid, contact, received, expires, path.'),
  xavp_rcd_mask: intParam(0, 'Details that are left out: 1 ruid, 2 contact, 4 expires, 8 received, 16 path.'),
  gruu_enabled: intParam(1, '1: replies tell the GRUUs of contacts with an instance.'),
  outbound_mode: intParam(0, 'RFC 5626: 0 not supported, 1 supported, 2 required.', within(0, 2)),
  regid_mode: intParam(0, 'reg-id counts: 0 with outbound only, 1 always.', within(0, 1)),
  flow_timer: intParam(0, 'Seconds in Flow-Timer; 0: no such header.', within(0, 999)),
  contact_max_size: intParam(512, 'Longest URI of a contact.'),
  event_callback: kemiParam('usrloc:contact-expired'),
  lookup_filter_mode: intParam(
    0,
    'lookup() skips: 1 contacts without a flag of xavp_cfg=>rlf_bflags, 2 those of dead connections.',
  ),
  use_expired_contacts: intParam(0, '1: contacts that have expired count too.'),
};
