/** Kamailio's ndb_redis: commands to redis servers. */
import {
  defineModule,
  fn,
  forms,
  type Host,
  intParam,
  LEVEL,
  listParam,
  pvTable,
  type RouteContext,
  type StateKey,
  stateKey,
  str,
} from '../../runtime/module.js';
import { commandWords } from './command.js';
import { type Reply, redisVariable, TYPE } from './reply.js';
import { parseServer, type RedisParams, RedisServer } from './server.js';

interface Redis {
  readonly servers: Map<string, RedisServer>;
  /** By the names that commands gave them; undefined where the command failed, or after redis_free(). */
  readonly replies: Map<string, Reply | undefined>;
}

const REDIS: StateKey<Redis> = stateKey<Redis>('ndb_redis');
const NOTHING: ReadonlyMap<string, Reply | undefined> = new Map();
const FAILED = -1;
const DISABLED = -2;
const MOST_PIPED = 1000;

const paramsOf = (host: Host) => host.program.params('ndb_redis') as unknown as RedisParams;

function refuse({ host }: RouteContext, why: string): number {
  host.log.write(LEVEL.ERR, 'ndb_redis', `${why}\n`);
  return FAILED;
}

interface Command {
  readonly server: string;
  readonly text: string;
  readonly args: readonly string[];
  readonly reply: string;
}

/** Server and words of a command; a text says why there are none. */
function prepare(ctx: RouteContext, { server, text, args, reply }: Command): [RedisServer, string[]] | string {
  if (server === '' || text === '' || reply === '') return 'invalid parameters';
  const found = ctx.host.state(REDIS).servers.get(server);
  if (found === undefined) return `no redis server found: ${server}`;
  const words = commandWords(text, args);
  return typeof words === 'string' ? words : [found, words];
}

async function run(ctx: RouteContext, command: Command): Promise<number> {
  const { replies } = ctx.host.state(REDIS);
  const prepared = prepare(ctx, command);
  if (typeof prepared === 'string') return refuse(ctx, prepared);
  const [server, words] = prepared;
  if (server.piped.length > 0) {
    const hint = 'Calling redis_cmd with pipelined commands in the buffer. Automatically call redis_execute';
    ctx.host.log.write(LEVEL.NOTICE, 'ndb_redis', `${hint}\n`);
    await execute(ctx, server);
  }
  if (server.isDisabled) return FAILED;
  const [reply] = (await server.run([words])) ?? [];
  // set where the run goes on, so that no other run's reply of that name comes between
  replies.set(command.reply, reply);
  if (reply === undefined) return FAILED;
  return reply.type === TYPE.ERROR ? refuse(ctx, `Redis error:${reply.text}`) : 1;
}

function pipe(ctx: RouteContext, command: Command): number {
  const prepared = prepare(ctx, command);
  if (typeof prepared === 'string') return refuse(ctx, prepared);
  const [server, words] = prepared;
  if (server.piped.length >= MOST_PIPED) return refuse(ctx, `Too many pipelined commands, maximum is ${MOST_PIPED}`);
  server.piped.push({ words, reply: command.reply });
  return 1;
}

async function execute(ctx: RouteContext, server: RedisServer): Promise<number> {
  const { replies } = ctx.host.state(REDIS);
  const { piped } = server;
  server.piped = [];
  if (server.isDisabled) return DISABLED;
  if (piped.length === 0) {
    ctx.host.log.write(LEVEL.WARN, 'ndb_redis', 'call for redis_cmd without any pipelined commands\n');
    return FAILED;
  }
  const got = await server.run(piped.map((p) => p.words));
  for (const [i, { reply: name }] of piped.entries()) replies.set(name, got?.[i]);
  return got === undefined ? FAILED : 1;
}

type Doing = (ctx: RouteContext, command: Command) => number | Promise<number>;

/** The four forms of a command: with none to three values for its `%s`. */
function withValues(doc: string, waits: boolean, act: Doing) {
  const [server, command, reply] = [str('server'), str('command'), str('reply')] as const;
  const [a, b, c] = [str('value1'), str('value2'), str('value3')] as const;
  return forms(
    fn({
      doc,
      args: [server, command, reply],
      waits,
      run: (ctx, _p: unknown, s, text, r) => act(ctx, { server: s, text, args: [], reply: r }),
    }),
    fn({
      doc: 'With a value for `%s`.',
      args: [server, command, a, reply],
      waits,
      run: (ctx, _p: unknown, s, text, v1, r) => act(ctx, { server: s, text, args: [v1], reply: r }),
    }),
    fn({
      doc: 'With two values.',
      args: [server, command, a, b, reply],
      waits,
      run: (ctx, _p: unknown, s, text, v1, v2, r) => act(ctx, { server: s, text, args: [v1, v2], reply: r }),
    }),
    fn({
      doc: 'With three values.',
      args: [server, command, a, b, c, reply],
      waits,
      run: (ctx, _p: unknown, s, text, v1, v2, v3, r) => act(ctx, { server: s, text, args: [v1, v2, v3], reply: r }),
    }),
  );
}

