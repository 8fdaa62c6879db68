/** The Host of a real server: state that outlives a Program. */
import { Blocklist } from '../runtime/blocklist.js';
import { Context, ROUTE } from '../runtime/context.js';
import {
  afterScript,
  type Clock,
  type Hooks,
  type Host,
  LEVEL,
  type Log,
  type NetData,
  type NetHook,
  type Recorder,
  type Resolver,
  type Sandbox,
  type StateKey,
} from '../runtime/host.js';
import { MessageEnv } from '../runtime/message-env.js';
import type { ModuleDefinition, RpcDefinition } from '../runtime/module.js';
import type { Program } from '../runtime/program.js';
import { runRoute } from '../runtime/run.js';
import { Turns } from '../runtime/turns.js';
import type { VarStore } from '../runtime/var-store.js';
import { SipMessage as Message, parseStartLine, type SipMessage } from '../sip/message.js';
import {
  type Destination,
  type ListenSocket,
  listenSocket,
  type Proto,
  type Received,
  type SendOptions,
  type Transport,
} from '../sip/transport.js';
import { type Myself, plainHost } from './addresses.js';
import { SourceAddresses } from './source-address.js';

export interface HostParts {
  readonly program: Program;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  readonly pid: number;
  readonly resolver: Resolver;
  readonly vars: VarStore;
  /** The clock's, where it has one. */
  readonly turns?: Turns;
  /** What `$env` reads. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly runtimeDir?: string;
  readonly commandLine?: readonly string[];
  readonly sandbox?: Sandbox | undefined;
  readonly rpc?: NonNullable<Host['rpc']>;
  /** Called once when the script or a module ends the server. */
  readonly onShutdown: (reason: string) => void;
}

/** Kamailio's made-up request, word for word what event routes see (sip.md; blocks/event-route-worker-one-init). */
const FAKE =
  'OPTIONS sip:you@kamailio.org SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nFrom: <sip:you@kamailio.org>;tag=123\r\n' +
  'To: <sip:you@kamailio.org>\r\nCall-ID: 123\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n';

const NO_CONNECTIONS = { opened_connections: 0, opened_tls_connections: 0, write_queued_bytes: 0 };

export class ServerHost implements Host {
  readonly #routes = new SourceAddresses();
  readonly blocklist: Blocklist;
  readonly turns: Turns;
  program: Program;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  readonly pid: number;
  readonly startTime: number;
  readonly resolver: Resolver;
  readonly vars: VarStore;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly sandbox: Sandbox | undefined;
  readonly settings: Map<string, number | string> = new Map();
  readonly shared: Map<string, number | string> = new Map();
  readonly statistics: Map<string, number | (() => number)> = new Map();
  readonly hooks: Hooks = {
    beforeRequest: [],
    afterRequest: [],
    afterScript: [],
    onNetIn: [],
    onNetOut: [],
    onSent: [],
    beforeReply: [],
    onReply: [],
    onLocalReply: [],
    onFilteredAck: [],
    onStream: [],
  };
  readonly myselfCallbacks: ((host: string, port: number, proto?: Proto) => boolean)[] = [];
  sockets: readonly ListenSocket[] = [];
  /** Set by the server, which has the connections. */
  readonly runtimeDir: string | undefined;
  readonly commandLine: readonly string[] | undefined;
  /** Set by the server, which owns the connections. */
  streams: NonNullable<Host['streams']> = () => [];
  streamConnections: NonNullable<Host['streamConnections']> = () => NO_CONNECTIONS;
  aliasConnection: (connection: number, port: number) => boolean = () => true;
  closeConnection: (connection: number) => void = () => undefined;
  upgradeConnection: NonNullable<Host['upgradeConnection']> = () => false;
  webSocket: NonNullable<Host['webSocket']> = () => undefined;
  receive: NonNullable<Host['receive']> = () => true;
  /** Set by the server once its sockets are known. */
  myself: Myself | undefined;
  readonly transports: Map<ListenSocket, Transport> = new Map();
  /** AVPs of the message that is at work, for hooks on what it sends. */
  #env: MessageEnv | null = null;
  readonly #states = new Map<string, unknown>();
  readonly #onShutdown: (reason: string) => void;
  #messages = 0;

  /** Set by whoever wants what passes to be kept. */
  recorder?: Recorder | undefined;
  /** Set by whoever has commands of its own, before the first is called. */
  rpc: Readonly<Record<string, RpcDefinition>>;
  /** Set by whoever knows where the script comes from. */
  reload?: NonNullable<Host['reload']>;

