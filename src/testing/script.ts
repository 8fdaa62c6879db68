/** A script under test: what goes in, what comes out, without sockets and threads, in virtual time. */
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MODULES } from '../modules/index.js';
import { explainEvent } from '../modules/nsq/event-routes.js';
import { NSQ } from '../modules/nsq/state.js';
import { renderProblem } from '../parser/render.js';
import type { RouteBlock, Statement } from '../parser/tree.js';
import { Context, ROUTE } from '../runtime/context.js';
import { evaluate } from '../runtime/evaluate.js';
import type { Log, Sandbox } from '../runtime/host.js';
import { type RpcDefinition, RpcFault, type RpcValue } from '../runtime/module.js';
import type { Program, Route, RouteTable } from '../runtime/program.js';
import { runRoute } from '../runtime/run.js';
import { VarStore } from '../runtime/var-store.js';
import { loadScript, type LoadOptions as ScriptOptions } from '../server/load.js';
import { levelWord } from '../server/log.js';
import type { ReloadReport } from '../server/reload.js';
import { Server } from '../server/server.js';
import { parseMessage } from '../sip/parse.js';
import type { ListenSocket, OnDatagram, Proto, Transport } from '../sip/transport.js';
import { VirtualClock } from './clock.js';
import { type Companion, companionStarter, type Input } from './companion.js';
import { coverage } from './coverage.js';
import { address, fromText, Message, MessageMaker, type ReplyParts, type RequestParts } from './message.js';
import { type Call, type Mock, type MockBehaviour, Mocks, plainValue, ScriptTestError } from './mocks.js';
import { type Candidate, howItEnded, type LogLine, type Publication, placeOf, Run } from './run.js';
import { fromServer, toServer } from './text.js';
import { type HttpParts, httpText, WebClients } from './web.js';

export interface LoadOptions {
  /** The script itself, in place of the file's text. */
  readonly text?: string;
  /** Preprocessor defines; `true` for those without a value. */
  readonly defines?: Readonly<Record<string, string | true>>;
  /** Further ways of the command line and of reloads to change a script. */
  readonly script?: Pick<ScriptOptions, 'preload' | 'substs' | 'sources'>;
  /** What `$env` and `#!defenv` see. */
  readonly env?: Readonly<Record<string, string>>;
  /** Addresses of host names. Others do not resolve. */
  readonly dns?: Readonly<Record<string, string | readonly string[]>>;
  /** Functions of modules that the test answers: name to return code, or to a function of the arguments. */
  readonly mocks?: Readonly<Record<string, MockBehaviour>>;
  /** Time at the start. */
  readonly now?: Date;
  /**
   * Nothing reaches beyond the server: functions that run programs or ask HTTP servers are true and do nothing, databases
   * are empty.
   */
  readonly isolated?: boolean;
  /** Called before each block and each statement that runs. */
  readonly onStatement?: (ctx: Context, at: RouteBlock | Statement) => void;
  /** Log level in place of the script's own. */
  readonly debug?: number;
}

/** Where a message comes from and by which way. */
export interface Source {
  /** `ip:port` of the sender; default 127.0.0.1:5070. */
  readonly from?: string;
  /** Listening socket that gets it, as `udp:127.0.0.1:5060`; default the first one. */
  readonly socket?: string;
  /** The client uses WebSocket on that listener, without a handshake; missing: the transport of the listener. */
  readonly proto?: 'ws' | 'wss';
}

export interface NsqSource {
  readonly topic?: string;
  readonly channel?: string;
  readonly attempts?: number;
  readonly nsqd?: string;
}

export interface KdmqSource extends Source {
  /** Name of the peer (channel) that gets it. */
  readonly peer: string;
  readonly contentType?: string;
}

/** An answer to nsq_query: an object (Msg-ID is added), a text, or nothing. */
export type Responder = (request: Readonly<Record<string, unknown>>) => object | string | undefined;

