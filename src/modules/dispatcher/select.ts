/** Choosing destinations: ds_select…(), by one of the algorithms. */
import type { Context } from '../../runtime/context.js';
import { addBranch } from '../../runtime/destination-set.js';
import { LEVEL } from '../../runtime/host.js';
import { changeUri } from '../../runtime/uri-rewrite.js';
import { XavpList } from '../../runtime/xavp.js';
import { branch } from '../../sip/message.js';
import type { ListenSocket } from '../../sip/transport.js';
import { parseUri } from '../../sip/uri.js';
import { addCall } from './calls.js';
import type { Destination } from './destination.js';
import { authUserHash, HASHES } from './hash.js';
import { dispatcherParams, FLAG, SKIP_COUNT } from './params.js';
import { ALGORITHM, isDefault, isFull, keep, keepRest, type Mode, type Selection } from './records.js';
import { type DestinationSet, SLOTS } from './set.js';
import { DISPATCHER } from './state.js';

function complain(ctx: Context, text: string): void {
  ctx.host.log.write(LEVEL.ERR, 'dispatcher', text);
}

export function newSelection(ctx: Context, limit: number, mode: Mode): Selection {
  const p = dispatcherParams(ctx.program);
  // as an unsigned number, 0 for all
  const most = limit >>> 0 || Number.POSITIVE_INFINITY;
  return { ctx, p, limit: most, mode, set: 0, algorithm: 0, done: false, records: [] };
}

/** ds_select(), ds_select_dst() and ds_select_domain(): 1, or -1 where none is there. */
export function select(ctx: Context, set: number, algorithm: number, limit: number, mode: Mode): number {
  const selection = newSelection(ctx, limit, mode);
  selection.set = set;
  selection.algorithm = algorithm;
  const code = selectFrom(selection);
  store(selection, code > 0);
  return code;
}

/** Writes what was found into the XAVPs, first choice on top. */
function store({ ctx, p, records }: Selection, withCount: boolean): void {
  const { xavps } = ctx.env;
  for (const record of records.toReversed()) xavps.add(p.xavp_dst, record);
  if (!withCount || (p.xavp_ctx_mode & SKIP_COUNT) !== 0) return;
  const fields = xavps.fields(p.xavp_ctx) ?? new XavpList();
  if (xavps.fields(p.xavp_ctx) === undefined) xavps.add(p.xavp_ctx, fields);
  fields.add('cnt', records.length);
}

const RULE = /(\d*)(?:=(\d*)(?:;|$)|$)/y;
const MODES: Readonly<Record<string, Mode>> = {
  '0': 'next-hop',
  d: 'next-hop',
  '1': 'uri',
  r: 'uri',
  '2': 'xavp',
  x: 'xavp',
};

/** ds_select_routes(): `set=algorithm;set=algorithm`, all that they give. */
export function selectRoutes(ctx: Context, rules: string, modeText: string, limit: number): number {
  const mode = MODES[(modeText[0] ?? '').toLowerCase()];
  if (mode === undefined) {
    complain(ctx, `invalid routing mode parameter: ${modeText}`);
    return -1;
  }
  const selection = newSelection(ctx, limit, mode);
  let last = -1;
  let best = -1;
  for (let at = 0; at < rules.length; at = RULE.lastIndex) {
    RULE.lastIndex = at;
    const m = RULE.exec(rules);
    if (m === null) {
      complain(ctx, `invalid character in [${rules}] at [${at}]`);
      store(selection, false);
      return -1;
    }
    selection.set = Number(m[1]) | 0;
    selection.algorithm = Number(m[2]) | 0;
    selection.mode = selection.done ? 'xavp' : mode;
    last = selectFrom(selection);
    if (last > 0) best = last;
  }
  store(selection, best > 0);
  return best < 0 ? last : best;
}

// ---------------------------------------------------------------- algorithms

/** How the algorithm chooses; undefined: it cannot. */
type Choice = (s: Selection, set: DestinationSet) => number | undefined;

function nextInTurn(_s: Selection, set: DestinationSet): number {
  return set.last;
}

function byCallLoad(s: Selection, set: DestinationSet): number | undefined {
  const { ctx, p } = s;
  if (ctx.msg.method !== 'INVITE' || p.xavp_dst === '') {
    s.algorithm = ALGORITHM.CALL_ID;
    return 0;
  }
  let best: number | undefined;
  for (const [i, d] of set.destinations.entries()) {
    if (d.down || isFull(d)) continue;
    if (best === undefined || d.load < set.destinations[best]!.load) best = i;
  }
  // without a count of the call, the rest goes as if another algorithm had chosen
  if (best !== undefined && !addCall(ctx, set, set.destinations[best]!)) s.algorithm = ALGORITHM.CALL_ID;
  return best;
}

const CHOICES: Readonly<Record<number, Choice>> = {
  [ALGORITHM.ROUND_ROBIN]: nextInTurn,
  [ALGORITHM.AUTH_USER]: (s, set) => authUserHash(s.ctx) ?? nextInTurn(s, set),
  [ALGORITHM.RANDOM]: ({ ctx }) => Math.floor(ctx.host.random() * 2 ** 31),
  [ALGORITHM.WEIGHT](_s, set) {
    const index = set.weightTurns[set.weightAt];
    set.weightAt = (set.weightAt + 1) % SLOTS;
    return index;
  },
  [ALGORITHM.CALL_LOAD]: byCallLoad,
  [ALGORITHM.RELATIVE_WEIGHT](_s, set) {
    const index = set.relativeTurns[set.relativeAt];
    set.relativeAt = (set.relativeAt + 1) % SLOTS;
    return index;
  },
};

