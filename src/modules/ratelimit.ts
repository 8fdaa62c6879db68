/** Kamailio's ratelimit: numbered pipes with a limit, and queues that say which methods go through which pipe. */
import type { TimerHandle } from '../runtime/host.js';
import {
  defineModule,
  fn,
  forms,
  type Host,
  int,
  intParam,
  LEVEL,
  listParam,
  type RouteContext,
  RpcAnswers,
  RpcFault,
  type StateKey,
  stateKey,
} from '../runtime/module.js';
import { anyText, intArg } from '../runtime/rpc.js';
import { methodOf } from '../sip/header.js';
import {
  type Algorithm,
  algorithmId,
  algorithmOf,
  Feedback,
  newPipe,
  type Pipe,
  push,
  turn,
} from './limits/algorithm.js';
import { pushLoad, setPid } from './limits/rpc.js';
import { bytesWaiting } from './limits/waiting.js';

interface Params {
  readonly timer_interval: number;
  readonly pipe: readonly string[];
  readonly queue: readonly string[];
}

interface Queue {
  pipe: number;
  /** `*`: every other method. */
  method: string;
}

interface RateLimit {
  /** By number. */
  readonly pipes: Map<number, Pipe>;
  queues: Queue[];
  readonly feedback: Feedback;
  /** Counters are logged at each interval. */
  debug: boolean;
  timer: TimerHandle | undefined;
}

const RATELIMIT: StateKey<RateLimit> = stateKey<RateLimit>('ratelimit');
const SECOND = 1000;
const MAX_PIPES = 32;
const MAX_QUEUES = 10;

const paramsOf = (host: Host) => host.program.params('ratelimit') as unknown as Params;

function parsePipe(
  text: string,
): { readonly no: number; readonly algorithm: Algorithm; readonly limit: number } | string {
  const m = /^(\d+):([^: ]+):(\d+)$/.exec(text);
  if (m === null) return `invalid param tuple: ${text}`;
  const no = Number(m[1]);
  if (no >= MAX_PIPES) return `pipe number ${no} not allowed (MAX_PIPES=${MAX_PIPES}, 0-based)`;
  const algorithm = algorithmOf(m[2]!);
  return algorithm === undefined ? `unknown algorithm: ${m[2]}` : { no, algorithm, limit: Number(m[3]) };
}

function parseQueue(text: string): Queue | string {
  const m = /^(\d+):([^: ]+)$/.exec(text);
  if (m === null) return `invalid param tuple: ${text}`;
  const pipe = Number(m[1]);
  return pipe >= MAX_PIPES
    ? `pipe number ${pipe} not allowed (MAX_PIPES=${MAX_PIPES}, 0-based)`
    : { pipe, method: m[2]! };
}

const problem = (value: object | string) => (typeof value === 'string' ? value : undefined);

const COUNTER_WIDTH = 5;

/** rl.set_dbg: five columns a pipe. */
function logCounters({ log }: Host, { pipes }: RateLimit): void {
  const counters = Array.from({ length: MAX_PIPES }, (_, i) => `${pipes.get(i)?.counter ?? 0}`);
  log.write(LEVEL.WARN, 'ratelimit', `${counters.map((c) => c.padStart(COUNTER_WIDTH)).join('')}\n`);
}

function configure(host: Host, state: RateLimit): void {
  const params = paramsOf(host);
  state.timer?.cancel();
  for (const text of params.pipe) {
    const pipe = parsePipe(text);
    if (typeof pipe === 'string') continue;
    const known = state.pipes.get(pipe.no);
    if (known === undefined) state.pipes.set(pipe.no, newPipe(pipe.algorithm, pipe.limit));
    else Object.assign(known, { algorithm: pipe.algorithm, limit: pipe.limit });
    if (pipe.algorithm === 'FEEDBACK') state.feedback.setpoint = pipe.limit / 100;
  }
  state.queues = params.queue.map(parseQueue).filter((q): q is Queue => typeof q !== 'string');
  const seconds = Math.max(params.timer_interval, 1);
  state.timer = host.clock.every(seconds * SECOND, () => {
    state.feedback.measure();
    if (state.debug) logCounters(host, state);
    for (const pipe of state.pipes.values()) turn(pipe, seconds, () => bytesWaiting(host));
  });
}

/** The queue of a method: its own, else the last one for all others. */
function queueFor(state: RateLimit, method: string): Queue | undefined {
  const own = state.queues.find((q) => q.method.toLowerCase() === method.toLowerCase());
  return own ?? state.queues.findLast((q) => q.method === '*');
}

function check({ host, msg }: RouteContext, params: Params, forced: number): number {
  const state = host.state(RATELIMIT);
  const number = forced >= 0 ? forced : queueFor(state, methodOf(msg))?.pipe;
  if (number === undefined) {
    host.log.write(LEVEL.INFO, 'ratelimit', 'no queue matches\n');
    return -1;
  }
  const pipe = state.pipes.get(number);
  const defined = pipe !== undefined && pipe.algorithm !== 'NOP';
  if (!defined) {
    const text =
      forced >= 0 ? `forced pipe ${forced} out of range or not defined` : `no algorithm defined for pipe ${number}`;
    host.log.write(LEVEL.ERR, 'ratelimit', `${text}\n`);
    if (forced >= 0) return -1;
  }
  return pipe === undefined ? 1 : push(pipe, params.timer_interval, state.feedback);
}