/** Functions that reach beyond the server by themselves. */
const BEYOND: ReadonlySet<string> = new Set([
  'exec_avp',
  'exec_cmd',
  'exec_dset',
  'exec_msg',
  'http_async_query',
  'http_client_get',
  'http_client_query',
  'http_connect',
  'http_connect_raw',
  'http_query',
  'abort',
]);

const DEFAULT_SENDER = '127.0.0.1:5070';
/** Turns of the event loop in which nothing new is seen until a step counts as settled. */
const QUIET_TURNS = 3;
const MAX_TURNS = 1000;
/** Virtual seconds that the end of a script may take. */
const STOP_SECONDS = 60;

const BLOCKS: Readonly<Record<RouteTable, string>> = {
  request: 'route',
  reply: 'onreply_route',
  failure: 'failure_route',
  branch: 'branch_route',
  onsend: 'onsend_route',
  event: 'event_route',
};

function displayName(table: RouteTable, name: string): string {
  if (name !== '') return `${BLOCKS[table]}[${name}]`;
  return table === 'request' ? 'request_route' : table === 'reply' ? 'reply_route' : BLOCKS[table];
}

function blockName(block: RouteBlock): string {
  if (block.name !== undefined) return `${block.keyword === 'request_route' ? 'route' : block.keyword}[${block.name}]`;
  return block.block;
}

/**
 * Loads a script as a server does, with its modules, and runs its start. Rejects with all problems when the script has
 * errors. A relative path counts from the working directory; `new URL('x.cfg', import.meta.url)` from the test's file.
 */
export async function load(file: string | URL, options: LoadOptions = {}): Promise<ScriptUnderTest> {
  const path = typeof file === 'string' ? file : fileURLToPath(file);
  // Texts in place of files are found by the names that they came with.
  const s = new ScriptUnderTest(options.script?.sources === undefined ? shortPath(path) : path, options);
  await s.start();
  return s;
}

function shortPath(file: string): string {
  if (!isAbsolute(file)) return file;
  const short = relative('.', file);
  return short.startsWith('..') ? file : short;
}

export class ScriptUnderTest {
  readonly clock: VirtualClock;
  /** What the start did: event routes of modules, first messages to DMQ peers. */
  readonly started: Run = new Run();
  readonly #file: string;
  readonly #options: LoadOptions;
  readonly #vars = new VarStore();
  readonly #maker = new MessageMaker();
  readonly #mocks: Mocks;
  readonly #responders = new Map<string, Responder>();
  readonly #receivers = new Map<string, { readonly socket: ListenSocket; readonly take: OnDatagram }>();
  #nsqdDown = false;
  #companion: Companion | undefined;
  /** Datagrams of the step that runs. */
  #inputs: Input[] = [];
  readonly #web = new WebClients();
  #server: Server | undefined;
  #run: Run = this.started;
  /** Counts what was seen: a step has settled when it no longer grows. */
  #seen = 0;
  #shutdown: string | undefined;
  #closed = false;

  constructor(file: string, options: LoadOptions) {
    this.#file = file;
    this.#options = options;
    this.clock = new VirtualClock(options.now?.getTime());
    const onCall = (call: Call) => {
      this.#seen++;
      this.#run.calls.push(call);
    };
    this.#mocks = new Mocks(MODULES, onCall, options.isolated ? BEYOND : undefined);
    for (const [name, behaviour] of Object.entries(options.mocks ?? {})) this.#mocks.set(name, behaviour);
  }

  /** Called by `load`. */
  async start(): Promise<void> {
    const program = this.#load();
    if (this.#options.debug !== undefined) this.#log.level = this.#options.debug;
    else this.#log.level = program.core.debug;
    const dns = this.#options.dns ?? {};
    this.#server = await Server.start({
      program,
      vars: this.#vars,
      log: this.#log,
      pid: 1000,
      clock: this.clock,
      random: seededRandom(),
      network: {
        interfaces: () => ({ lo: ['127.0.0.1'] }),
        lookup: (name) => Promise.resolve([dns[name] ?? []].flat()),
        srv: () => Promise.resolve([]),
      },
      environment: this.#options.env ?? {},
      transport: (socket) => this.#transport(socket),
      sandbox: { ...this.#sandbox, isolated: this.#options.isolated ?? false },
      onShutdown: (reason) => {
        this.#shutdown = reason;
      },
    });
    this.#web.connect(this.#server.host);
    await this.#settle();
    this.#companion = await companionStarter()?.(this.#file, this.#options, this.started);
  }

