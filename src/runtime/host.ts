/** What a running server is to the script, the variables and the modules. `server/` implements it, `testing/` too. */
import { type Encode, isWebSocket } from '../sip/connections.js';
import type { SipMessage } from '../sip/message.js';
import type { StreamOptions } from '../sip/stream-transport.js';
import type { Destination, ListenSocket, Proto, Received, SendOptions, Transport } from '../sip/transport.js';
import type { Blocklist } from './blocklist.js';
import type { Context } from './context.js';
import type { MessageEnv } from './message-env.js';
import type { ModuleDefinition, RpcDefinition } from './module.js';
import type { Program } from './program.js';
import type { Turns } from './turns.js';
import type { VarStore } from './var-store.js';

/** Log levels of Kamailio: a line shows when level <= debug. */
export const LEVEL = {
  ALERT: -5,
  BUG: -4,
  CRIT: -3,
  CRIT2: -2,
  ERR: -1,
  WARN: 0,
  NOTICE: 1,
  INFO: 2,
  DBG: 3,
} as const;

export interface Log {
  /** Current `debug`; a line is built only when its level is at most this. */
  level: number;
  /** Writes ` N(PID) LEVEL: origin: text`; `origin` is `<script>` or `<core>` or a module's name. */
  write(level: number, origin: string, text: string): void;
  /**
   * Writes ` N(PID) LEVEL: text` with no origin of its own and adds no line end: xlog() with another `prefix`.
   * `word` stands in place of the level's own.
   * Missing: such a line goes out by `write`.
   */
  raw?(level: number, text: string, word?: string): void;
  /** Text before each message (`log_prefix`), of the message that is at work. */
  prefix?: string | undefined;
  /** Levels of modules that have one of their own, by name (`core` for the core, `xlog` for the script). */
  levels?: ReadonlyMap<string, number>;
  /** Terminal sequences by level that xlog's `log_colors` gives, in place of the usual ones of `log_color`. */
  readonly colors?: Map<number, string>;
}

/** Time and timers; a virtual one in tests. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Microseconds since the epoch. */
  micros(): number;
  /** Runs `fn` once after `ms`; cheap: thousands may be pending. */
  after(ms: number, fn: () => void): TimerHandle;
  every(ms: number, fn: () => void): TimerHandle;
}

export interface TimerHandle {
  cancel(): void;
}

/** Where a host name and transport lead to (RFC 3263); a literal address never waits. */
export interface Resolver {
  /** `ttl`: seconds for which what is learnt counts, in place of what the records say; 0 or none: these. */
  resolve(
    host: string,
    port: number,
    proto: Proto | undefined,
    secure?: boolean,
    ttl?: number,
  ): Target[] | Promise<Target[]>;
  /** All addresses of a name (A and AAAA); empty when there are none. */
  addresses?(name: string): Promise<readonly string[]>;
  /** Names of an address; empty when there are none. */
  reverse?(ip: string): Promise<readonly string[]>;
  /** SRV records of exactly that name. */
  srv?(name: string): Promise<readonly SrvAnswer[]>;
  /** NAPTR records of exactly that name. */
  naptr?(name: string): Promise<readonly NaptrAnswer[]>;
  /** TXT records of exactly that name: the texts of each. */
  txt?(name: string): Promise<readonly (readonly string[])[]>;
}

export interface SrvAnswer {
  readonly name: string;
  readonly port: number;
  /** Missing: 0. */
  readonly priority?: number;
  readonly weight?: number;
}

export interface NaptrAnswer {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly regexp: string;
  readonly replacement: string;
}

export interface Target {
  readonly proto: Proto;
  readonly ip: string;
  readonly port: number;
}

/** Data between the network and the script: as it came, or as it is about to go. */
export interface NetData {
  readonly text: string;
  /** AVPs of the message that is at work. */
  readonly env: MessageEnv;
  /** Of what came. */
  readonly from?: Received;
  /** Of what goes. */
  readonly to?: Destination;
}

