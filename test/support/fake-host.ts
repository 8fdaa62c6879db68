/** A server that is none: what variables, transformations and module functions need to run in a test. */

import { NOWHERE } from '../../src/parser/problem.js';
import { Context, ROUTE } from '../../src/runtime/context.js';
import type { Host, StateKey } from '../../src/runtime/host.js';
import { MessageEnv } from '../../src/runtime/message-env.js';
import type {
  BindEnv,
  CatalogView,
  ModuleDefinition,
  PvDefinition,
  SelectDefinition,
  TransformationDefinition,
} from '../../src/runtime/module.js';
import type { Program } from '../../src/runtime/program.js';
import { Turns } from '../../src/runtime/turns.js';
import { VarStore } from '../../src/runtime/var-store.js';
import { parseStartLine, SipMessage } from '../../src/sip/message.js';
import { type Destination, type ListenSocket, listenSocket, type Received } from '../../src/sip/transport.js';
import { VirtualClock as FakeClock } from '../../src/testing/clock.js';

/** A clock that only `advance` moves. */
export { FakeClock };

export interface FakeHostOptions {
  readonly sockets?: readonly ListenSocket[];
  /** `host` or `host:port` beside the own sockets. */
  readonly aliases?: readonly string[];
  readonly program?: Program;
  readonly debug?: number;
  /** State of modules by their name. */
  readonly states?: Readonly<Record<string, unknown>>;
}

export interface FakeHost extends Host {
  readonly clock: FakeClock;
  /** Log lines written, oldest first. */
  readonly lines: { level: number; origin: string; text: string }[];
  readonly sent: { data: string; to: Destination }[];
}

export const SOCKET: ListenSocket = listenSocket('udp', '127.0.0.1', 5060);

export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const lines: FakeHost['lines'] = [];
  const sent: FakeHost['sent'] = [];
  const clock = new FakeClock();
  const sockets = options.sockets ?? [SOCKET];
  const program = options.program ?? fakeProgram();
  const states = options.states ?? {};
  const strip = (host: string) => host.replace(/^\[|\]$/g, '').toLowerCase();
  const host: FakeHost = {
    program,
    lines,
    sent,
    clock,
    log: {
      level: options.debug ?? 2,
      write: (level, origin, text) => void lines.push({ level, origin, text }),
    },
    random: () => 0.5,
    pid: 4711,
    startTime: clock.now(),
    sockets,
    resolver: { resolve: (ip, port, proto) => [{ proto: proto ?? 'udp', ip, port: port || 5060 }] },
    hooks: {
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
    },
    vars: new VarStore(),
    turns: new Turns(),
    shared: new Map(),
    isMyself: (name, port) =>
      sockets.some((s) => s.ip === strip(name) && (port === 0 || port === s.port)) ||
      (options.aliases ?? []).some((a) => a === name || a === `${name}:${port}`),
    findSocket: (proto, name, port) =>
      sockets.find(
        (s) => (proto === undefined || s.proto === proto) && s.ip === strip(name) && (port === 0 || s.port === port),
      ),
    socketFor: (proto, _ip, preferred) => preferred ?? sockets.find((s) => s.proto === proto),
    send: (data, to) => {
      sent.push({ data, to });
      return true;
    },
    sendFor: (_ctx, data, to) => {
      sent.push({ data, to });
      return true;
    },
    state: <T>(key: StateKey<T>) => {
      if (!(key.module in states)) throw new Error(`module ${key.module} is not loaded`);
      return states[key.module] as T;
    },
    hasState: (key) => key.module in states,
    module: () => undefined,
    fakeRequest: () => message(OPTIONS),
    runEvent: () => undefined,
    detach: () => undefined,
    count: () => undefined,
    statistics: new Map(),
    shutdown: () => undefined,
  };
  return host;
}

