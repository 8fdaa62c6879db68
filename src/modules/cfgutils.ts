/** Kamailio's cfgutils: locks, global flags, chance, waiting, routes by name (variables.md, section 10). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Context } from '../runtime/context.js';
import { memory } from '../runtime/core/rpc.js';
import { coreHash } from '../runtime/corehash.js';
import {
  defineModule,
  fn,
  type Host,
  int,
  intParam,
  LEVEL,
  parsed,
  pv,
  type RpcDefinition,
  RpcFault,
  type RpcValue,
  STOP,
  type StateKey,
  stateKey,
  str,
  strParam,
} from '../runtime/module.js';

interface Params {
  readonly initial_probability: number;
  readonly initial_gflags: number;
  readonly hash_file: string | null;
  readonly lock_set_size: number;
}

/** One held lock: whose it is, and who waits for it, in order. */
interface Lock {
  owner: Context;
  readonly waiting: { readonly ctx: Context; readonly go: () => void }[];
}

interface State {
  /** Percent. */
  probability: number;
  gflags: number;
  readonly locks: Map<string, Lock>;
  readonly fileHash: string;
}

const STATE: StateKey<State> = stateKey<State>('cfgutils');
const stateOf = (host: Host): State => host.state(STATE);

// --------------------------------------------------------------------- locks

const LOCKED = 1;
const NOT_LOCKED = -1;

function withoutLocks(ctx: Context, params: Params, key: string): boolean {
  if (params.lock_set_size > 0) return false;
  ctx.host.log.write(LEVEL.ERR, 'cfgutils', `lock set not initialized (${key}) - see param lock_set_size\n`);
  return true;
}

function lock(ctx: Context, key: string): number | Promise<number> {
  const { locks } = stateOf(ctx.host);
  const held = locks.get(key);
  if (held === undefined) {
    locks.set(key, { owner: ctx, waiting: [] });
    return LOCKED;
  }
  if (held.owner === ctx) {
    ctx.host.log.write(LEVEL.ERR, 'cfgutils', `lock(${key}) would wait for itself for ever\n`);
    return NOT_LOCKED;
  }
  return new Promise((resolve) => held.waiting.push({ ctx, go: () => resolve(LOCKED) }));
}

/** Hands the lock to the first that waits. */
function unlock(ctx: Context, key: string): number {
  const { locks } = stateOf(ctx.host);
  const held = locks.get(key);
  const next = held?.waiting.shift();
  if (held === undefined || next === undefined) {
    locks.delete(key);
    return LOCKED;
  }
  held.owner = next.ctx;
  next.go();
  return LOCKED;
}

// -------------------------------------------------------------------- routes

/** `0` is the main route too. */
function routeNamed(ctx: Context, name: string) {
  return name === '' ? undefined : ctx.program.routes.request.get(name === '0' ? '' : name);
}

const NO_ROUTE = -1;
const ENDS_SCRIPT = 0;

function runRoute(ctx: Context, name: string): number | Promise<number> {
  const route = routeNamed(ctx, name);
  if (route === undefined) return NO_ROUTE;
  const depth = ctx.depth;
  ctx.depth = 0;
  ctx.rc = 0;
  const result = route.run(ctx);
  return typeof result === 'number'
    ? afterRoute(ctx, depth, result)
    : result.then((code) => afterRoute(ctx, depth, code));
}

/** An exit or drop within is a plain end of the script for the caller: the function gave 0. */
function afterRoute(ctx: Context, depth: number, code: number): number {
  ctx.depth = depth;
  if (ctx.stop === STOP.NONE) return code;
  ctx.stop = STOP.NONE;
  return ENDS_SCRIPT;
}

// ------------------------------------------------------------ flags and chance

const gflag = parsed('flag', 'number of a flag (0 to 31)', (text) => {
  if (!/^\+?\d*$/.test(text)) return { error: `bad number <${text}>` };
  const n = Number(text);
  return n > 31 ? { error: `flag <${text}> out of range [0..31]` } : { ok: 1 << n };
});

/** Digits at its beginning count; none are 0, as in Kamailio. */
const percent = parsed('percent', 'percent (0 to 100)', (text) => {
  const n = Number(/^\d*/.exec(text)![0]);
  return n > 100 ? { error: `invalid probability <${text}>` } : { ok: n };
});

const RANDOM_MAX = 0x7fffffff;

function happens({ host }: Context): boolean {
  const { probability } = stateOf(host);
  if (probability === 0) return false;
  return probability === 100 || host.random() < probability / 100;
}

// ------------------------------------------------------------------- waiting