/** Gives the data to go on with. */
export type NetHook = (data: NetData) => string | Promise<string>;

/** The transport for Via: `;transport=ws` stands for WebSocket over TCP and over TLS, the connection tells which. */
export function carrier(host: Host, { proto, ip, port }: Target): Proto {
  return (proto === 'ws' ? host.webSocket?.(ip, port) : undefined) ?? proto;
}

/** False: it takes a WebSocket connection, and there is none to that address. */
export function isConnected(host: Host, { proto, ip, port }: Target): boolean {
  return !isWebSocket(proto) || host.webSocket === undefined || host.webSocket(ip, port) !== undefined;
}

/** Places where modules join the way of a message. Arrays are walked in order of registration. */
export interface Hooks {
  /** Before request_route (tm, sl's ACK filter …); false: the message is done. */
  readonly beforeRequest: ((ctx: Context) => boolean)[];
  /** After request_route ended, however it did. */
  readonly afterRequest: ((ctx: Context) => void)[];
  /** After request_route, the handling of a reply, a branch_route or onsend_route. */
  readonly afterScript: ((ctx: Context) => void)[];
  /** Runs the handling of what arrived: `handle` is to be called at once. */
  aroundReceived?: ((data: Buffer, from: Received, handle: () => void) => void) | undefined;
  /** What came, before it is looked at as a message, in order of registration. */
  readonly onNetIn: NetHook[];
  /** What goes, as the last thing before the transport, in the reverse order. */
  readonly onNetOut: NetHook[];
  /** Makes the Call-IDs of requests of the server's own. Set by crypto. */
  callId?: (() => string) | undefined;
  /**
   * Datagrams that are handled after the others of a burst; `take` true: it was handled, and goes no further; `dropped` is
   * told of those that there is no room for. Set by dmq.
   */
  mayWait?:
    | { is(data: Buffer | string): boolean; take(text: string, from: Received): boolean; dropped(): void }
    | undefined;
  /** Everything that is sent. */
  readonly onSent: ((text: string, to: Destination, options?: SendOptions) => void)[];
  /** A reply, before reply_route: tm sets `ctx.transaction` here. False: the message is done. */
  readonly beforeReply: ((ctx: Context) => boolean)[];
  /** A reply, after reply_route let it pass; true: taken, no stateless forwarding. */
  readonly onReply: ((ctx: Context) => boolean | Promise<boolean>)[];
  /** An ACK to a stateless reply, which goes no further. */
  readonly onFilteredAck: ((ctx: Context) => void)[];
  /** Every local reply after it was built and before it is sent (acc, dialog, sl:local-response …). */
  readonly onLocalReply: ((ctx: Context, reply: string, code: number) => void)[];
  /**
   * A reply of the script where a transaction may exist: send_reply() asks it first. Undefined: there is none, send
   * statelessly. Set by tm.
   */
  statefulReply?: ((ctx: Context, code: number, reason: string) => number | undefined) | undefined;
  /** The To tag of replies of the message's transaction; undefined when there is none. Set by tm. */
  replyTag?: ((ctx: Context) => string | undefined) | undefined;
  /** Set by module tls: makes the transport of a `listen=tls:` address. */
  secureTransport?: (socket: ListenSocket, options: StreamOptions) => Transport;
  /** Set by module tls where the script chooses: what counts for a TLS connection that a message of `ctx` opens. */
  tlsChoice?: ((ctx: Context) => NonNullable<SendOptions['tls']>) | undefined;
  /** Set by module stun: what comes over UDP and begins with a zero byte. The bytes are good during the call only. */
  onStun?: ((data: Buffer, from: Received) => void) | undefined;
  /** First line of a stream that is no SIP (HTTP): true when taken. */
  readonly onStream: ((head: Buffer, stream: import('node:net').Socket, from: Received) => boolean)[];
}

