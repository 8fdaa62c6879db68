/** The groups `core` and `tcp` of the settings: which there are, which may change while the server runs. */
import type { Host } from '../host.js';
import type { Program } from '../program.js';
import type { Setting, SettingValue } from './cfg.js';
import { forgetCore } from './facts.js';

/** Name in the group, with the core parameter that it is, and whether a change counts at once. */
interface Entry {
  readonly name: string;
  readonly param: string;
  readonly doc: string;
  readonly live?: boolean;
  readonly text?: boolean;
  readonly range?: readonly [least: number, greatest: number];
}

const entry = (name: string, doc: string, more: Partial<Entry> = {}): Entry => ({ name, param: name, doc, ...more });
const live = { live: true } as const;

/** With the sentences of 5.6.3 where it has one. */
const CORE: readonly Entry[] = [
  entry('memdbg', 'log level for memory debugging messages'),
  entry('dns_try_ipv6', 'enable/disable IPv6 DNS queries', live),
  entry('dns_try_naptr', 'enable/disable NAPTR DNS queries', live),
  entry('dns_udp_pref', 'udp protocol preference when doing NAPTR lookups', live),
  entry('dns_tcp_pref', 'tcp protocol preference when doing NAPTR lookups', live),
  entry('dns_tls_pref', 'tls protocol preference when doing NAPTR lookups', live),
  entry('dns_sctp_pref', 'sctp protocol preference when doing NAPTR lookups', live),
  entry('dns_retr_time', 'time before retrying a dns request', live),
  entry('dns_retr_no', 'number of dns retransmissions before giving up', live),
  entry('dns_servers_no', 'how many dns servers from resolv.conf are used', live),
  entry('dns_use_search_list', 'if set to 0, the search list in /etc/resolv.conf is ignored', live),
  entry('dns_search_full_match', 'enable/disable domain name checks against the search list'),
  entry('use_dns_cache', 'enable/disable the dns cache', live),
  entry('use_dns_failover', 'enable/disable dns failover', live),
  entry('dns_srv_lb', 'enable/disable load balancing to different srv records of the same priority', live),
  entry('dns_cache_negative_ttl', 'time to live for negative results', live),
  entry('dns_cache_min_ttl', 'minimum accepted time to live for a record, in seconds', live),
  entry('dns_cache_max_ttl', 'maximum accepted time to live for a record, in seconds', live),
  entry('dns_cache_mem', 'maximum memory used for the dns cache in Kb', live),
  entry('max_while_loops', 'maximum iterations allowed for a while loop', live),
  entry('udp_mtu', 'fallback to a congestion controlled protocol if send size exceeds udp_mtu', live),
  entry('udp4_raw', 'enable/disable using a raw socket for sending UDP IPV4 packets'),
  entry('force_rport', 'force rport for all the received messages', live),
  entry('memlog', 'log level for memory status/summary information'),
  entry('corelog', 'log level for non-critical core error messages'),
  entry('latency_cfg_log', 'log level for printing latency of routing blocks', live),
  entry('latency_log', 'log level for latency limits alert messages', live),
  entry('latency_limit_action', 'microseconds that an action may take before its latency is logged'),
  entry('latency_limit_db', 'microseconds that a database query may take before its latency is logged', live),
  entry('latency_limit_cfg', 'microseconds that a routing block may take before its latency is logged', live),
];

const TCP: readonly Entry[] = [
  'connect_timeout',
  'send_timeout',
  'connection_lifetime',
  'max_connections',
  'no_connect',
  'fd_cache',
  'async',
  'conn_wq_max',
  'wq_max',
  'defer_accept',
  'delayed_ack',
  'syncnt',
  'linger2',
  'keepalive',
  'keepidle',
  'keepintvl',
  'keepcnt',
  'crlf_ping',
  'accept_aliases',
  'accept_no_cl',
  'reuse_port',
  'wait_data',
  'rd_buf_size',
  'wq_blk_size',
].map((name) => entry(name, `the parameter tcp_${name} of the script`, { param: `tcp_${name}` }));

type OfProgram = (program: Program) => Setting;

function ofCore(group: string, e: Entry): OfProgram {
  return (program) => {
    const initial = program.core.values.get(e.param) ?? null;
    const type = e.text ? 'str' : 'int';
    return {
      group,
      name: e.name,
      type,
      doc: e.doc,
      get: (host) => host.program.core.values.get(e.param) ?? null,
      ...(e.live ? { apply: (_host: Host, to: Program, value: SettingValue) => setCore(to, e.param, value) } : {}),
      initial,
      custom: false,
    };
  };
}

/** Core values are read anew at each use; what was worked out of them is forgotten. */
function setCore(program: Program, param: string, value: SettingValue): void {
  (program.core.values as Map<string, SettingValue>).set(param, value);
  if (param === 'max_while_loops') (program.core as { maxWhileLoops: number }).maxWhileLoops = Number(value);
  forgetCore(program);
}

const debug: OfProgram = (program) => ({
  group: 'core',
  name: 'debug',
  type: 'int',
  doc: 'debug level',
  get: (host) => host.log.level,
  apply(host, _program, value) {
    host.log.level = Number(value);
  },
  initial: program.core.debug,
  custom: false,
});

/** Only those that the script language of 5.6.3 has, each where the script could set it. */
export const CORE_SETTINGS: readonly OfProgram[] = [
  ...TCP.map((e) => ofCore('tcp', e)),
  debug,
  ...CORE.map((e) => ofCore('core', e)),
];
