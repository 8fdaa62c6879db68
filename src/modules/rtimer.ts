/** Kamailio's rtimer: blocks of the script that run by the clock. */

import { defineModule, type Host, intParam, listParam, pv, type StateKey, stateKey } from '../runtime/module.js';
import { everyRound, type Rounds, runMainRoute } from './main-route.js';

interface Spec {
  readonly name: string;
  /** ms. */
  readonly interval: number;
  readonly routes: readonly string[];
}

interface Params {
  readonly default_interval: number;
  readonly timer: readonly string[];
  readonly exec: readonly string[];
}

interface Rtimer {
  readonly running: Map<string, { readonly interval: number; readonly handle: Rounds }>;
}

const RTIMER: StateKey<Rtimer> = stateKey<Rtimer>('rtimer');

const SECOND = 1000;
const MICROS_PER_MS = 1000;

function fields(text: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const part of text.split(';')) {
    const at = part.indexOf('=');
    if (at > 0) out.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  return out;
}

/** Seconds, or microseconds with a `u` at the end; NaN: not readable. */
function milliseconds(text: string | undefined, usual: number): number {
  if (text === undefined) return usual * SECOND;
  const m = /^(\d+)([uU]?)$/.exec(text);
  if (m === null) return Number.NaN;
  const n = Number(m[1]) || usual;
  return m[2] === '' ? n * SECOND : Math.max(1, n / MICROS_PER_MS);
}

function checkTimer(text: string): string | undefined {
  const f = fields(text);
  if (!f.get('name')) return 'invalid timer name';
  if (Number.isNaN(milliseconds(f.get('interval'), 1))) return `invalid interval: ${f.get('interval')}`;
  const mode = f.get('mode');
  return mode === undefined || /^\d+$/.test(mode) ? undefined : `invalid mode: ${mode}`;
}

/** Names count without case; the routes of one timer run with the last one given first (Kamailio's list). */
function specs(params: Params): { readonly specs: readonly Spec[]; readonly errors: readonly string[] } {
  const timers = new Map<string, { name: string; interval: number; routes: string[] }>();
  const errors: string[] = [];
  for (const text of params.timer) {
    const f = fields(text);
    const name = f.get('name') ?? '';
    if (timers.has(name.toLowerCase())) errors.push(`duplicate timer with same name: ${name}`);
    const interval = milliseconds(f.get('interval'), params.default_interval);
    timers.set(name.toLowerCase(), { name, interval, routes: [] });
  }
  for (const text of params.exec) {
    const f = fields(text);
    const timer = timers.get((f.get('timer') ?? '').toLowerCase());
    if (timer === undefined) errors.push(`timer not found - name: ${f.get('timer') ?? ''}`);
    else timer.routes.unshift(f.get('route') ?? '');
  }
  return { specs: [...timers.values()], errors };
}

/** Starts what is new or has another interval, stops what is gone. What a timer runs is looked up at each tick. */
function schedule(host: Host, state: Rtimer, params: Params): void {
  const wanted = specs(params).specs;
  for (const [name, { interval, handle }] of state.running) {
    if (wanted.some((s) => s.name === name && s.interval === interval)) continue;
    handle.cancel();
    state.running.delete(name);
  }
  for (const { name, interval } of wanted) {
    if (state.running.has(name)) continue;
    state.running.set(name, { interval, handle: everyRound(host, interval, `rtimer ${name}`, () => tick(host, name)) });
  }
}

function tick(host: Host, name: string): void | Promise<void> {
  const params = host.program.params('rtimer') as unknown as Params;
  return inOrder(host, specs(params).specs.find((s) => s.name === name)?.routes ?? []);
}

/** One route after the other, each when the one before has ended. */
function inOrder(host: Host, routes: readonly string[]): void | Promise<void> {
  for (const [i, route] of routes.entries()) {
    const done = runMainRoute(host, route, 'rtimer');
    if (done instanceof Promise) return done.then(() => inOrder(host, routes.slice(i + 1)));
  }
}

export const rtimer = defineModule({
  name: 'rtimer',
  doc: 'Runs blocks of the script by the clock.',
  params: {
    timer: listParam('A timer: "name=t1;interval=10;mode=1;", seconds, or microseconds with a u behind.', checkTimer),
    exec: listParam('What it runs: "timer=t1;route=TICK".', (v) =>
      fields(v).get('timer') ? undefined : 'invalid timer name',
    ),
    default_interval: intParam(120, 'Seconds of a timer without interval.'),
  },
  pvs: {
    rtimer_worker: pv('Number of the worker of a timer with several; here always 0.', () => 0, undefined, 'int'),
  },
  check: (params) => specs(params as unknown as Params).errors,
  start(): Rtimer {
    return { running: new Map() };
  },
  ready: (host) => schedule(host, host.state(RTIMER), host.program.params('rtimer') as unknown as Params),
  reload: (host, state, params) => schedule(host, state as Rtimer, params as unknown as Params),
  stop(_host, state) {
    for (const { handle } of (state as Rtimer).running.values()) handle.cancel();
  },
});