  constructor(parts: HostParts) {
    this.program = parts.program;
    this.log = parts.log;
    this.clock = parts.clock;
    this.blocklist = new Blocklist(() => parts.clock.now());
    this.random = parts.random;
    this.pid = parts.pid;
    this.resolver = parts.resolver;
    this.vars = parts.vars;
    this.turns = parts.turns ?? new Turns();
    this.environment = parts.environment ?? {};
    this.sandbox = parts.sandbox;
    this.rpc = parts.rpc ?? {};
    this.runtimeDir = parts.runtimeDir;
    this.commandLine = parts.commandLine;
    this.startTime = parts.clock.now();
    this.#onShutdown = parts.onShutdown;
  }

  nextMessageId(): number {
    return ++this.#messages;
  }

  resetMessageIds(): void {
    this.#messages = 0;
  }

  isMyself(host: string, port: number, proto?: Proto): boolean {
    if (this.myself?.has(host, port, proto)) return true;
    return this.myselfCallbacks.some((isMe) => isMe(host, port, proto));
  }

  findSocket(proto: Proto | undefined, host: string, port: number): ListenSocket | undefined {
    const wanted = plainHost(host);
    const fits = (s: ListenSocket, at: number) =>
      (port === 0 || at === port) && (proto === undefined || carries(s.proto, proto));
    for (const s of this.sockets) if (fits(s, s.port) && plainHost(s.ip) === wanted) return s;
    for (const s of this.sockets) {
      if (s.advertised && fits(s, s.advertised.port) && plainHost(s.advertised.host) === wanted) return s;
    }
    return undefined;
  }

  socketFor(wanted: Proto, ip: string, preferred: ListenSocket | null, bound?: ListenSocket): ListenSocket | undefined {
    // WebSocket has no listeners of its own
    const proto = wanted === 'ws' ? 'tcp' : wanted === 'wss' ? 'tls' : wanted;
    const af = ip.includes(':') ? 6 : 4;
    if (preferred !== null && preferred.af === af) {
      if (preferred.proto === proto || (wanted === 'ws' && preferred.proto === 'tls')) return preferred;
      const twin = this.findSocket(proto, preferred.ip, preferred.port);
      if (twin !== undefined) return twin;
    }
    if (proto === 'udp' && this.program.core.values.get('mhomed') === 1) {
      const routed = this.#routes.socketTo(ip, this.sockets);
      if (routed !== undefined) return routed;
    }
    if (proto === 'udp' && bound?.proto === 'udp' && bound.af === af && !bound.multicast) return bound;
    for (const s of this.sockets) if (s.proto === proto && s.af === af && !s.virtual && !s.multicast) return s;
    return undefined;
  }

  /** Runs `work`; what it sends at once belongs to the message with these AVPs. */
  within<T>(env: MessageEnv, work: () => T): T {
    const before = this.#env;
    this.#env = env;
    try {
      return work();
    } finally {
      this.#env = before;
    }
  }

  send(data: string, to: Destination, options?: SendOptions, onFailure?: (error: Error) => void): boolean {
    if (this.hooks.onNetOut.length === 0 || options?.asIs) return this.#send(data, to, options, onFailure);
    const env = this.#env ?? new MessageEnv();
    const changed = throughHooks(this.hooks.onNetOut.toReversed(), { text: data, env, to });
    if (typeof changed === 'string') return this.#send(changed, to, options, onFailure);
    this.detach(
      changed.then((text) => void this.#send(text, to, options, onFailure)),
      'what goes to the network',
    );
    return true;
  }

  #send(data: string, to: Destination, options?: SendOptions, onFailure?: (error: Error) => void): boolean {
    for (const hook of this.hooks.onSent) hook(data, to, options);
    this.recorder?.sent(data, to);
    const socket = to.socket.multicast ? (this.socketFor(to.proto, to.ip, null) ?? to.socket) : to.socket;
    const transport = this.transports.get(socket);
    return transport?.send(data, to, options, onFailure) ?? false;
  }