function choose(s: Selection, set: DestinationSet): number | undefined {
  const hash = HASHES[s.algorithm];
  if (hash !== undefined) return hash(s.ctx);
  const choice = CHOICES[s.algorithm];
  return choice === undefined ? 0 : choice(s, set);
}

function inTurn(s: Selection): boolean {
  return (
    s.algorithm === ALGORITHM.ROUND_ROBIN || (s.algorithm === ALGORITHM.AUTH_USER && authUserHash(s.ctx) === undefined)
  );
}

/** How many destinations take part: the default one does not. */
function sizeOf(s: Selection, set: DestinationSet): number {
  const count = set.destinations.length;
  return s.p.use_default !== 0 && count !== 1 ? count - 1 : count;
}

/** The first from there on that is up, or the default one; undefined: all are down. */
function firstUp(s: Selection, set: DestinationSet, from: number): number | undefined {
  const all = set.destinations;
  const size = sizeOf(s, set);
  for (let step = 0; step < size; step++) {
    const i = (from + step) % size;
    if (!all[i]!.down) return i;
  }
  return s.p.use_default !== 0 && !all.at(-1)!.down ? all.length - 1 : undefined;
}

/** Algorithm 13: those that are up, by priority less what their latency takes from it; from the turn on. */
function byLatency(s: Selection, set: DestinationSet): number | undefined {
  const all = set.destinations;
  const order = all.map((_, step) => (set.last + step) % all.length);
  if (s.p.use_default !== 0 && all.length > 1)
    for (let i = 1; i < order.length; i++) order[i] = (order[i - 1]! + 1) % (all.length - 1);
  const ranked = order
    .map((i) => ({ i, rank: all[i]!.down ? -1 : latencyRank(all[i]!) }))
    .sort((a, b) => b.rank - a.rank);
  const best = ranked[0];
  const chosen = best === undefined || all[best.i]!.down ? undefined : best.i;
  set.last = chosen === undefined ? 0 : (chosen + 1) % all.length;
  if ((s.p.flags & FLAG.FAILOVER) === 0) return chosen;
  for (const { i } of ranked) {
    if (s.records.length >= s.limit) break;
    if (!all[i]!.down && !isDefault(s, set, i)) keep(s, set, i);
  }
  return chosen;
}

function latencyRank(d: Destination): number {
  const { priority } = d;
  const latency = d.attrs.congestionControl !== 0 ? d.latency.congestion : Math.trunc(d.latency.estimate);
  const handicap = latency > priority && priority > 0 ? Math.trunc(latency / priority) : 0;
  const rank = priority - handicap;
  return rank < 1 && priority > 0 ? 1 : rank;
}

// ----------------------------------------------------------------- selection

/** One set: 1, 2 where not all branches of algorithm 12 could be added, -1. */
function selectFrom(s: Selection): number {
  const { ctx, p } = s;
  if (s.mode === 'next-hop' && p.force_dst === 0 && ctx.msg.dstUri) {
    complain(ctx, `destination already set [${ctx.msg.dstUri}]`);
    return -1;
  }
  const set = ctx.host.state(DISPATCHER).sets.get(s.set);
  if (set === undefined) {
    complain(ctx, `destination set [${s.set}] not found`);
    return -1;
  }
  const latency = s.algorithm === ALGORITHM.LATENCY;
  const at = latency ? byLatency(s, set) : fromChoice(s, set);
  if (at === undefined) return -1;
  if (s.mode !== 'xavp') {
    const { uri, socket } = set.destinations[at]!;
    if (!push(ctx, uri, socket, s.mode)) return -1;
    s.done = true;
  }
  if (s.algorithm === ALGORITHM.PARALLEL) return addBranches(s, set, at) ? 1 : 2;
  if ((p.flags & FLAG.FAILOVER) === 0 || p.xavp_dst === '') return 1;
  if (!latency && !keepRest(s, set, at)) return -1;
  const fallback = set.destinations.length - 1;
  if (p.use_default !== 0 && at !== fallback && s.records.length < s.limit && !keep(s, set, fallback)) return -1;
  return 1;
}

function fromChoice(s: Selection, set: DestinationSet): number | undefined {
  const turn = inTurn(s);
  const start = choose(s, set);
  const at = start === undefined ? undefined : firstUp(s, set, start % sizeOf(s, set));
  if (turn) set.last = ((at ?? set.last) + 1) % set.destinations.length;
  return at;
}

/** Sets the next hop, or host and port of the request URI. */
export function push(ctx: Context, uri: string, socket: ListenSocket | null, mode: Mode): boolean {
  const { msg } = ctx;
  if (mode === 'uri') {
    if (!changeUri(msg, { kind: 'hostall', text: uri.replace(/^sips?:/i, '') })) {
      complain(ctx, `error while setting r-uri domain with: ${uri}`);
      return false;
    }
  } else if (mode === 'next-hop') msg.dstUri = uri;
  if (socket !== null && mode !== 'xavp') msg.sendSocket = socket;
  return true;
}

/** Algorithm 12: the destinations after the first one become branches. */
function addBranches(s: Selection, set: DestinationSet, at: number): boolean {
  const { ctx, mode } = s;
  const user = mode === 'uri' ? parseUri(ctx.msg.uri)?.user : undefined;
  for (const { uri, socket } of set.destinations.slice(mode === 'xavp' ? at : at + 1)) {
    const target = mode === 'uri' ? withUser(uri, user) : ctx.msg.uri;
    const dstUri = mode === 'uri' ? null : uri;
    if (target !== undefined && !addBranch(ctx, branch(target, { dstUri, socket }))) return false;
  }
  return true;
}

function withUser(uri: string, user: string | null | undefined): string | undefined {
  if (!user) return uri;
  const m = /^(sips?:)(.+)$/.exec(uri);
  return m === null ? undefined : `${m[1]}${user}@${m[2]}`;
}
