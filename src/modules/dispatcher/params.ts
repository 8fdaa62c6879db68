/** Parameters of dispatcher. */
import { bindFormat, bindVariable, type Format } from '../../runtime/format.js';
import { type BindEnv, intParam, kemiParam, type PvAccessor, strParam } from '../../runtime/module.js';
import type { Program } from '../../runtime/program.js';

export interface DispatcherParams {
  readonly list_file: string;
  readonly db_url: string | null;
  readonly table_name: string;
  readonly setid_col: string;
  readonly destination_col: string;
  readonly flags_col: string;
  readonly priority_col: string;
  readonly attrs_col: string;
  readonly force_dst: number;
  readonly flags: number;
  readonly use_default: number;
  readonly xavp_dst: string;
  readonly xavp_dst_mode: number;
  readonly xavp_ctx: string;
  readonly xavp_ctx_mode: number;
  readonly hash_pvar: string | null;
  readonly setid_pvname: string | null;
  readonly attrs_pvname: string | null;
  readonly ds_probing_threshold: number;
  readonly ds_inactive_threshold: number;
  readonly ds_ping_method: string;
  readonly ds_ping_from: string;
  readonly ds_ping_interval: number;
  readonly ds_ping_latency_stats: number;
  readonly ds_latency_estimator_alpha: number;
  readonly ds_ping_reply_codes: string | null;
  readonly ds_probing_mode: number;
  readonly ds_hash_size: number;
  readonly ds_hash_expire: number;
  readonly ds_hash_initexpire: number;
  readonly ds_hash_check_interval: number;
  readonly outbound_proxy: string | null;
  readonly ds_default_socket: string | null;
  readonly ds_default_sockname: string | null;
  readonly ds_attrs_none: number;
  readonly ds_db_extra_attrs: string | null;
  readonly ds_load_mode: number;
  readonly reload_delta: number;
  readonly ds_dns_mode: number;
  readonly ds_dns_interval: number;
  readonly ds_dns_ttl: number;
}

export function dispatcherParams(program: Program): DispatcherParams {
  return program.params('dispatcher') as unknown as DispatcherParams;
}

/** Bits of `flags`. */
export const FLAG = { USER_ONLY: 1, FAILOVER: 2 } as const;
/** Values of `ds_probing_mode`. */
export const PROBE = { NONE: 0, ALL: 1, INACTIVE: 2, ONLY_FLAGGED: 3 } as const;
/** Bits of `ds_dns_mode`. */
export const DNS = { INIT: 1, ALWAYS: 2, TIMER: 4, SRV: 8 } as const;
/** Bits of `xavp_dst_mode`. */
export const DST_XAVP = { SKIP_ATTRS: 1, SOCKET: 2, SOCKNAME: 4 } as const;
/** Bit of `xavp_ctx_mode`. */
export const SKIP_COUNT = 1;

const column = (name: string, what: string) => strParam(name, `Column of ${what}.`);