const restful = new WeakSet<object>();

/**
 * Marks a hook of `beforeRequest` that looks at the method alone, or one of `afterRequest` that does nothing where the run
 * called no function of its module: bus messages on their short way (module dmq) need no run for it.
 */
export function needsNoRun<T extends object>(hook: T): T {
  restful.add(hook);
  return hook;
}

export function isWithoutRun(hook: object): boolean {
  return restful.has(hook);
}

/** To be called when a block ended that Kamailio calls its post-script functions for. */
export function afterScript(ctx: Context): void {
  for (const hook of ctx.host.hooks.afterScript) hook(ctx);
}

/** One open stream connection. */
export interface StreamEntry {
  readonly id: number;
  readonly proto: Proto;
  readonly connected: boolean;
  /** Seconds until it is closed if nothing comes, and seconds that it may be idle. */
  readonly timeout: number;
  readonly lifetime: number;
  readonly remote: { readonly ip: string; readonly port: number };
  readonly local: { readonly ip: string; readonly port: number };
}

/** Key of a module's state: `const STATE = stateKey<TmState>('tm')`. */
export interface StateKey<T> {
  readonly module: string;
  readonly type?: T;
}
export function stateKey<T>(module: string): StateKey<T> {
  return { module };
}

/**
 * Of a host without threads and sockets (script tests): a module that would start some starts none, and hands over here
 * what would leave the server.
 */
export interface Sandbox {
  /** A message for an NSQ broker. Undefined is its OK, a text why not; `answer` gives a query the payload of its reply. */
  publish(topic: string, payload: string, answer?: (payload: string) => void): string | undefined;
  /** Databases are empty, and take what is written without keeping it. */
  readonly isolated?: boolean;
}

/** Keeps what a server takes and sends, for those who want to see or play it again. Must be quick. */
export interface Recorder {
  received(text: string, from: Received): void;
  sent(data: string, to: Destination): void;
  event(payload: string, of: { readonly topic: string; readonly channel: string; readonly attempts: number }): void;
  published(topic: string, payload: string): void;
}

export interface Host {
  /** The newest version: what begins now runs this one. */
  readonly program: Program;
  readonly log: Log;
  readonly clock: Clock;
  /** 0 <= x < 1. */
  random(): number;
  readonly pid: number;
  /** Milliseconds since the epoch when the server started: `$TS`'s elder `$Tb`. */
  readonly startTime: number;
  readonly sockets: readonly ListenSocket[];
  readonly resolver: Resolver;
  readonly hooks: Hooks;
  readonly vars: VarStore;
  /** Keeps runs that may wait apart. */
  readonly turns: Turns;
  /** Environment of the process: `$env`. Missing: empty. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Settings changed while running (`$ccp`, cfg.set RPC) by `group.name`; they win over the program's. */
  readonly settings?: Map<string, number | string>;
  /** Set where scripts are tested without threads and sockets. */
  readonly sandbox?: Sandbox | undefined;
  /** `$shv` by name. */
  readonly shared: Map<string, number | string>;

  /** Is host[:port] (port 0: none given) one of the own sockets or aliases? IPv6 with or without brackets. */
  isMyself(host: string, port: number, proto?: Proto): boolean;
  /** The listening socket of an address; undefined when there is none. */
  findSocket(proto: Proto | undefined, host: string, port: number): ListenSocket | undefined;
  /**
   * The socket to send from to `ip` over `proto`: `preferred` (a forced one), or one with its address, where it fits; over
   * UDP `bound`, where the message came in, as that is the socket of Kamailio's process; else the first that fits.
   */
  socketFor(proto: Proto, ip: string, preferred: ListenSocket | null, bound?: ListenSocket): ListenSocket | undefined;
  /**
   * Sends what the script (or tm for it) sends on behalf of `ctx`: onsend_route runs first where the script has one.
   * False: known not to be sent, or dropped by onsend_route.
   */
  sendFor(
    ctx: Context,
    data: string,
    to: Destination,
    options?: SendOptions,
    onFailure?: (error: Error) => void,
  ): boolean;
  /** Sends without onsend_route (local replies, keepalives). False: known not to be sent. */
  send(data: string, to: Destination, options?: SendOptions, onFailure?: (error: Error) => void): boolean;

