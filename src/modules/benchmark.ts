/** Kamailio's benchmark: how long parts of a script take. */
import {
  type BindResult,
  defineModule,
  fn,
  type Host,
  intParam,
  listParam,
  parsed,
  pv,
  RpcFault,
  type RpcValue,
  stateKey,
} from '../runtime/module.js';

interface BenchmarkParams {
  readonly enable: number;
  readonly granularity: number;
  readonly loglevel: number;
  readonly register: readonly string[];
}

/** What was measured in a period, in microseconds. */
interface Figures {
  sum: number;
  min: number;
  max: number;
}

interface Timer {
  readonly name: string;
  readonly id: number;
  enabled: boolean;
  start: number;
  calls: number;
  all: Figures;
  /** Since the last line of the log, and in the period before it. */
  last: Figures;
  period: Figures;
}

interface BenchmarkState {
  enable: number;
  granularity: number;
  loglevel: number;
  readonly timers: Map<string, Timer>;
  lastDiff: number;
}

const BENCHMARK = stateKey<BenchmarkState>('benchmark');

/** Kamailio's 0xffffffff: nothing was measured yet. */
const NO_MIN = 4294967295;
const none = (): Figures => ({ sum: 0, min: NO_MIN, max: 0 });

function timer(state: BenchmarkState, name: string): Timer {
  let found = state.timers.get(name);
  if (found === undefined) {
    found = {
      name,
      id: state.timers.size,
      enabled: false,
      start: 0,
      calls: 0,
      all: none(),
      last: none(),
      period: none(),
    };
    state.timers.set(name, found);
  }
  return found;
}

const isActive = (state: BenchmarkState, t: Timer) => state.enable > 0 || t.enabled;

function add(figures: Figures, diff: number): void {
  figures.sum += diff;
  figures.min = Math.min(figures.min, diff);
  figures.max = Math.max(figures.max, diff);
}

function stop(host: Host, state: BenchmarkState, t: Timer): void {
  if (!isActive(state, t)) return;
  const diff = host.clock.micros() - t.start;
  state.lastDiff = diff | 0;
  add(t.all, diff);
  add(t.last, diff);
  t.calls++;
  if (t.calls % state.granularity !== 0) return;
  if (state.loglevel <= host.log.level) host.log.write(state.loglevel, 'benchmark', summary(state, t, diff));
  t.period = t.last;
  t.last = none();
}

function summary(state: BenchmarkState, t: Timer, diff: number): string {
  const { last, all } = t;
  const recent = `${state.granularity}/${last.sum}/${last.min}/${last.max}/${(last.sum / state.granularity).toFixed(6)}`;
  const overall = `${t.calls}/${all.sum}/${all.min}/${all.max}/${(all.sum / t.calls).toFixed(6)}`;
  return `benchmark (timer ${t.name} [${t.id}]): ${diff} [ msgs/total/min/max/avg - LR: ${recent} | GB: ${overall}]`;
}

function record(state: BenchmarkState, t: Timer): RpcValue {
  return {
    name: t.name,
    state: isActive(state, t) ? 'enabled' : 'disabled',
    id: t.id,
    granularity: state.granularity,
    period_sum: String(t.period.sum),
    period_min: String(t.period.min),
    period_max: String(t.period.max),
    ...(state.granularity > 0 ? { period_media: t.period.sum / state.granularity } : {}),
    calls: String(t.calls),
    sum: String(t.all.sum),
    global_min: String(t.all.min),
    global_max: String(t.all.max),
    ...(t.calls > 0 ? { global_media: t.all.sum / t.calls } : {}),
  };
}

const MAX_NAME = 31;
const timerName = (name: string) =>
  parsed(
    name,
    'timer',
    (text): BindResult<string> =>
      text === '' || text.length > MAX_NAME ? { error: `cannot register timer [${text}]` } : { ok: text },
  );

