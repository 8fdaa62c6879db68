/** What every message needs of the core's settings, worked out once for each program. */
import { ipv6Style } from '../../sip/ip.js';
import { protoOf } from '../../sip/uri.js';
import { LEVEL } from '../host.js';
import type { Program } from '../program.js';
import type { CoreFacts } from './params.js';
import { SIGNATURE } from './version.js';

/** A core value has changed. */
export function forgetCore(program: Program): void {
  program.core.facts = undefined;
}

export function coreOf(program: Program): CoreFacts {
  program.core.facts ??= readFacts(program);
  return program.core.facts;
}

function readFacts(program: Program): CoreFacts {
  const { values } = program.core;
  const int = (name: string) => Number(values.get(name) ?? 0) || 0;
  const host = values.get('advertised_address');
  return {
    localRport: int('local_rport') !== 0,
    advertisedHost: typeof host === 'string' && host !== '' ? host : null,
    advertisedPort: int('advertised_port'),
    udpMtu: int('udp_mtu'),
    mtuProto: protoOf(String(values.get('udp_mtu_try_proto') ?? '')),
    onsendReply: int('onsend_route_reply') !== 0,
    checkVia: int('check_via') !== 0,
    forceRport: values.get('force_rport') === 1,
    receivedRport: values.get('local_rport') === 1,
    reverseVia: int('rev_dns') !== 0,
    ipv6Style: ipv6Style(values.get('ipv6_hex_style')),
    receivedRoute: values.get('received_route_mode') === 1,
    sipWarning: int('sip_warning') !== 0,
    replyToVia: int('reply_to_via') !== 0,
    serverHeader: serverHeader(program),
    latencyCfgLog: Number(values.get('latency_cfg_log') ?? LEVEL.DBG),
    latencyLimitCfg: int('latency_limit_cfg'),
    latencyLog: Number(values.get('latency_log') ?? LEVEL.ERR),
    latencyLimitDb: int('latency_limit_db'),
  };
}

/** server_signature and server_header. */
function serverHeader(program: Program): string {
  const { values } = program.core;
  if (values.get('server_signature') === 0) return '';
  const header = values.get('server_header');
  return typeof header === 'string' && header !== '' ? header : `Server: ${SIGNATURE}`;
}