export interface FakeProgramOptions {
  readonly params?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly coreValues?: Readonly<Record<string, number | string>>;
  readonly flags?: ReadonlyMap<string, number>;
  readonly globals?: ReadonlyMap<string, number | string>;
  readonly modules?: readonly ModuleDefinition[];
}

export function fakeProgram(options: FakeProgramOptions = {}): Program {
  const none = new Map<string, never>();
  return {
    id: 'test',
    script: { kind: 'script', items: [] } as unknown as Program['script'],
    routes: { request: none, reply: none, failure: none, branch: none, onsend: none, event: none },
    core: {
      debug: 2,
      listen: [],
      alias: [],
      maxWhileLoops: 100,
      maxRecursiveLevel: 256,
      maxBranches: 12,
      values: new Map(Object.entries(options.coreValues ?? {})),
    },
    modules: options.modules ?? [],
    variables: [],
    params: (module) => options.params?.[module] ?? {},
    flags: options.flags ?? new Map(),
    avpFlags: new Map(),
    globals: options.globals ?? new Map(),
    problems: [],
    code: '',
  };
}

export const OPTIONS = `OPTIONS sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK-opt1;rport
From: "Alice A." <sip:alice@atlanta.example>;tag=f1
To: <sip:bob@example.com>
Call-ID: opt-1@atlanta.example
CSeq: 7 OPTIONS
Max-Forwards: 70
Contact: <sip:alice@127.0.0.1:5071>
User-Agent: TestUA/1.0
Content-Length: 0

`;

const RECEIVED: Received = { proto: 'udp', srcIp: '127.0.0.1', srcPort: 5071, socket: SOCKET, connection: 0 };

/** A message out of text; a lone LF becomes CRLF. Throws when the first line is none of SIP. */
export function message(text: string, received: Partial<Received> = {}, time?: number): SipMessage {
  return rawMessage(text.replace(/\r?\n/g, '\r\n'), received, time);
}

/** As `message`, the bytes as they are. */
export function rawMessage(text: string, received: Partial<Received> = {}, time = new FakeClock().now()): SipMessage {
  const line = parseStartLine(text);
  if (line === undefined) throw new Error(`no SIP: ${text.slice(0, 60)}`);
  return new SipMessage(text, line, { ...RECEIVED, ...received }, 1, time);
}

export function fakeContext(
  msg: SipMessage | string = OPTIONS,
  options: { host?: Host; routeType?: number } = {},
): Context {
  const host = options.host ?? fakeHost();
  const sip = typeof msg === 'string' ? message(msg) : msg;
  return new Context(host, host.program, sip, options.routeType ?? ROUTE.REQUEST, new MessageEnv());
}

export interface FakeBindOptions {
  readonly pvs?: Readonly<Record<string, PvDefinition>>;
  readonly transformations?: Readonly<Record<string, TransformationDefinition>>;
  readonly selects?: Readonly<Record<string, SelectDefinition>>;
  readonly defines?: ReadonlyMap<string, string>;
  readonly flags?: ReadonlyMap<string, number>;
  readonly vars?: VarStore;
  readonly params?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What is known at load. Selects are found by their first name alone. */
export function fakeBindEnv(options: FakeBindOptions = {}): BindEnv {
  const pvs = options.pvs ?? {};
  const catalog: CatalogView = {
    pv: (name) => (Object.hasOwn(pvs, name) ? pvs[name] : undefined),
    pvNames: () => Object.keys(pvs),
    transformation: (cls) => options.transformations?.[cls],
    select: (path) => options.selects?.[path[0] ?? ''],
    moduleWithFunction: () => undefined,
    moduleWithPv: () => undefined,
  };
  return {
    catalog,
    defines: options.defines ?? new Map(),
    flags: options.flags ?? new Map(),
    avpFlags: new Map(),
    compat: 'MAXCOMPAT',
    vars: options.vars ?? new VarStore(),
    span: NOWHERE,
    routeName: 'DEFAULT_ROUTE',
    params: (module) => options.params?.[module] ?? {},
  };
}