  #load(text = this.#options.text): Program {
    const loaded = this.#loadResult(text);
    if (loaded.program !== undefined) return loaded.program;
    const problems = loaded.problems.map((p) => renderProblem(p, loaded.script.sources));
    throw new ScriptTestError(`${this.#file} has errors:\n${problems.join('\n')}`);
  }

  #loadResult(text: string | undefined) {
    const defines = Object.entries(this.#options.defines ?? {});
    const loaded = loadScript(this.#file, {
      ...this.#options.script,
      env: this.#options.env ?? {},
      vars: this.#vars,
      modules: this.#mocks.modules,
      defines: new Map(defines.map(([name, value]) => [name, value === true ? undefined : value])),
      trace: (ctx, at) => this.#traced(ctx, at),
      ...(text === undefined ? {} : { text: toServer(text) }),
    });
    coverage()?.loaded(loaded.script);
    return loaded.program === undefined ? loaded : { ...loaded, program: this.#watched(loaded.program) };
  }

  get #host() {
    if (this.#server === undefined || this.#closed) throw new ScriptTestError('the script is not loaded any more');
    return this.#server.host;
  }

  /** The script as it was compiled. */
  get program(): Program {
    return this.#host.program;
  }

  /** Listening sockets: `udp:127.0.0.1:5060`. */
  get sockets(): readonly string[] {
    return [...this.#receivers.keys()];
  }

  /** The server's `$var`. */
  get vars(): VarStore {
    return this.#vars;
  }

  /** Why the script or a module ended the server, if one did. */
  get shutdownReason(): string | undefined {
    return this.#shutdown;
  }

  // ------------------------------------------------------------------- watching

  readonly #log: Log = {
    level: 2,
    write: (level, origin, text) => {
      if (level > this.#log.level) return;
      this.#seen++;
      this.#run.log.push(logLine(level, origin, text));
    },
  };

  readonly #sandbox: Sandbox = {
    publish: (topic, payload, answer) => {
      this.#seen++;
      if (this.#nsqdDown) return 'no connection to any nsqd';
      const publication: Publication = { topic, payload: fromServer(payload), query: answer !== undefined };
      this.#run.published.push(publication);
      if (answer !== undefined) this.#answer(publication, answer);
      return undefined;
    },
  };

  #answer({ topic, payload }: Publication, answer: (text: string) => void): void {
    const responder = this.#responders.get(topic);
    if (responder === undefined) return;
    const request = JSON.parse(payload) as Record<string, unknown>;
    const reply = responder(request);
    if (reply === undefined) return;
    const text = typeof reply === 'string' ? reply : JSON.stringify({ 'Msg-ID': request['Msg-ID'], ...reply });
    queueMicrotask(() => answer(toServer(text)));
  }

  #transport(socket: ListenSocket): Transport {
    return {
      socket,
      start: (take) => {
        this.#receivers.set(socket.text, { socket, take });
        return Promise.resolve();
      },
      send: (data, to) => {
        this.#seen++;
        const raw = typeof data === 'string' ? data : data.toString('latin1');
        const where = to.ip.includes(':') ? `[${to.ip}]:${to.port}` : `${to.ip}:${to.port}`;
        this.#run.sent.push(new Message(raw, where, to.proto));
        return true;
      },
      stop: () => {
        this.#receivers.delete(socket.text);
        return Promise.resolve();
      },
    };
  }

  #traced(ctx: Context, at: RouteBlock | Statement): void {
    this.#seen++;
    this.#options.onStatement?.(ctx, at);
    coverage()?.ran(at.span, at.kind === 'block');
    if (at.kind === 'block') this.#run.path.push(blockName(at));
    else this.#run.lines.push(placeOf(at.span));
  }

  /** The same program, with top-level blocks that are noted when they run. */
  #watched(program: Program): Program {
    const table = (routes: ReadonlyMap<string, Route>) =>
      new Map(
        [...routes].map(([name, route]) => [name, { ...route, run: (ctx: Context) => this.#runTop(route, ctx) }]),
      );
    const { request, reply, failure, branch, onsend, event } = program.routes;
    const routes = {
      request: table(request),
      reply: table(reply),
      failure: table(failure),
      branch: table(branch),
      onsend: table(onsend),
      event: table(event),
    };
    return { ...program, routes };
  }

  #runTop(route: Route, ctx: Context): number | Promise<number> {
    const run = this.#run;
    const top: Run['tops'][number] = { route: displayName(route.table, route.name), code: undefined, ended: undefined };
    run.tops.push(top);
    run.context = ctx;
    const end = (code: number) => {
      this.#seen++;
      top.code = code;
      top.ended = howItEnded(ctx);
      return code;
    };
    const code = route.run(ctx);
    return typeof code === 'number' ? end(code) : code.then(end);
  }

  /** Waits until what has begun goes no further without more time or another message. */
  async #settle(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; turn < MAX_TURNS && quiet < QUIET_TURNS; turn++) {
      const before = this.#seen;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.#seen === before ? quiet + 1 : 0;
    }
  }

  async #step(begin: (run: Run) => void | Promise<void>): Promise<Run> {
    const run = new Run();
    this.#run = run;
    this.#inputs = [];
    await begin(run);
    await this.#settle();
    if (this.#inputs.length > 0) await this.#companion?.played(this.#inputs, run);
    return run;
  }

  // ---------------------------------------------------------------------- steps

  /** A request arrives: its whole text, or its parts. */
  request(message: string | RequestParts, source: Source = {}): Promise<Run> {
    const from = address(source.from ?? DEFAULT_SENDER);
    const text =
      typeof message === 'string'
        ? fromText(message)
        : this.#maker.request(message, from, source.proto ?? this.#receiverOf(source).socket.proto);
    return this.#step(() => this.#receive(text, source));
  }

  /** A reply arrives to a request that the server sent, from where that went. `reply` may be a whole text instead. */
  reply(to: Message, status: number, parts?: ReplyParts): Promise<Run>;
  reply(text: string, source?: Source): Promise<Run>;
  reply(what: Message | string, second: number | Source = {}, parts: ReplyParts = {}): Promise<Run> {
    if (typeof what === 'string') return this.#step(() => this.#receive(fromText(what), second as Source));
    const text = this.#maker.reply(what, second as number, parts);
    const source: Source =
      what.proto === 'ws' || what.proto === 'wss' ? { from: what.to, proto: what.proto } : { from: what.to };
    return this.#step(() => this.#receive(text, source));
  }

  /** Any datagram arrives. */
  receive(bytes: string | Buffer, source: Source = {}): Promise<Run> {
    return this.#step(() => this.#receive(typeof bytes === 'string' ? toServer(bytes) : bytes, source));
  }

  /**
   * An HTTP request arrives on a TCP or TLS listener: event_route[xhttp:request] runs, its answer is in `sent`. A handshake
   * that is accepted makes a WebSocket of the connection: later requests from there come over it.
   */
  http(request: string | HttpParts, source: Source = {}): Promise<Run> {
    this.#companion?.leftOut('an HTTP request');
    const { socket } = this.#receiverOf({ ...source, proto: source.proto ?? 'ws' });
    const text = typeof request === 'string' ? fromText(request) : toServer(httpText(request, socket));
    const { stream, from } = this.#web.http(socket, address(source.from ?? DEFAULT_SENDER));
    return this.#step(() => {
      const head = Buffer.from(text, 'latin1');
      if (this.#host.hooks.onStream.some((hook) => hook(head, stream, from))) return;
      throw new ScriptTestError('nobody takes HTTP requests: the script has to load xhttp');
    });
  }

  /** An event arrives from NSQ; an object is sent as JSON. */
  nsq(payload: string | object, source: NsqSource = {}): Promise<Run> {
    this.#companion?.leftOut('an event of NSQ');
    const state = this.#host.state(NSQ);
    const { key, subkey, subscriptions } = state.settings;
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const first = subscriptions[0];
    const from = {
      topic: source.topic ?? first?.topic ?? 'topic',
      channel: source.channel ?? first?.channel ?? 'channel',
      attempts: source.attempts ?? 1,
      nsqd: source.nsqd ?? '127.0.0.1:4150',
    };
    return this.#step((run) => {
      const routes = this.#host.program.routes.event;
      const found = explainEvent(toServer(text), { key, subkey }, (name) => routes.has(name));
      run.eventRoute = found.runs;
      run.candidates = found.candidates.map((c) => candidate(c, found.runs, routes.get(c.name)));
      const isJson = state.deliver(toServer(text), from, (verdict) => {
        this.#seen++;
        run.verdict = verdict === 1 ? 'requeued' : 'finished';
      });
      if (!isJson) run.verdict = 'finished';
    });
  }

  /** nsqd cannot be reached from now on, or can again. */
  nsqd(state: 'down' | 'up'): void {
    this.#nsqdDown = state === 'down';
  }

  /** Answers the nsq_query() calls on `topic` from now on; without an answer they end by their timeout. */
  answer(topic: string, responder: Responder): void {
    this.#responders.set(topic, responder);
  }

  /** A message of the DMQ bus arrives. */
  kdmq(body: string, source: KdmqSource): Promise<Run> {
    const { socket } = this.#receiverOf(source);
    const uri = `sip:${source.peer}@${socket.ip}:${socket.port}`;
    const from = `sip:${source.peer}@${source.from ?? DEFAULT_SENDER}`;
    const contentType = source.contentType ?? 'text/plain';
    return this.request({ method: 'KDMQ', uri, from, body, contentType, maxForwards: 1, contact: null }, source);
  }

  /** Runs `route[name]` on a request, as request_route would call it. */
  route(name: string, message: string | RequestParts = {}, source: Source = {}): Promise<Run> {
    const route = this.#host.program.routes.request.get(name);
    if (route === undefined) throw new ScriptTestError(`the script has no route[${name}]`);
    const from = address(source.from ?? DEFAULT_SENDER);
    const { socket } = this.#receiverOf(source);
    const text = typeof message === 'string' ? fromText(message) : this.#maker.request(message, from, socket.proto);
    this.#companion?.leftOut(`route[${name}] alone`);
    return this.#step(() => {
      const host = this.#host;
      const msg = parseMessage(
        text,
        this.#web.received(socket, from, source.proto),
        host.nextMessageId(),
        this.clock.now(),
      );
      if (msg === undefined) throw new ScriptTestError('the message is no SIP');
      host.detachIfPending(runRoute(new Context(host, host.program, msg, ROUTE.REQUEST), route), `route[${name}]`);
    });
  }

  /** Runs `event_route[name]` on a made-up request, as Kamailio does. */
  event(name: string): Promise<Run> {
    if (!this.#host.program.routes.event.has(name)) throw new ScriptTestError(`the script has no event_route[${name}]`);
    this.#companion?.leftOut(`event_route[${name}] alone`);
    return this.#step(() => this.#host.detachIfPending(this.#host.runEvent(name), `event_route[${name}]`));
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<Run> {
    const run = await this.#step(() => this.clock.advanceSettling(ms, () => this.#settle()));
    await this.#companion?.advanced(ms, run);
    return run;
  }

  /** Runs an RPC command; its fault rejects. */
  async rpc(name: string, ...args: readonly RpcValue[]): Promise<Awaited<ReturnType<RpcDefinition['run']>>> {
    this.#companion?.leftOut(`the RPC command ${name}`);
    const commands: Record<string, RpcDefinition> = Object.assign({}, ...this.#host.program.modules.map((m) => m.rpc));
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new RpcFault(500, `command ${name} not found`);
    return command.run(this.#host, args);
  }

  /** Takes a new version of the script, as a running server does. */
  async reload(text: string): Promise<ReloadReport> {
    if (this.#server === undefined) throw new ScriptTestError('the script is not loaded');
    this.#companion?.leftOut('a reload');
    const report = await this.#server.reload(() => this.#loadResult(text));
    await this.#settle();
    return report;
  }

  // ---------------------------------------------------------------------- state

  /** From now on the test answers a function in its place. */
  mock(name: string, behaviour: MockBehaviour = 1): Mock {
    this.#companion?.leftOut(`the mock of ${name}()`);
    return this.#mocks.set(name, behaviour);
  }

  /** Value of a variable (`$var(x)`, `$sht(a=>b)`), or of a text with variables, as the last block of `run` sees it now. */
  get(text: string, run: Run = this.#run): string | number | null {
    const host = this.#host;
    const ctx = run.context ?? new Context(host, host.program, host.fakeRequest(), ROUTE.REQUEST);
    const found = evaluate(toServer(text), ctx, host.program, this.#vars, MODULES);
    if ('error' in found) throw new ScriptTestError(found.error + (found.hint ? ` (${found.hint})` : ''));
    return plainValue(found.ok);
  }

  /** Ends the script and its modules. Rejects when a mock was never called. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#run = new Run();
    await this.#companion?.close();
    await this.#stop();
    this.#closed = true;
    const unused = this.#mocks.unused();
    if (unused.length > 0) throw new ScriptTestError(`mocks that the script never called: ${unused.join(', ')}`);
  }

  /** A module that waits for others as it ends gets the time that it needs. */
  async #stop(): Promise<void> {
    let stopped = this.#server === undefined;
    const stopping = this.#server?.stop().finally(() => {
      stopped = true;
    });
    for (let n = 0; n < STOP_SECONDS; n++) {
      await this.#settle();
      if (stopped) break;
      await this.clock.advanceSettling(1000, () => this.#settle());
    }
    await stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #receiverOf(source: Source): { readonly socket: ListenSocket; readonly take: OnDatagram } {
    const all = [...this.#receivers.values()];
    const fits = ({ socket }: { socket: ListenSocket }) => source.proto === undefined || isStream(socket.proto);
    const found = source.socket === undefined ? all.find(fits) : this.#receivers.get(source.socket);
    if (found === undefined) {
      const known = [...this.#receivers.keys()].join(', ') || 'none';
      throw new ScriptTestError(`the script does not listen on ${source.socket ?? 'any address'}; it has ${known}`);
    }
    return found;
  }

  #receive(data: string | Buffer, source: Source): void {
    const { socket, take } = this.#receiverOf(source);
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    if (source.proto !== undefined) this.#companion?.leftOut('a message over WebSocket');
    this.#inputs.push({ data: bytes, from: source.from ?? DEFAULT_SENDER, socket: socket.text });
    take(bytes, this.#web.received(socket, address(source.from ?? DEFAULT_SENDER), source.proto));
  }
}

function isStream(proto: Proto): boolean {
  return proto !== 'udp' && proto !== 'sctp';
}

function logLine(level: number, origin: string, text: string): LogLine {
  return { level, severity: levelWord(level), origin, text: fromServer(text.replace(/\n$/, '')) };
}

function candidate(
  { name, exists, from }: { name: string; exists: boolean; from: string },
  runs: string | undefined,
  route: Route | undefined,
): Candidate {
  const state = name === runs ? 'runs' : exists ? 'an earlier one runs' : 'not in the script';
  return {
    name,
    exists,
    where: route === undefined ? undefined : placeOf(route.span),
    runs: name === runs,
    why: `${state}; from ${from}`,
  };
}

/** The same numbers in every test (mulberry32). */
function seededRandom(): () => number {
  let a = 0x9e3779b9;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
