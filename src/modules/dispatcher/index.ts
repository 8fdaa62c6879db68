/** Module dispatcher: spreading requests over sets of destinations (sip.md, section 10). */
import type { Context } from '../../runtime/context.js';
import {
  type AnyFunction,
  type ArgDefinition,
  anyValue,
  defineModule,
  FAILED,
  fn,
  forms,
  type Host,
  int,
  isInt,
  LEVEL,
  pvTable,
  type RouteName,
  raw,
  shown,
  str,
  toInt,
  toText,
  type Value,
} from '../../runtime/module.js';
import { parseInt32 } from '../../runtime/values.js';
import { hasTm } from '../tm/api.js';
import { expireCalls, unsetCall, updateCall } from './calls.js';
import { ownSocket } from './destination.js';
import { isActive, isFrom, looksUpAlways, MATCH, refresh } from './is-from.js';
import { extraColumns } from './list.js';
import { mark, useCurrent, useNext } from './next.js';
import { bindParams, type DispatcherParams, DNS, params } from './params.js';
import { pingAll } from './ping.js';
import type { Mode } from './records.js';
import { rpc } from './rpc.js';
import { select, selectRoutes } from './select.js';
import { DISPATCHER, Dispatcher } from './state.js';
import { CAUSE } from './status.js';

const REQUESTS = ['request', 'failure'] as const;
const WITH_REPLIES = ['request', 'failure', 'reply'] as const;
const SECOND = 1000;
const ANY_SET = -1;

/** A number, or a variable with one: also as text, in quotes too. */
function number(name: string): ArgDefinition<number, false> {
  const fixed = int(name);
  const value = anyValue(name);
  return {
    ...fixed,
    bind(source, env) {
      if (source.kind === 'constant' && !source.text.includes('$')) return fixed.bind(source, env);
      const bound = value.bind(source, env);
      if ('error' in bound || bound.ok.kind !== 'dynamic') return fixed.bind(source, env);
      const { get } = bound.ok;
      return { ok: { kind: 'fallible', get: (ctx) => numberOf(get(ctx)) } };
    },
  };
}

function numberOf(value: Value): number | typeof FAILED {
  if (isInt(value)) return toInt(value);
  return parseInt32(toText(value)) ?? FAILED;
}

/** With two arguments and with three: the limit. */
function selecting(doc: string, mode: Mode, routes: readonly RouteName[]): AnyFunction {
  return forms(
    fn({
      doc: `${doc} Arguments: set and algorithm.`,
      args: [number('set'), number('algorithm')],
      routes,
      run: (ctx, _p: unknown, set, algorithm) => select(ctx, set, algorithm, 0, mode),
    }),
    fn({
      doc: `${doc} At most that many destinations are kept.`,
      args: [number('set'), number('algorithm'), number('limit')],
      routes: REQUESTS,
      run: (ctx, _p: unknown, set, algorithm, limit) => select(ctx, set, algorithm, limit, mode),
    }),
  );
}

function plain(doc: string, routes: readonly RouteName[], run: (ctx: Context) => number): AnyFunction {
  return fn({ doc, args: [], routes, run });
}

const looksUp = (env: { params(module: string): Readonly<Record<string, unknown>> }): boolean =>
  looksUpAlways(Number(env.params('dispatcher').ds_dns_mode));

