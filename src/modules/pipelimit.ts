/** Kamailio's pipelimit: as many messages an interval through a named pipe as its limit says. */
import { DbError, openDatabase } from '../runtime/database.js';
import type { TimerHandle } from '../runtime/host.js';
import {
  defineModule,
  fn,
  forms,
  type Host,
  int,
  intParam,
  LEVEL,
  parsed,
  type RouteContext,
  RpcFault,
  type RpcValue,
  type StateKey,
  stateKey,
  str,
  strParam,
} from '../runtime/module.js';
import { sendReply } from '../runtime/replies.js';
import { anyText, intArg } from '../runtime/rpc.js';
import { algorithmOf, Feedback, newPipe, type Pipe, push, turn } from './limits/algorithm.js';
import { pushLoad, setPid } from './limits/rpc.js';
import { bytesWaiting } from './limits/waiting.js';
import { checkTableVersion } from './sql/version.js';

interface Params {
  readonly timer_interval: number;
  readonly reply_code: number;
  readonly reply_reason: string;
  readonly load_fetch: number;
  readonly clean_unused: number;
  readonly db_url: string | null;
  readonly plp_table_name: string;
  readonly plp_pipeid_column: string;
  readonly plp_limit_column: string;
  readonly plp_algorithm_column: string;
}

interface NamedPipe extends Pipe {
  unused: number;
}

interface Pipes {
  readonly byName: Map<string, NamedPipe>;
  readonly feedback: Feedback;
  timer: TimerHandle | undefined;
}

const PIPES: StateKey<Pipes> = stateKey<Pipes>('pipelimit');
const SECOND = 1000;
const NO_PIPE = -2;
/** Of a pipe with algorithm NOP. */
const UNLIMITED = 2;
const TABLE_VERSION = 1;
/** The limit is for the whole interval (case limit/pipelimit_taildrop). */
const UNITS = 1;

const paramsOf = (host: Host) => host.program.params('pipelimit') as unknown as Params;

function failed({ host }: RouteContext, text: string, code: number): number {
  host.log.write(LEVEL.ERR, 'pipelimit', `${text}\n`);
  return code;
}

function check(ctx: RouteContext, id: string): number {
  const state = ctx.host.state(PIPES);
  const pipe = state.byName.get(id);
  if (pipe === undefined) return failed(ctx, `pipe not found [${id}]`, NO_PIPE);
  const code = push(pipe, UNITS, state.feedback);
  return pipe.algorithm === 'NOP' ? failed(ctx, `no algorithm defined for pipe ${id}`, UNLIMITED) : code;
}

function add(state: Pipes, id: string, algorithm: string, limit: number): boolean {
  const known = algorithmOf(algorithm.toUpperCase());
  if (known === undefined || id === '') return false;
  state.byName.set(id, { ...newPipe(known, limit), unused: 0 });
  if (known === 'FEEDBACK') state.feedback.setpoint = limit / 100;
  return true;
}

function checkOrAdd(ctx: RouteContext, id: string, algorithm: string, limit: number): number {
  if (limit < 0) return failed(ctx, `invalid limit value: ${limit}`, -1);
  const state = ctx.host.state(PIPES);
  const pipe = state.byName.get(id);
  if (pipe !== undefined) {
    if (limit > 0) pipe.limit = limit;
  } else if (!add(state, id, algorithm, limit)) return failed(ctx, `failed to add pipe [${id}]`, NO_PIPE);
  return check(ctx, id);
}

function drop(ctx: RouteContext, params: Params, low: number, high: number): number {
  if (low > 0 && high > 0) {
    const seconds = high <= low ? low : low + Math.floor(ctx.host.random() * (high - low + 1));
    ctx.msg.replyHeaders.push(`Retry-After: ${seconds}\r\n`);
  }
  return sendReply(ctx, params.reply_code, params.reply_reason);
}

