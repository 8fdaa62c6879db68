/** Parameters of nathelper. */
import { intParam, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

export interface NathelperParams {
  readonly natping_interval: number;
  readonly ping_nated_only: number;
  readonly nortpproxy_str: string;
  readonly received_avp: string | null;
  readonly force_socket: string | null;
  readonly sipping_from: string;
  readonly sipping_method: string;
  readonly sipping_bflag: number;
  readonly natping_disable_bflag: number;
  readonly keepalive_timeout: number;
  readonly append_sdp_oldmediaip: number;
  readonly filter_server_id: number;
  readonly nat_addr_mode: number;
  readonly alias_name: string;
}

export function nathelperParams(program: Program): NathelperParams {
  return program.params('nathelper') as unknown as NathelperParams;
}

const notRaw = (v: string) => (v === '' ? undefined : 'raw sockets are not supported');

export const params = {
  natping_interval: intParam(0, 'Seconds in which each contact is pinged once; 0: no pings.'),
  ping_nated_only: intParam(0, '1: only contacts with the nat_bflag of usrloc are pinged.'),
  nortpproxy_str: strParam('a=nortpproxy:yes', 'Line that flag 4 of fix_nated_sdp() adds.'),
  received_avp: strParam(null, 'AVP that fix_nated_register() sets: $avp(name), the same as that of registrar.', (v) =>
    /^\$avp\(.+\)$/.test(v) ? undefined : 'an AVP such as $avp(received)',
  ),
  force_socket: strParam(null, 'Socket that pings leave by: udp:host:port.'),
  sipping_from: strParam('', 'From URI of SIP pings.'),
  sipping_method: strParam('OPTIONS', 'Method of SIP pings.'),
  sipping_bflag: intParam(-1, 'Branch flag of contacts that are pinged by SIP requests.'),
  natping_disable_bflag: intParam(-1, 'Branch flag of contacts that are not pinged.'),
  natping_processes: intParam(1, 'Without effect: one process pings.'),
  natping_socket: strParam('', 'Not supported: it needs raw sockets.', notRaw),
  keepalive_timeout: intParam(0, 'Seconds without an answer to SIP pings after which a contact expires; 0: never.'),
  udpping_from_path: intParam(0, 'Only 0 is taken: it needs raw sockets.', (v) => notRaw(v === 0 ? '' : 'on')),
  append_sdp_oldmediaip: intParam(1, '1: fix_nated_sdp() writes the old address in a line of its own.'),
  filter_server_id: intParam(0, '1: only contacts of this server are pinged.'),
  nat_addr_mode: intParam(1, '1: 192.0.0.0/24 counts as private too.'),
  alias_name: strParam('', 'Name of the URI parameter with the source address; empty: alias.'),
};