const functions: Readonly<Record<string, AnyFunction>> = {
  ds_select: selecting('Chooses destinations and sets nothing but the XAVPs.', 'xavp', ['any']),
  ds_select_dst: selecting(
    'Makes a destination of the set the next hop ($du). Algorithms: 0 hash of Call-ID, 1 of From URI, 2 of To URI, 3 of request URI, 4 in turn, 5 hash of the user in the credentials, 6 by chance, 7 hash of hash_pvar, 8 the first, 9 by weight, 10 by calls, 11 by relative weight, 12 all at once, 13 in turn by priority and latency.',
    'next-hop',
    REQUESTS,
  ),
  ds_select_domain: selecting('Puts a destination of the set into host and port of the request URI.', 'uri', REQUESTS),
  ds_select_routes: forms(
    fn({
      doc: 'Chooses from several sets, `set=algorithm;set=algorithm`. Mode: d next hop, r request URI, x XAVPs alone.',
      args: [str('rules'), str('mode')],
      routes: REQUESTS,
      run: (ctx, _p: unknown, rules, mode) => selectRoutes(ctx, rules, mode, 0),
    }),
    fn({
      doc: 'At most that many destinations are kept.',
      args: [str('rules'), str('mode'), int('limit')],
      routes: REQUESTS,
      run: (ctx, _p: unknown, rules, mode, limit) => selectRoutes(ctx, rules, mode, limit),
    }),
  ),
  ds_next_dst: plain('Makes the next of the chosen destinations the next hop; -1 none is left.', REQUESTS, (ctx) =>
    useNext(ctx, 'next-hop'),
  ),
  ds_next_domain: plain(
    'Puts the next of the chosen destinations into the request URI; -1 none is left.',
    REQUESTS,
    (ctx) => useNext(ctx, 'uri'),
  ),
  ds_set_dst: plain('Makes the first of the chosen destinations the next hop.', REQUESTS, (ctx) =>
    useCurrent(ctx, 'next-hop'),
  ),
  ds_set_domain: plain('Puts the first of the chosen destinations into the request URI.', REQUESTS, (ctx) =>
    useCurrent(ctx, 'uri'),
  ),
  ds_mark_dst: forms(
    plain('Marks the destination in use as inactive.', WITH_REPLIES, (ctx) => mark(ctx, '')),
    fn({
      doc: 'Marks the destination in use: a active, i inactive, d disabled, t trying, p probing with one of these.',
      args: [raw('state')],
      routes: WITH_REPLIES,
      run: (ctx, _p: unknown, state) => mark(ctx, state),
    }),
  ),
  ds_is_from_list: forms(
    fn({
      doc: 'Is the source a destination of any set? setid_pvname gets the set.',
      args: [],
      routes: ['request', 'failure', 'reply', 'branch'],
      waits: looksUp,
      run: (ctx) => isFrom(ctx, ANY_SET, MATCH.NO_PROTO),
    }),
    fn({
      doc: 'Is it one of that set? -1 stands for all sets.',
      args: [int('set')],
      waits: looksUp,
      run: (ctx, _p: unknown, set) => isFrom(ctx, set, MATCH.NO_PROTO),
    }),
    fn({
      doc: 'With a mode, sum of 1: whatever port, 2: whatever transport, 4: only one that is up.',
      args: [int('set'), int('mode')],
      waits: looksUp,
      run: (ctx, _p: unknown, set, mode) => isFrom(ctx, set, mode),
    }),
    fn({
      doc: 'Is that URI, in place of the source, one of the set?',
      args: [int('set'), int('mode'), str('uri')],
      waits: true,
      run: (ctx, _p: unknown, set, mode, uri) => isFrom(ctx, set, mode, uri),
    }),
  ),
  ds_list_exist: existing(),
  ds_list_exists: existing(),
  ds_is_active: forms(
    fn({
      doc: 'Is a destination of the set up?',
      args: [int('set')],
      run: (ctx, _p: unknown, set) => isActive(ctx, set),
    }),
    fn({
      doc: 'Is the one with that URI up?',
      args: [int('set'), str('uri')],
      run: (ctx, _p: unknown, set, uri) => isActive(ctx, set, uri),
    }),
  ),
  ds_load_update: plain('Algorithm 10: a BYE or CANCEL ends the call, a 2xx confirms it.', ['any'], updateCall),
  ds_load_unset: plain('Algorithm 10: the call is on no destination any more.', ['any'], unsetCall),
  ds_reload: fn({
    doc: 'Reads the destinations again; -1 where the last reload is too near.',
    args: [],
    waits: true,
    async run(ctx) {
      const state = ctx.host.state(DISPATCHER);
      if (state.beginReload()) return (await state.load()) === 'all' ? 1 : -1;
      ctx.host.log.write(LEVEL.ERR, 'dispatcher', 'ongoing reload');
      return -1;
    },
  }),
};