function tick(host: Host, state: Pipes): void {
  const params = paramsOf(host);
  if (params.load_fetch !== 0) state.feedback.measure();
  for (const [name, pipe] of state.byName) {
    if (params.clean_unused > 0 && pipe.counter === 0 && pipe.unused >= params.clean_unused) {
      state.byName.delete(name);
      continue;
    }
    if (params.clean_unused > 0) pipe.unused = pipe.counter > 0 ? 0 : pipe.unused + 1;
    if (pipe.algorithm !== 'NOP') turn(pipe, UNITS, () => bytesWaiting(host));
  }
}

/** Reads the table of pipes. Rejects with a DbError. */
async function load(host: Host, state: Pipes): Promise<void> {
  const p = paramsOf(host);
  if (!p.db_url || p.plp_table_name === '') return;
  const db = await openDatabase(host, p.db_url);
  try {
    await checkTableVersion(db, p.plp_table_name, TABLE_VERSION);
    const columns = [p.plp_pipeid_column, p.plp_limit_column, p.plp_algorithm_column];
    const { rows } = await db.query({ table: p.plp_table_name, columns });
    if (rows.length === 0) host.log.write(LEVEL.WARN, 'pipelimit', 'no ratelimit pipes data in the db\n');
    for (const [id, limit, algorithm] of rows)
      if (!add(state, `${id ?? ''}`, `${algorithm ?? ''}`, Number(limit)))
        throw new DbError(`${p.plp_table_name}: cannot find algorithm [${algorithm}] of pipe ${id}`);
  } finally {
    await db.close();
  }
}

function startTimer(host: Host, state: Pipes): void {
  state.timer?.cancel();
  state.timer = host.clock.every(Math.max(paramsOf(host).timer_interval, 1) * SECOND, () => tick(host, state));
}

const unsigned = (name: string) =>
  parsed<number>(name, 'number', (text) =>
    /^\d+$/.test(text) ? { ok: Number(text) } : { error: `'${text}' is no number` },
  );

function pipeOf(host: Host, args: readonly RpcValue[]): NamedPipe {
  const id = anyText(args, 0);
  const pipe = id === undefined ? undefined : host.state(PIPES).byName.get(id);
  if (pipe === undefined) throw new RpcFault(400, `Unknown pipe id ${id ?? ''}`);
  return pipe;
}

/** All pipes but those with algorithm NOP. */
function limiting(host: Host): [string, NamedPipe][] {
  return [...host.state(PIPES).byName].filter(([, p]) => p.algorithm !== 'NOP');
}

const DROP_ROUTES = ['request', 'branch', 'failure', 'onsend'] as const;