const LONGEST_WAIT = 0x7fffffff;

function wait({ host }: Context, ms: number): number | Promise<number> {
  if (ms <= 0) return 1;
  return new Promise((resolve) => {
    host.clock.after(Math.min(ms, LONGEST_WAIT), () => resolve(1));
  });
}

const memoryReport = (doc: string) =>
  fn({
    doc,
    args: [],
    run(ctx) {
      const { total, free, used } = memory();
      ctx.host.log.write(LEVEL.DBG, 'cfgutils', `memory: total ${total} free ${free} used ${used}\n`);
      return 1;
    },
  });

// ----------------------------------------------------------------------- RPC

function numberArgument(args: readonly RpcValue[]): number {
  if (args.length === 0 || typeof args[0] !== 'number') throw new RpcFault(500, 'Invalid Parameters');
  return args[0];
}

function fileHash(name: string): string {
  return createHash('md5').update(readFileSync(name)).digest('hex');
}

function checkFileHash(host: Host): string {
  const { hash_file } = host.program.params('cfgutils') as unknown as Params;
  if (hash_file === null) throw new RpcFault(500, 'No hash file');
  try {
    return fileHash(hash_file) === stateOf(host).fileHash ? 'Identical hash' : 'Different hash';
  } catch {
    throw new RpcFault(500, 'Failed to hash the file');
  }
}

const RPC: Readonly<Record<string, RpcDefinition>> = {
  'cfgutils.is_gflag': {
    doc: 'Are all bits of the number set among the global flags?',
    run(host, args) {
      const bits = numberArgument(args);
      return (stateOf(host).gflags & bits) === bits ? 'TRUE' : 'FALSE';
    },
  },
  'cfgutils.set_gflag': {
    doc: 'Sets the bits of the number among the global flags.',
    run(host, args) {
      stateOf(host).gflags |= numberArgument(args);
      return undefined;
    },
  },
  'cfgutils.reset_gflag': {
    doc: 'Clears the bits of the number among the global flags.',
    run(host, args) {
      stateOf(host).gflags &= ~numberArgument(args);
      return undefined;
    },
  },
  'cfgutils.get_gflags': {
    doc: 'Returns the global flags.',
    run(host) {
      const flags = stateOf(host).gflags >>> 0;
      return `0x${flags.toString(16).toUpperCase()} (${flags})`;
    },
  },
  'cfgutils.rand_set_prob': {
    doc: 'Sets the probability of rand_event(), percent.',
    run(host, args) {
      const value = numberArgument(args) >>> 0;
      if (value > 100) throw new RpcFault(500, 'Invalid Percent');
      stateOf(host).probability = value;
      return undefined;
    },
  },
  'cfgutils.rand_reset_prob': {
    doc: 'Puts the probability of rand_event() back to its first value.',
    run(host) {
      stateOf(host).probability = Number(host.program.params('cfgutils').initial_probability);
      return undefined;
    },
  },
  'cfgutils.rand_get_prob': {
    doc: 'Returns the probability of rand_event().',
    run: (host) => `actual probability: ${stateOf(host).probability} percent`,
  },
  'cfgutils.get_config_hash': {
    doc: 'Returns the MD5 of hash_file at the start.',
    run: (host) => stateOf(host).fileHash,
  },
  'cfgutils.check_config_hash': { doc: 'Is hash_file as it was at the start?', run: checkFileHash },
};

// -------------------------------------------------------------------- module