function existing(): AnyFunction {
  return fn({
    doc: 'Is there such a set?',
    args: [int('set')],
    run: (ctx, _p: unknown, set) => (ctx.host.state(DISPATCHER).sets.get(set) === undefined ? -1 : 1),
  });
}

function startTimers(host: Host, state: Dispatcher): void {
  state.stopTimers();
  const { params: p } = state;
  const every = (seconds: number, run: () => void) => state.timers.push(host.clock.every(seconds * SECOND, run));
  if (p.ds_ping_interval > 0 && hasTm(host)) every(p.ds_ping_interval, () => pingAll(state));
  if (p.ds_hash_size > 0 && p.ds_hash_check_interval > 0) every(p.ds_hash_check_interval, () => expireCalls(state));
  if ((p.ds_dns_mode & DNS.TIMER) === 0) return;
  every(p.ds_dns_interval > 0 ? p.ds_dns_interval : 600, () =>
    host.detach(refresh(host, state.sets.values(), host.clock.now()), 'dispatcher: looking names up'),
  );
}

function check(values: DispatcherParams, tm: boolean): string[] {
  const problems: string[] = [];
  if (values.ds_ping_interval > 0 && !tm) problems.push('ds_ping_interval needs module tm');
  for (const [name, column] of extraColumns(values))
    if (column === '') problems.push(`ds_db_extra_attrs: ${name} has no column`);
  return problems;
}

/** A list that must be there, and its socket. Throws an Error that refuses the start. */
async function load(host: Host, state: Dispatcher): Promise<void> {
  const { ds_default_sockname: name, ds_default_socket: address } = state.params;
  if (ownSocket(host, name, address) === undefined) throw new Error(`non-local socket <${name || address}>`);
  if ((await state.load()) === 'failed') throw new Error('no dispatching list loaded');
}

export const dispatcher = defineModule({
  name: 'dispatcher',
  doc: 'Spreads requests over sets of destinations, by hash, weight, load or turn, with failover and probes.',
  params,
  settings: [
    ['probing_threshold', 'ds_probing_threshold'],
    ['inactive_threshold', 'ds_inactive_threshold'],
    ['ping_reply_codes', 'ds_ping_reply_codes'],
  ],
  functions,
  pvs: {
    dsv: shown(
      pvTable('Why event_route[dispatcher:dst-down] or [dispatcher:dst-up] runs. flags 1: there is a reply.', {
        code: (ctx) => ctx.extra(CAUSE)?.code ?? null,
        reason: (ctx) => ctx.extra(CAUSE)?.reason ?? null,
        flags: (ctx) => ctx.extra(CAUSE)?.flags ?? null,
      }),
      'event_route[dispatcher:dst-down] { xlog("$ru is down: $dsv(code) $dsv(reason)\\n"); }',
    ),
  },
  rpc,
  events: {
    'dispatcher:dst-down': 'A destination went out of use; $ru is its URI where a probe found it out.',
    'dispatcher:dst-up': 'A destination is in use again.',
  },
  check(values, env) {
    const tm = Object.hasOwn(env.params('tm'), 'fr_timer');
    return [...check(values as unknown as DispatcherParams, tm), ...bindParams(env)];
  },
  async start(host): Promise<Dispatcher> {
    const state = new Dispatcher(host);
    await load(host, state);
    return state;
  },
  ready(host, state) {
    startTimers(host, state as Dispatcher);
  },
  async reload(host, state) {
    const own = state as Dispatcher;
    if (own.moved && (await own.load()) === 'failed')
      host.log.write(LEVEL.ERR, 'dispatcher', 'the destinations stay as they were');
    startTimers(host, own);
  },
  stop(_host, state) {
    (state as Dispatcher).stopTimers();
  },
});