async function start(host: Host, values: Readonly<Record<string, unknown>>): Promise<Redis> {
  const params = values as unknown as RedisParams;
  const state: Redis = { servers: new Map(), replies: new Map() };
  for (const text of params.server) {
    const address = parseServer(text);
    if (typeof address === 'string') continue;
    const server = new RedisServer(host, address, () => paramsOf(host));
    state.servers.set(address.name, server);
  }
  if (host.sandbox !== undefined) return state;
  if (state.servers.size === 0) throw new Error('ndb_redis: no redis servers defined');
  for (const server of state.servers.values()) await firstConnection(host, params, server);
  return state;
}

async function firstConnection(host: Host, params: RedisParams, server: RedisServer): Promise<void> {
  try {
    await server.connect();
  } catch (e) {
    const { name, host: addr, port, path } = server.address;
    const why = `error communicating with redis server [${name}] (${path || `${addr}:${port}`}): ${e instanceof Error ? e.message : String(e)}`;
    if (params.init_without_redis !== 1) throw new Error(`ndb_redis: ${why}`);
    host.log.write(LEVEL.ERR, 'ndb_redis', `${why}\n`);
    const anyway = 'failed to initialize redis connections, but initializing module anyway.';
    host.log.write(LEVEL.WARN, 'ndb_redis', `${anyway}\n`);
  }
}

const TYPES = {
  rpl_str: () => TYPE.STRING,
  rpl_arr: () => TYPE.ARRAY,
  rpl_int: () => TYPE.INTEGER,
  rpl_nil: () => TYPE.NIL,
  rpl_sts: () => TYPE.STATUS,
  rpl_err: () => TYPE.ERROR,
};

export const ndbRedis = defineModule({
  name: 'ndb_redis',
  doc: 'Commands to redis servers; a run that waits for one lets the others go on.',
  params: {
    server: listParam(
      '`name=N;addr=HOST;port=6379;db=0;pass=…`, or `unix=PATH`; may be given several times.',
      (text) => {
        const address = parseServer(text);
        return typeof address === 'string' ? address : undefined;
      },
    ),
    init_without_redis: intParam(0, '1: the server starts although a redis server is not there.'),
    connect_timeout: intParam(1000, 'Milliseconds for a connection.'),
    cmd_timeout: intParam(1000, 'Milliseconds for a reply.'),
    cluster: intParam(0, 'Only 0: clusters are not built.', (v) =>
      v === 0 ? undefined : 'clusters are not built in kamscript',
    ),
    allow_dynamic_nodes: intParam(0, 'Without effect: it is for clusters.'),
    disable_time: intParam(0, 'Seconds for which a server that failed too often is not asked.'),
    allowed_timeouts: intParam(-1, 'Failures in a row after which a server is not asked for a time; -1 never.'),
    flush_on_reconnect: intParam(0, '1: FLUSHALL when a lost connection is made anew.'),
  },
  atStart: ['server'],
  functions: {
    redis_cmd: withValues(
      'Runs a command on a server and keeps its reply by a name for `$redis(name=>…)`; words are cut at blanks. False for an error, and while the server is not asked.',
      true,
      run,
    ),
    redis_pipe_cmd: withValues('Keeps a command for redis_execute().', false, pipe),
    redis_execute: fn({
      doc: 'Runs the commands of redis_pipe_cmd(), all at once. -2 while the server is not asked.',
      args: [str('server')],
      waits: true,
      run(ctx, _p: unknown, name) {
        const server = ctx.host.state(REDIS).servers.get(name);
        return server === undefined ? refuse(ctx, `no redis server found: ${name}`) : execute(ctx, server);
      },
    }),
    redis_free: fn({
      doc: 'Forgets a reply; false where there never was one of that name.',
      args: [str('reply')],
      run({ host }, _p: unknown, name) {
        const { replies } = host.state(REDIS);
        if (!replies.has(name)) return FAILED;
        replies.set(name, undefined);
        return 1;
      },
    }),
  },
  pvs: {
    redis: redisVariable(({ host }) => (host.hasState(REDIS) ? host.state(REDIS).replies : NOTHING)),
    redisd: pvTable('Types of replies as `$redis(r=>type)` has them.', TYPES),
  },
  start,
  stop(_host, state) {
    for (const server of (state as Redis).servers.values()) server.close();
  },
});