  sendFor(
    ctx: Context,
    data: string,
    to: Destination,
    options?: SendOptions,
    onFailure?: (error: Error) => void,
  ): boolean {
    if (to.proto === 'udp') return this.#sendFor(ctx, data, to, options, onFailure);
    const choice = to.proto === 'tls' ? this.hooks.tlsChoice : undefined;
    const all: SendOptions = {
      ...options,
      ...(choice === undefined ? {} : { tls: choice(ctx) }),
      ...(ctx.msg.sendSocket === null ? {} : { fromSocket: true }),
    };
    return this.#sendFor(ctx, data, to, all, onFailure);
  }

  #sendFor(
    ctx: Context,
    data: string,
    to: Destination,
    options?: SendOptions,
    onFailure?: (error: Error) => void,
  ): boolean {
    const route = ctx.program.routes.onsend.get('');
    if (route === undefined) return this.within(ctx.env, () => this.send(data, to, options, onFailure));
    const sub = new Context(this, ctx.program, ctx.msg, ROUTE.ONSEND, ctx.env);
    sub.sending = { text: data, to };
    const code = runRoute(sub, route);
    if (code instanceof Promise) {
      this.detach(
        code.then((c) => {
          afterScript(sub);
          if (passes(sub, c)) this.within(ctx.env, () => this.send(data, to, options, onFailure));
        }),
        'onsend_route',
      );
      return true;
    }
    afterScript(sub);
    return passes(sub, code) ? this.within(ctx.env, () => this.send(data, to, options, onFailure)) : true;
  }

  state<T>(key: StateKey<T>): T {
    const state = this.#states.get(key.module);
    if (state === undefined && !this.#states.has(key.module)) throw new Error(`module ${key.module} is not loaded`);
    return state as T;
  }

  hasState(key: StateKey<unknown>): boolean {
    return this.#states.has(key.module);
  }

  setState(module: string, state: unknown): void {
    this.#states.set(module, state);
  }

  deleteState(module: string): void {
    this.#states.delete(module);
  }

  module(name: string): ModuleDefinition | undefined {
    return this.program.modules.find((m) => m.name === name);
  }

  fakeRequest(): SipMessage {
    const msg = new Message(FAKE, parseStartLine(FAKE)!, this.#fakeSource(), this.nextMessageId(), this.clock.now());
    msg.faked = true;
    return msg;
  }

  #fakeSource(): Received {
    const socket = this.sockets[0] ?? listenSocket('udp', '127.0.0.1', 5060);
    return { proto: 'udp', srcIp: '1.0.0.127', srcPort: 5060, socket, connection: 0 };
  }

  runEvent(
    name: string,
    msg?: SipMessage,
    init?: (ctx: Context) => void,
    env: MessageEnv = new MessageEnv(),
    program: Program = this.program,
  ): Context | Promise<Context> | undefined {
    const route = program.routes.event.get(name);
    if (route === undefined) return undefined;
    const ctx = new Context(this, program, msg ?? this.fakeRequest(), ROUTE.REQUEST, env);
    init?.(ctx);
    const code = runRoute(ctx, route);
    return typeof code === 'number' ? ctx : code.then(() => ctx);
  }

  detach(work: Promise<unknown>, what: string): void {
    work.catch((e: unknown) => {
      this.log.write(LEVEL.ERR, '<core>', `${what}: ${e instanceof Error ? (e.stack ?? e.message) : String(e)}`);
    });
  }

  /** As `detach`, for work that may have ended already. */
  detachIfPending(work: unknown, what: string): void {
    if (work instanceof Promise) this.detach(work, what);
  }

  count(name: string, by = 1): void {
    const old = this.statistics.get(name);
    this.statistics.set(name, (typeof old === 'number' ? old : 0) + by);
  }

  shutdown(reason: string): void {
    this.#onShutdown(reason);
  }
}

/** WebSocket has no listeners of its own, and ws may be over TLS. */
function carries(listener: Proto, wanted: Proto): boolean {
  if (wanted === 'ws') return listener === 'tcp' || listener === 'tls';
  return wanted === 'wss' ? listener === 'tls' : listener === wanted;
}

function passes(ctx: Context, code: number): boolean {
  return !(ctx.stop === 2 || code === 0);
}

/** One hook after the other; waits only where one does. */
export function throughHooks(hooks: readonly NetHook[], data: NetData, at = 0): string | Promise<string> {
  let { text } = data;
  for (let i = at; i < hooks.length; i++) {
    const next = hooks[i]!({ ...data, text });
    if (next instanceof Promise) return next.then((changed) => throughHooks(hooks, { ...data, text: changed }, i + 1));
    text = next;
  }
  return text;
}