  /** force_tcp_alias(): the stream connection is found under `port` of its other side too. Missing: no streams. */
  aliasConnection?(connection: number, port: number): boolean;

  /** Destinations that are avoided. Missing: none is. */
  readonly blocklist?: Blocklist;

  /** Ends a stream connection. Missing: no streams. */
  closeConnection?(connection: number): void;

  /** WebSocket begins on a connection: what is sent on it goes through `encode`. False: it is not there. Missing: no streams. */
  upgradeConnection?(connection: number, encode: Encode): boolean;

  /** The transport of the WebSocket connection to that address; undefined: there is none. Missing: no streams. */
  webSocket?(ip: string, port: number): Proto | undefined;

  /** Takes a message as if it had come by a transport (frames of WebSocket). False: it cannot be read. Never throws. */
  receive?(data: Buffer | string, from: Received): boolean;

  /** What `start` of a loaded module gave. Throws when the module is not loaded: check at load with `needs`. */
  state<T>(key: StateKey<T>): T;
  hasState(key: StateKey<unknown>): boolean;
  module(name: string): ModuleDefinition | undefined;

  /** A made-up OPTIONS request as Kamailio's faked_msg: event routes run on it. */
  fakeRequest(): SipMessage;
  /**
   * Runs event_route[name] when the script has it. Undefined: no such route. `init` may set extras on the context
   * before the run.
   */
  runEvent(
    name: string,
    msg?: SipMessage,
    init?: (ctx: Context) => void,
    env?: MessageEnv,
    program?: Program,
  ): Context | Promise<Context> | undefined;
  /** Runs a failure of a route that nobody awaits through the log; every detached promise goes here. */
  detach(work: Promise<unknown>, what: string): void;
  /** Counter of `group.name` (statistics, counters). */
  count(name: string, by?: number): void;
  readonly statistics: Map<string, number | (() => number)>;
  /** What core.ps lists beyond this process: worker threads. */
  processes?(): readonly { readonly pid: number; readonly description: string }[];
  /** Folder of FIFOs and control sockets (-Y). Missing: none are opened but those that the script names in full. */
  readonly runtimeDir?: string | undefined;
  /** Missing: nothing is recorded. */
  readonly recorder?: Recorder | undefined;
  /** RPC commands of the server itself, beside those of the core and of modules. */
  readonly rpc?: Readonly<Record<string, RpcDefinition>>;
  /** Serial number of the next message: `$mi`. Missing: 0 serves. */
  nextMessageId?(): number;
  /** The next message is number 1. */
  resetMessageIds?(): void;
  /** The stream connections that are open, for core.tcp_list. Missing: no streams. */
  streams?(): readonly StreamEntry[];
  /** What core.arg shows. */
  readonly commandLine?: readonly string[] | undefined;
  /** Counts for core.tcp_info. */
  streamConnections?(): { opened_connections: number; opened_tls_connections: number; write_queued_bytes: number };
  /**
   * Further answers to "is this me?" (corex alias_subdomains): `isMyself` asks them last. `proto` is missing where the
   * question names none.
   */
  readonly myselfCallbacks?: ((host: string, port: number, proto?: Proto) => boolean)[];
  /** Loads the script again and swaps it in (or only says what would change); what it gives goes to the caller. */
  reload?(options: { readonly dryRun: boolean }): Promise<import('./module.js').RpcValue>;
  /** Ends the server as `drop` in event_route[core:worker-one-init] does. */
  shutdown(reason: string): void;
}