export const params = {
  list_file: strParam(
    '/etc/kamailio/dispatcher.list',
    'File of destinations: lines of set, URI, flags, priority, attributes. A name without a slash is beside the script.',
  ),
  db_url: strParam(null, 'Database of the destinations, in place of the file.'),
  table_name: strParam('dispatcher', 'Table of the destinations.'),
  setid_col: column('setid', 'the number of the set'),
  destination_col: column('destination', 'the URI'),
  flags_col: column('flags', 'the flags'),
  priority_col: column('priority', 'the priority'),
  attrs_col: column('attrs', 'the attributes'),
  force_dst: intParam(1, '0: a destination that is set already ($du) is not overwritten, the selection fails.'),
  flags: intParam(0, 'Sum of 1: only the user of URIs is hashed, 2: the rest of the set is kept for failover.'),
  use_default: intParam(0, '1: the last destination of a set serves only when all others are down.'),
  xavp_dst: strParam('_dsdst_', 'XAVP of the destinations that are left: uri, grp, attrs, sock, dstid.'),
  xavp_dst_mode: intParam(0, 'Sum of 1: without attrs, 2: with socket, 4: with sockname.'),
  xavp_ctx: strParam('_dsctx_', 'XAVP of the selection: cnt, how many destinations there were.'),
  xavp_ctx_mode: intParam(0, '1: without cnt.'),
  hash_pvar: strParam(null, 'Text with variables that algorithm 7 hashes.'),
  setid_pvname: strParam(null, 'Variable that ds_is_from_list() without a set gets the number of the set in.'),
  attrs_pvname: strParam(null, 'Variable that ds_is_from_list() gets the attributes in.'),
  ds_probing_threshold: intParam(1, 'Failures in a row after which a destination is inactive.'),
  ds_inactive_threshold: intParam(1, 'Answers in a row after which an inactive destination is active again.'),
  ds_ping_method: strParam('OPTIONS', 'Method of the probes.'),
  ds_ping_from: strParam('sip:dispatcher@localhost', 'From URI of the probes.'),
  ds_ping_interval: intParam(0, 'Seconds between probes; 0 sends none. Needs module tm.'),
  ds_ping_latency_stats: intParam(0, '1: the time that probes take is measured, for algorithm 13 and dispatcher.list.'),
  ds_latency_estimator_alpha: intParam(900, 'Weight of older values in the estimate, thousandths.', (v) =>
    v > 0 && v < 1000 ? undefined : 'a number from 1 to 999',
  ),
  ds_ping_reply_codes: strParam(null, 'Further replies that count as good: code=404;class=3.'),
  ds_probing_mode: intParam(
    0,
    'Who is probed: 0 those with flag 8, 1 all, 2 inactive ones with flag 8, 3 as 0 always.',
  ),
  ds_hash_size: intParam(0, 'Power of two for the table of calls; more than 0 turns algorithm 10 on.'),
  ds_hash_expire: intParam(7200, 'Seconds after which a call is forgotten.'),
  ds_hash_initexpire: intParam(7200, 'Seconds after which a call that was not answered is forgotten.'),
  ds_hash_check_interval: intParam(30, 'Seconds between looks for such calls.'),
  outbound_proxy: strParam(null, 'URI to which probes are sent.'),
  ds_default_socket: strParam(null, 'Socket to send from where a destination names none, as udp:10.0.0.1:5060.'),
  ds_default_sockname: strParam(null, 'Name of that socket.'),
  ds_timer_mode: intParam(0, 'Without effect: there is one timer, which no transaction holds up.'),
  event_callback: kemiParam('dispatcher:'),
  ds_attrs_none: intParam(0, '1: a destination without attributes has the attribute none=yes.'),
  ds_db_extra_attrs: strParam(null, 'Further columns that become attributes: name=column;name=column.'),
  ds_load_mode: intParam(0, '1: a destination that cannot be used fails the loading; 0: it is left out.'),
  reload_delta: intParam(5, 'Least seconds between two reloads.'),
  ds_dns_mode: intParam(
    1,
    'When names are looked up for ds_is_from_list(): sum of 1 at loading, 2 at each call, 4 by a timer, 8 with SRV.',
  ),
  ds_dns_interval: intParam(600, 'Seconds between the lookups of the timer.'),
  ds_dns_ttl: intParam(0, 'Seconds for which looked up addresses count; 0: as DNS says.'),
};

/** What the parameters name of the script, bound once for each version. */
interface Bound {
  readonly hash: Format | undefined;
  readonly setId: PvAccessor | undefined;
  readonly attrs: PvAccessor | undefined;
}

const BOUND = new WeakMap<object, Bound>();
const NOTHING: Bound = { hash: undefined, setId: undefined, attrs: undefined };

export function boundParams(program: Program): Bound {
  return BOUND.get(program.params('dispatcher')) ?? NOTHING;
}

/** Binds the variables that parameters name: what is wrong with them. */
export function bindParams(env: BindEnv): readonly string[] {
  const given = env.params('dispatcher') as unknown as DispatcherParams;
  const problems: string[] = [];
  const writable = (name: 'setid_pvname' | 'attrs_pvname'): PvAccessor | undefined => {
    const text = given[name];
    if (!text) return undefined;
    const found = bindVariable(text, env, { quoted: true });
    if ('ok' in found && found.ok.set !== undefined) return found.ok;
    problems.push(`[${text}]- invalid ${name}`);
    return undefined;
  };
  const format = given.hash_pvar ? bindFormat(given.hash_pvar, env) : undefined;
  if (format !== undefined && 'error' in format) problems.push(`hash_pvar: ${format.error}`);
  const hash = format !== undefined && 'ok' in format ? format.ok : undefined;
  BOUND.set(given, { hash, setId: writable('setid_pvname'), attrs: writable('attrs_pvname') });
  return problems;
}
