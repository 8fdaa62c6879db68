/** Kamailio's timer: named timers that a script turns on and off, each with a block to run. */
import {
  defineModule,
  fn,
  type Host,
  LEVEL,
  listParam,
  parsed,
  type SelectDefinition,
  type StateKey,
  stateKey,
} from '../runtime/module.js';
import { everyRound, type Rounds, runMainRoute } from './main-route.js';

interface Spec {
  readonly name: string;
  readonly route: string;
  /** ms. */
  readonly interval: number;
  readonly enabled: boolean;
}

interface Running {
  spec: Spec;
  handle: Rounds | undefined;
}

interface Timers {
  readonly byName: Map<string, Running>;
  /** Name of the timer whose block runs. */
  executed: string | undefined;
}

const TIMER: StateKey<Timers> = stateKey<Timers>('timer');

/** `name=route,ms,fast|slow,enable`: the last two may be empty or missing. */
function parseSpec(text: string): Spec | string {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(at, 0));
  if (!/^\w+$/.test(name)) return `timer name '${name}', error near '${text}'`;
  const parts = text.slice(at + 1).split(',');
  const [route = '', ms = '', speed = '', enable = ''] = parts.map((p) => p.trim());
  const bad =
    (route === '' && 'no route') ||
    (!/^\d+$/.test(ms) && `bad interval '${ms}'`) ||
    (!/^(fast|slow|)$/i.test(speed) && `neither fast nor slow: '${speed}'`) ||
    (!/^(enable|)$/i.test(enable) && `not enable: '${enable}'`);
  if (bad) return `timer name '${name}': ${bad}`;
  return { name, route, interval: Number(ms), enabled: enable !== '' };
}

function specsOf(params: Readonly<Record<string, unknown>>): Spec[] {
  const lines = params.declare_timer as readonly string[];
  return lines.map(parseSpec).filter((s): s is Spec => typeof s !== 'string');
}

function run(host: Host, state: Timers, { spec }: Running): void | Promise<void> {
  state.executed = spec.name;
  const done = runMainRoute(host, spec.route, 'timer');
  state.executed = undefined;
  return done;
}

function enable(host: Host, state: Timers, timer: Running, on: boolean): void {
  if (on && timer.handle === undefined && timer.spec.interval > 0) {
    timer.handle = everyRound(host, timer.spec.interval, `timer ${timer.spec.name}`, () => run(host, state, timer));
  } else if (!on) {
    timer.handle?.cancel();
    timer.handle = undefined;
  }
}

function schedule(host: Host, state: Timers, specs: readonly Spec[]): void {
  for (const [name, timer] of state.byName) {
    if (specs.some((s) => s.name === name)) continue;
    enable(host, state, timer, false);
    state.byName.delete(name);
  }
  for (const spec of specs) {
    const timer = state.byName.get(spec.name);
    const on = timer === undefined ? spec.enabled : timer.handle !== undefined;
    if (timer?.spec.interval === spec.interval) timer.spec = spec;
    else {
      timer?.handle?.cancel();
      const next: Running = { spec, handle: undefined };
      state.byName.set(spec.name, next);
      enable(host, state, next, on);
    }
  }
}

/** A name that modparam("timer", "declare_timer") gave. */
const timerName = parsed<string>('timer', 'timer name', (text, env) =>
  specsOf(env.params('timer')).some((s) => s.name === text) ? { ok: text } : { error: `timer '${text}' not declared` },
);

const select: SelectDefinition = {
  doc: '`@timer.timer["name"].enabled` is 1 or 0; `@timer.executed` the name of the timer that runs.',
  bind(path) {
    if (path.length === 1 && path[0] === 'executed') return { ok: (ctx) => ctx.host.state(TIMER).executed };
    const [first, name, last] = path;
    if (path.length !== 3 || first !== 'timer' || last !== 'enabled') return { error: 'no such select of timer' };
    return { ok: (ctx) => (ctx.host.state(TIMER).byName.get(String(name))?.handle === undefined ? '0' : '1') };
  },
};

export const timer = defineModule({
  name: 'timer',
  doc: 'Named timers that a script turns on and off.',
  params: {
    declare_timer: listParam('"name=route,milliseconds,fast|slow,enable".', (v) => {
      const spec = parseSpec(v);
      return typeof spec === 'string' ? spec : undefined;
    }),
  },
  check(params) {
    const names = specsOf(params).map((s) => s.name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    return twice === undefined ? [] : [`timer '${twice}' already exists`];
  },
  functions: {
    timer_enable: fn({
      doc: 'Turns a timer on ("1") or off ("0").',
      args: [timerName, parsed('enable', '0 or 1', (text) => ({ ok: (Number.parseInt(text, 10) || 0) !== 0 }))],
      run(ctx, _p: object, name, on) {
        const state = ctx.host.state(TIMER);
        const found = state.byName.get(name);
        if (found === undefined) {
          ctx.host.log.write(LEVEL.ERR, 'timer', `timer '${name}' not declared\n`);
          return -1;
        }
        enable(ctx.host, state, found, on);
        return 1;
      },
    }),
  },
  selects: { timer: select },
  start(): Timers {
    return { byName: new Map(), executed: undefined };
  },
  ready: (host) => schedule(host, host.state(TIMER), specsOf(host.program.params('timer'))),
  reload: (host, state, params) => schedule(host, state as Timers, specsOf(params)),
  stop(_host, state) {
    for (const { handle } of (state as Timers).byName.values()) handle?.cancel();
  },
});
