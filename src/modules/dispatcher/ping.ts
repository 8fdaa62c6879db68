/** Probes of destinations, and what their answers mean. */
import { LEVEL } from '../../runtime/host.js';
import { parseInt32 } from '../../runtime/values.js';
import { parseParams } from '../../sip/uri.js';
import { newRequest, type RequestReply } from '../tm/api.js';
import { type Destination, ownSocket, STATE } from './destination.js';
import { type DispatcherParams, PROBE } from './params.js';
import type { DestinationSet } from './set.js';
import type { Dispatcher } from './state.js';
import { updateState } from './status.js';

const TIMEOUT = 408;
/** tm learnt that the name leads nowhere. */
const NO_ADDRESS = 478;
const NOT_SENT = { code: 500, reason: 'Sending keepalive failed', flags: 0 };
const FIRST_CODE = 100;
const LAST_CODE = 699;

/** Sends a probe to each destination that is to have one. */
export function pingAll(state: Dispatcher): void {
  if (state.pingActive === 0) return;
  const { params: p } = state;
  for (const set of state.sets.values())
    for (const d of set.destinations) if ((d.flags & STATE.DISABLED) === 0 && isProbed(d, p)) ping(state, p, set, d);
}

function isProbed({ flags }: Destination, { ds_probing_mode: mode }: DispatcherParams): boolean {
  if (mode === PROBE.ALL) return true;
  return (flags & STATE.PROBING) !== 0 && (mode !== PROBE.INACTIVE || (flags & STATE.INACTIVE) !== 0);
}

function ping(state: Dispatcher, p: DispatcherParams, set: DestinationSet, d: Destination): void {
  const { attrs, uri } = d;
  const own = attrs.sockname || attrs.socket ? attrs : { sockname: p.ds_default_sockname, socket: p.ds_default_socket };
  d.latency.start = state.host.clock.now();
  const sent = newRequest(
    state.host,
    {
      method: p.ds_ping_method,
      uri,
      to: uri,
      from: attrs.pingFrom || p.ds_ping_from,
      nextHop: attrs.obproxy || p.outbound_proxy,
      socket: ownSocket(state.host, own.sockname, own.socket) ?? null,
    },
    (reply) => answered(state, set.id, uri, reply),
  );
  if (sent !== undefined || (d.flags & STATE.DISABLED) !== 0) return;
  state.host.log.write(LEVEL.ERR, 'dispatcher', `unable to ping [${uri}] in group [${set.id}]`);
  updateState(state, set, uri, failedState(p), NOT_SENT);
}

const failedState = (p: DispatcherParams): number =>
  p.ds_probing_mode === PROBE.NONE ? STATE.TRYING : STATE.TRYING | STATE.PROBING;

/** The probe has ended. The sets may be others by now. */
function answered(state: Dispatcher, id: number, uri: string, { code, message }: RequestReply): void {
  const { params: p } = state;
  const set = state.sets.get(id);
  if (p.ds_ping_latency_stats !== 0 && set !== undefined) measure(state, set, uri, code);
  const flags = set?.find(uri)?.flags ?? 0;
  const probing = (flags & STATE.PROBING) !== 0;
  if (p.ds_probing_mode === PROBE.ONLY_FLAGGED && !probing) return;
  if ((flags & STATE.DISABLED) !== 0) return;
  const cause =
    code === NO_ADDRESS && message === null
      ? NOT_SENT
      : { code, reason: message?.reason || null, flags: message === null ? 0 : 1 };
  const stays = p.ds_probing_mode === PROBE.ALL || p.ds_probing_mode === PROBE.ONLY_FLAGGED;
  const wanted = isGood(p, code) ? (stays ? STATE.PROBING : 0) : failedState(p);
  if (!updateState(state, set, uri, wanted, cause))
    state.host.log.write(LEVEL.ERR, 'dispatcher', `Setting the state failed (${uri}, group ${id})`);
}

/** Codes, and classes below 10, of ds_ping_reply_codes. */
export function goodReplies(text: string): readonly number[] {
  return parseParams(text).flatMap(([name, value]) => {
    const n = parseInt32(value ?? '') ?? 0;
    const isCode = name.toLowerCase() === 'code' && n >= FIRST_CODE && n <= LAST_CODE;
    return isCode || (name.toLowerCase() === 'class' && n >= 1 && n <= 6) ? [n] : [];
  });
}

function isGood(p: DispatcherParams, code: number): boolean {
  if (code >= 200 && code <= 299) return true;
  const good = p.ds_ping_reply_codes ? goodReplies(p.ds_ping_reply_codes) : [];
  return good.some((n) => n === code || n === Math.trunc(code / 100));
}

// ------------------------------------------------------------------- latency

/** What the latencies of a set say of its congestion. */
interface Congestion {
  congested: number;
  normal: number;
  /** Milliseconds over all. */
  total: number;
}

/** Weight less the milliseconds above the usual; counted in `sum`. */
function weightLeft(d: Destination, sum: Congestion): number {
  const over = Math.max(d.latency.congestion, 0);
  sum.total += over;
  const left = Math.max(d.attrs.weight - over, 0);
  if (left === 0) sum.congested++;
  else sum.normal++;
  return left;
}

function measure(state: Dispatcher, set: DestinationSet, uri: string, code: number): void {
  const sum: Congestion = { congested: 0, normal: 0, total: 0 };
  let changed = false;
  const setWeight = (d: Destination, weight: number): void => {
    changed ||= d.attrs.rweight !== weight;
    d.attrs.rweight = weight;
  };
  const wanted = uri.toLowerCase();
  for (const d of set.destinations) {
    const controlled = d.attrs.congestionControl !== 0 && d.attrs.weight > 0;
    if (d.uri.toLowerCase() !== wanted) {
      if (controlled) weightLeft(d, sum);
      continue;
    }
    if ((d.flags & STATE.PROBING) === 0) continue;
    addSample(state, d, code);
    if (controlled) setWeight(d, weightLeft(d, sum));
  }
  const all = set.destinations.every((d) => d.attrs.congestionControl !== 0);
  if (!all) return;
  // all are congested: each gets by how little it is
  if (sum.congested > 1 && sum.normal === 0)
    for (const d of set.destinations) setWeight(d, Math.trunc((sum.total << 4) / (d.latency.congestion || 1)));
  if (changed) set.weighRelative(() => state.host.random());
}

function addSample({ host, params }: Dispatcher, { latency }: Destination, code: number): void {
  if (code === TIMEOUT) latency.timeouts++;
  else latency.add(Math.trunc(host.clock.now() - latency.start), params.ds_latency_estimator_alpha / 1000);
}