function setPipe(host: Host, no: number, name: string, limit: number): undefined {
  const algorithm = algorithmOf(name);
  if (algorithm === undefined) throw new RpcFault(400, 'Unknown algorithm');
  if (no < 0 || no >= MAX_PIPES) throw new RpcFault(400, 'Unknown pipe');
  const { pipes, feedback } = host.state(RATELIMIT);
  const known = pipes.get(no);
  if (known === undefined) pipes.set(no, newPipe(algorithm, limit));
  else Object.assign(known, { algorithm, limit });
  if (algorithm === 'FEEDBACK') feedback.setpoint = limit / 100;
  return undefined;
}

function setQueue(host: Host, no: number, method: string, pipe: number): undefined {
  if (pipe < 0 || pipe >= MAX_PIPES) throw new RpcFault(400, 'Invalid pipe number');
  const queue = host.state(RATELIMIT).queues[no];
  if (queue === undefined) throw new RpcFault(400, 'MAX_QUEUES reached');
  Object.assign(queue, { method, pipe });
  return undefined;
}

/** Those that limit something, by number. */
function pipesOf(host: Host): [number, Pipe][] {
  return [...host.state(RATELIMIT).pipes].filter(([, p]) => p.algorithm !== 'NOP').sort(([a], [b]) => a - b);
}

const pipeStats = (no: number, p: Pipe | undefined) =>
  `PIPE[${no}]: ${p?.lastCounter ?? 0}/${p?.limit ?? 0} (drop rate: ${p?.load ?? 0})`;

export const ratelimit = defineModule({
  name: 'ratelimit',
  doc: 'Limits how many messages a second are let through.',
  params: {
    timer_interval: intParam(10, 'Seconds of an interval; a pipe lets `limit` times as many messages through in it.'),
    pipe: listParam('"number:algorithm:limit": RED, TAILDROP, FEEDBACK, NETWORK or NOP.', (v) => problem(parsePipe(v))),
    queue: listParam('"pipe:method", * for all other methods.', (v) => problem(parseQueue(v))),
  },
  check: (params) =>
    (params.queue as readonly string[]).length > MAX_QUEUES ? [`MAX_QUEUES reached (${MAX_QUEUES})`] : [],
  functions: {
    rl_check: forms(
      fn({
        doc: 'Counts the message for the pipe of its method: 1 within the limit, -1 beyond.',
        args: [],
        run: (ctx, p: Params) => check(ctx, p, -1),
      }),
      fn({
        doc: 'Counts it for the pipe given.',
        args: [int('pipe')],
        routes: ['request', 'local'],
        run: (ctx, p: Params, pipe) => check(ctx, p, pipe),
      }),
    ),
    rl_check_pipe: fn({
      doc: 'Counts the message for the pipe given.',
      args: [int('pipe')],
      run: (ctx, p: Params, pipe) => check(ctx, p, pipe),
    }),
  },
  rpc: {
    'rl.stats': {
      doc: 'What went through the pipes in the last interval.',
      run: (host) =>
        new RpcAnswers(Array.from({ length: MAX_PIPES }, (_, i) => pipeStats(i, host.state(RATELIMIT).pipes.get(i)))),
    },
    'rl.get_pipes': {
      doc: 'The pipes that are defined.',
      run: (host) =>
        new RpcAnswers(
          pipesOf(host).map(
            ([no, p]) =>
              `PIPE[${no}]: ${algorithmId(p.algorithm)}:${p.algorithm} ${p.lastCounter}/${p.limit} (drop rate: ${p.load}) [${p.counter}]`,
          ),
        ),
    },
    'rl.set_pipe': {
      doc: 'Sets a pipe: number, algorithm, limit.',
      run: (host, args) => setPipe(host, intArg(args, 0), anyText(args, 1) ?? '', intArg(args, 2)),
    },
    'rl.get_queues': {
      doc: 'The queues.',
      run: (host) => new RpcAnswers(host.state(RATELIMIT).queues.map((q, i) => `QUEUE[${i}]: ${q.pipe}:${q.method}`)),
    },
    'rl.set_queue': {
      doc: 'Sets a queue: number, method, pipe.',
      run: (host, args) => setQueue(host, intArg(args, 0), anyText(args, 1) ?? '', intArg(args, 2)),
    },
    'rl.get_pid': { doc: 'Settings of FEEDBACK.', run: (host) => host.state(RATELIMIT).feedback.toString() },
    'rl.set_pid': { doc: 'Sets them: ki, kp, kd.', run: (host, args) => setPid(host.state(RATELIMIT).feedback, args) },
    'rl.set_dbg': {
      doc: 'Logs the counters of all pipes at each interval (1), or stops that (0).',
      run(host, args) {
        host.state(RATELIMIT).debug = intArg(args, 0) !== 0;
        return undefined;
      },
    },
    'rl.push_load': {
      doc: 'Sets the load that FEEDBACK sees, 0 to 1.',
      run: (host, args) => pushLoad(host.state(RATELIMIT).feedback, args),
    },
  },
  start(): RateLimit {
    return { pipes: new Map(), queues: [], feedback: new Feedback(), debug: false, timer: undefined };
  },
  ready: (host) => configure(host, host.state(RATELIMIT)),
  reload: (host, state) => configure(host, state as RateLimit),
  stop: (_host, state) => (state as RateLimit).timer?.cancel(),
});