/** A number within bounds, or a fault. */
function setting(args: readonly RpcValue[], at: number, low: number, high: number): number {
  const value = args[at];
  if (typeof value !== 'number') throw new RpcFault(500, 'Invalid Parameters');
  if (value < low || value > high) throw new RpcFault(500, 'Invalid Parameter Value');
  return value;
}

function known(state: BenchmarkState, name: RpcValue | undefined): Timer {
  const found = typeof name === 'string' ? state.timers.get(name) : undefined;
  if (found === undefined) throw new RpcFault(500, 'Register timer failure');
  return found;
}

const routes = ['request', 'failure', 'reply', 'branch', 'local'] as const;

export const benchmark = defineModule({
  name: 'benchmark',
  doc: 'Measures how long parts of a script take, in microseconds, and writes it to the log.',
  params: {
    enable: intParam(0, '1: all timers run; 0: those switched on by RPC; -1: none.'),
    granularity: intParam(1, 'A line is written every so many measurements.', (n) =>
      n < 1 ? 'granularity is at least 1' : undefined,
    ),
    loglevel: intParam(2, 'Log level of the lines.'),
    register: listParam('Makes a timer known by name.'),
  },
  functions: {
    bm_start_timer: fn({
      doc: 'Starts a timer.',
      args: [timerName('timer')],
      routes,
      run(ctx, _params: unknown, name) {
        const state = ctx.host.state(BENCHMARK);
        const t = timer(state, name);
        if (isActive(state, t)) t.start = ctx.host.clock.micros();
        return 1;
      },
    }),
    bm_log_timer: fn({
      doc: 'Ends a measurement; `$BM_time_diff` is how long it took.',
      args: [timerName('timer')],
      routes,
      run(ctx, _params: unknown, name) {
        const state = ctx.host.state(BENCHMARK);
        stop(ctx.host, state, timer(state, name));
        return 1;
      },
    }),
  },
  pvs: {
    BM_time_diff: pv(
      'Microseconds of the last measurement.',
      (ctx) => ctx.host.state(BENCHMARK).lastDiff,
      undefined,
      'int',
    ),
  },
  rpc: {
    'benchmark.enable_global': {
      doc: 'Switches all timers: 1 on, 0 each by itself, -1 off.',
      run(host, args) {
        host.state(BENCHMARK).enable = setting(args, 0, -1, 1);
        return undefined;
      },
    },
    'benchmark.enable_timer': {
      doc: 'Switches one timer: NAME 0|1.',
      run(host, args) {
        if (typeof args[0] !== 'string') throw new RpcFault(500, 'Invalid Parameters');
        const on = setting(args, 1, 0, 1) === 1;
        known(host.state(BENCHMARK), args[0]).enabled = on;
        return undefined;
      },
    },
    'benchmark.granularity': {
      doc: 'A line is written every so many measurements: NUMBER.',
      run(host, args) {
        host.state(BENCHMARK).granularity = setting(args, 0, 1, Infinity);
        return undefined;
      },
    },
    'benchmark.loglevel': {
      doc: 'Log level of the lines: -1, 0 or 1.',
      run(host, args) {
        host.state(BENCHMARK).loglevel = setting(args, 0, -1, 1);
        return undefined;
      },
    },
    'benchmark.timer_list': {
      doc: 'All timers with their figures.',
      run: (host) => [...host.state(BENCHMARK).timers.values()].map((t) => record(host.state(BENCHMARK), t)),
    },
    'benchmark.timer_name_list': {
      doc: 'One timer with its figures: NAME.',
      run(host, args) {
        if (args.length === 0) throw new RpcFault(400, 'Invalid timer name');
        const state = host.state(BENCHMARK);
        return record(state, known(state, args[0]));
      },
    },
  },
  start(_host, params): BenchmarkState {
    const { enable, granularity, loglevel, register } = params as unknown as BenchmarkParams;
    const state: BenchmarkState = { enable, granularity, loglevel, timers: new Map(), lastDiff: 0 };
    for (const name of register) timer(state, name);
    return state;
  },
});