export const pipelimit = defineModule({
  name: 'pipelimit',
  doc: 'Lets as many messages an interval through a named pipe as its limit says.',
  params: {
    timer_interval: intParam(10, 'Seconds of an interval.'),
    timer_mode: intParam(0, 'Without effect.'),
    reply_code: intParam(503, 'Code of the reply of pl_drop().'),
    reply_reason: strParam('Server Unavailable', 'Reason of the reply of pl_drop().'),
    hash_size: intParam(6, 'Without effect: any number of pipes may be there.', (v) =>
      v > 0 ? undefined : `invalid hash size parameter: ${v}`,
    ),
    load_fetch: intParam(1, '0: the load of the processors is not read.'),
    clean_unused: intParam(0, 'Intervals without a message after which a pipe is taken off; 0 never.'),
    db_url: strParam(null, 'Database with a table of pipes, read at the start.'),
    plp_table_name: strParam('pl_pipes', 'Table of pipes.'),
    plp_pipeid_column: strParam('pipeid', 'Column of the names of pipes.'),
    plp_limit_column: strParam('plimit', 'Column of the limits.'),
    plp_algorithm_column: strParam('algorithm', 'Column of the algorithms.'),
  },
  functions: {
    pl_check: forms(
      fn({
        doc: 'Counts the message for a pipe that is there: 1 within the limit, -1 beyond, -2 no such pipe.',
        args: [str('pipe')],
        run: (ctx, _p: Params, id) => check(ctx, id),
      }),
      fn({
        doc: 'As above; the pipe is made where it is not there, else its limit is set.',
        args: [str('pipe'), str('algorithm'), int('limit')],
        run: (ctx, _p: Params, id, algorithm, limit) => checkOrAdd(ctx, id, algorithm, limit),
      }),
    ),
    pl_active: fn({
      doc: 'Is there such a pipe?',
      args: [str('pipe')],
      run: (ctx, _p: Params, id) =>
        ctx.host.state(PIPES).byName.has(id) ? 1 : failed(ctx, `pipe does not exist [${id}]`, -1),
    }),
    pl_drop: forms(
      fn({
        doc: 'Answers with `reply_code`.',
        args: [],
        routes: DROP_ROUTES,
        run: (ctx, p: Params) => drop(ctx, p, 0, 0),
      }),
      fn({
        doc: 'Answers so with Retry-After.',
        args: [unsigned('seconds')],
        routes: DROP_ROUTES,
        run: (ctx, p: Params, s) => drop(ctx, p, s, s),
      }),
      fn({
        doc: 'Answers so with a Retry-After between the two.',
        args: [unsigned('low'), unsigned('high')],
        routes: DROP_ROUTES,
        run: (ctx, p: Params, low, high) => drop(ctx, p, low, high),
      }),
    ),
  },
  rpc: {
    'pl.stats': {
      doc: 'Load and counter of each pipe.',
      returnsArray: true,
      run: (host) => limiting(host).map(([id, p]) => `PIPE: id=${id} load=${p.load} counter=${p.lastCounter}`),
    },
    'pl.get_pipes': {
      doc: 'Algorithm, limit and counter of each pipe.',
      returnsArray: true,
      run: (host) =>
        limiting(host).map(
          ([id, p]) => `PIPE: id=${id} algorithm=${p.algorithm} limit=${p.limit} counter=${p.counter}`,
        ),
    },
    'pl.list': {
      doc: 'Everything about one pipe or all.',
      returnsArray: true,
      run(host, args) {
        const only = anyText(args, 0) || undefined;
        if (only !== undefined) pipeOf(host, args);
        return limiting(host)
          .filter(([id]) => only === undefined || id === only)
          .map(([name, p]) => ({
            name,
            algorithm: p.algorithm,
            limit: p.limit,
            counter: p.counter,
            last_counter: p.lastCounter,
            unused_intervals: p.unused,
          }));
      },
    },
    'pl.set_pipe': {
      doc: 'Sets algorithm and limit of a pipe.',
      run(host, args) {
        const algorithm = algorithmOf((anyText(args, 1) ?? '').toUpperCase());
        if (algorithm === undefined) throw new RpcFault(400, 'Unknown algorithm');
        const pipe = pipeOf(host, args);
        pipe.algorithm = algorithm;
        pipe.limit = intArg(args, 2);
        if (algorithm === 'FEEDBACK') host.state(PIPES).feedback.setpoint = pipe.limit / 100;
        return undefined;
      },
    },
    'pl.get_pid': { doc: 'Settings of FEEDBACK.', run: (host) => host.state(PIPES).feedback.toString() },
    'pl.set_pid': {
      doc: 'Sets them: ki, kp, kd.',
      run: (host, args) => setPid(host.state(PIPES).feedback, args),
    },
    'pl.push_load': {
      doc: 'Sets the load that FEEDBACK sees, 0 to 1.',
      run: (host, args) => pushLoad(host.state(PIPES).feedback, args),
    },
  },
  async start(host): Promise<Pipes> {
    const state: Pipes = { byName: new Map(), feedback: new Feedback(), timer: undefined };
    await load(host, state);
    return state;
  },
  ready: (host) => startTimer(host, host.state(PIPES)),
  reload: (host, state) => startTimer(host, state as Pipes),
  stop: (_host, state) => (state as Pipes).timer?.cancel(),
});