export const cfgutils = defineModule({
  name: 'cfgutils',
  doc: 'Locks, global flags, chance, waiting, and routes by name.',
  params: {
    initial_probability: intParam(10, 'Probability of rand_event() at first, percent.', (v) =>
      v >= 0 && v <= 100 ? undefined : `invalid probability <${v}>`,
    ),
    initial_gflags: intParam(0, 'The global flags at first, a sum of bits.'),
    hash_file: strParam(null, 'File that cfgutils.check_config_hash compares with what it was at the start.'),
    lock_set_size: intParam(0, '0: there are no locks. Any other number allows them; each key has a lock of its own.'),
  },
  functions: {
    lock: fn({
      doc: 'Takes the lock of the key; waits while another run has it.',
      args: [str('key')],
      waits: true,
      run: (ctx, p: Params, key) => (withoutLocks(ctx, p, key) ? NOT_LOCKED : lock(ctx, key)),
    }),
    unlock: fn({
      doc: 'Gives the lock of the key back.',
      args: [str('key')],
      run: (ctx, p: Params, key) => (withoutLocks(ctx, p, key) ? NOT_LOCKED : unlock(ctx, key)),
    }),
    trylock: fn({
      doc: 'Takes the lock of the key unless somebody has it.',
      args: [str('key')],
      run(ctx, p: Params, key) {
        if (withoutLocks(ctx, p, key) || stateOf(ctx.host).locks.has(key)) return NOT_LOCKED;
        stateOf(ctx.host).locks.set(key, { owner: ctx, waiting: [] });
        return LOCKED;
      },
    }),
    check_route_exists: fn({
      doc: 'Has the script a route block of that name?',
      args: [str('route')],
      run: (ctx, _p: Params, name) => (routeNamed(ctx, name) === undefined ? -1 : 1),
    }),
    route_if_exists: fn({
      doc: 'Runs the route block of that name and gives its code; -1 when there is none.',
      args: [str('route')],
      waits: true,
      run: (ctx, _p: Params, name) => runRoute(ctx, name),
    }),
    set_gflag: fn({
      doc: 'Sets a global flag: one for all messages.',
      args: [gflag],
      run(ctx, _p: Params, bit) {
        stateOf(ctx.host).gflags |= bit;
        return 1;
      },
    }),
    reset_gflag: fn({
      doc: 'Clears a global flag.',
      args: [gflag],
      run(ctx, _p: Params, bit) {
        stateOf(ctx.host).gflags &= ~bit;
        return 1;
      },
    }),
    is_gflag: fn({
      doc: 'Is the global flag set?',
      args: [gflag],
      run: (ctx, _p: Params, bit) => ((stateOf(ctx.host).gflags & bit) === 0 ? -1 : 1),
    }),
    rand_set_prob: fn({
      doc: 'Sets the probability of rand_event().',
      args: [percent],
      run(ctx, _p: Params, value) {
        stateOf(ctx.host).probability = value;
        return 1;
      },
    }),
    rand_reset_prob: fn({
      doc: 'Puts the probability of rand_event() back to its first value.',
      args: [],
      run(ctx, p: Params) {
        stateOf(ctx.host).probability = p.initial_probability;
        return 1;
      },
    }),
    rand_get_prob: fn({
      doc: 'Gives the probability as its code: 0 ends the script.',
      args: [],
      run: (ctx) => stateOf(ctx.host).probability,
    }),
    rand_event: fn({ doc: 'True with the probability set.', args: [], run: (ctx) => (happens(ctx) ? 1 : -1) }),
    sleep: fn({
      doc: 'Waits that many seconds; other messages go on.',
      args: [int('seconds')],
      waits: true,
      run: (ctx, _p: Params, seconds) => wait(ctx, seconds * 1000),
    }),
    usleep: fn({
      doc: 'Waits that many microseconds, rounded up to a millisecond; other messages go on.',
      args: [int('microseconds')],
      waits: true,
      run: (ctx, _p: Params, micros) => wait(ctx, Math.ceil(micros / 1000)),
    }),
    abort: fn({
      doc: 'Ends the server, for tests of what follows a crash.',
      args: [],
      run(ctx) {
        ctx.host.log.write(LEVEL.CRIT, 'cfgutils', 'abort called\n');
        ctx.host.shutdown('abort() in the script');
        return 0;
      },
    }),
    core_hash: fn({
      doc: 'Hash of one or two texts, 1 to 2^bits, as the code.',
      args: [
        { ...str('first'), dynamic: false },
        { ...str('second'), dynamic: false },
        { ...int('bits'), dynamic: false },
      ],
      example: 'core_hash("alice", "", "4");\n$var(slot) = $rc;',
      run(_ctx, _p: Params, first, second, bits) {
        const size = bits <= 0 ? 2 : 1 << bits;
        return ((coreHash(first, second === '' ? undefined : second) & (size - 1)) + 1) | 0;
      },
    }),
    pkg_status: memoryReport('Logs how the memory is used, at debug level.'),
    shm_status: memoryReport('Logs how the memory is used, at debug level.'),
    pkg_summary: memoryReport('Logs how the memory is used, at debug level.'),
    shm_summary: memoryReport('Logs how the memory is used, at debug level.'),
  },
  pvs: {
    RANDOM: pv(
      'A random number from 0 to 2147483647.',
      (ctx) => Math.floor(ctx.host.random() * RANDOM_MAX),
      undefined,
      'int',
    ),
  },
  rpc: RPC,
  start(_host: Host, values): State {
    const params = values as unknown as Params;
    return {
      probability: params.initial_probability,
      gflags: params.initial_gflags,
      locks: new Map(),
      fileHash: params.hash_file === null ? '' : fileHash(params.hash_file),
    };
  },
});
