/** A running server: starts modules and sockets for a Program, hands on what arrives, ends cleanly. */
import { lookup, lookupService } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { BLOCKED, block } from '../runtime/blocklist.js';
import { STOP } from '../runtime/context.js';
import { applySettings } from '../runtime/core/cfg.js';
import { type Clock, LEVEL, type Log, type Sandbox } from '../runtime/host.js';
import type { ModuleDefinition } from '../runtime/module.js';
import type { Program } from '../runtime/program.js';
import { Turns } from '../runtime/turns.js';
import type { VarStore } from '../runtime/var-store.js';
import { ConnectionTable } from '../sip/connections.js';
import { ipv6Style } from '../sip/ip.js';
import { TcpTransport } from '../sip/tcp.js';
import type { Destination, ListenSocket, OnDatagram, Proto, Received, Transport } from '../sip/transport.js';
import { udpTransport } from '../sip/udp-choice.js';
import { Myself, type Network, planSockets } from './addresses.js';
import { BLOCKLIST_RPC } from './blocklist-rpc.js';
import { systemClock } from './clock.js';
import { dnsRpc } from './dns/rpc.js';
import { lookupSource, parseNameServers, systemSource } from './dns/sources.js';
import { ServerHost } from './host.js';
import type { LoadResult } from './load.js';
import { patiently } from './patient.js';
import { receiver } from './receive.js';
import { type ReloadOptions, type ReloadReport, reload } from './reload.js';
import { DnsResolver, usesCache } from './resolver.js';
import { applySipSettings } from './sip-settings.js';
import { datagramOptions, socketsRefused } from './socket-options.js';
import { streamCounts, streamEntries } from './streams.js';

export interface ServerOptions {
  readonly program: Program;
  readonly vars: VarStore;
  readonly log: Log;
  readonly pid: number;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly network?: Network;
  /** Makes the transport of a listening address, in place of real sockets. */
  readonly transport?: (socket: ListenSocket) => Transport;
  /** Modules then start no threads and no sockets of their own. */
  readonly sandbox?: Sandbox;
  /** What `$env` reads; nothing when left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Folder of FIFOs and control sockets that the script does not name in full; nothing is opened there when left out. */
  readonly runtimeDir?: string;
  /** What core.arg shows. */
  readonly commandLine?: readonly string[];
  /** Called when the script or a module ends the server. */
  readonly onShutdown?: (reason: string) => void;
}

/** Variable of the environment with name servers in place of those of the system: `127.0.0.1:5353, 10.0.0.1`. */
const NAME_SERVERS = 'KAMSCRIPT_NAMESERVERS';

/** Messages of this size pass over streams, however small a script makes the read buffer of Kamailio's. */
const LEAST_STREAM_MESSAGE = 65_536;

/** The world said no: a port in use, an address that is not ours. */
export class StartError extends Error {
  readonly code: string;
  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

function together(transport: Transport, work: () => void): void {
  if (transport.together === undefined) work();
  else transport.together(work);
}

export class Server {
  readonly host: ServerHost;
  readonly #started: ModuleDefinition[] = [];
  readonly #connections = new ConnectionTable();
  #stopping: Promise<void> | undefined;

  readonly #network: Network;
  #reloading: Promise<ReloadReport> | undefined;

  readonly #makeTransport: ServerOptions['transport'];

  private constructor(host: ServerHost, network: Network, makeTransport: ServerOptions['transport']) {
    this.host = host;
    this.#network = network;
    this.#makeTransport = makeTransport;
    host.aliasConnection = (id, port) => this.#connections.alias(id, port);
    host.closeConnection = (id) => this.#connections.get(id)?.stream.destroySoon();
    host.receive = receiver(host);
    host.upgradeConnection = (id, encode) => this.#connections.upgrade(id, encode);
    host.webSocket = (ip, port) => this.#connections.find('ws', ip, port)?.proto;
    host.streams = () => streamEntries(this.#connections, host);
    host.streamConnections = () => streamCounts(this.#connections);
  }

  /** Rejects with a StartError (or what a module's start threw), and then nothing is left running. */
  static async start(options: ServerOptions): Promise<Server> {
    const turns = new Turns();
    const clock =
      options.clock ??
      systemClock((e) => {
        const text = e instanceof Error ? (e.stack ?? e.message) : String(e);
        options.log.write(LEVEL.BUG, '<core>', `a timer failed: ${text}`);
      }, turns);
    const network = options.network ?? systemNetwork(options.environment?.[NAME_SERVERS]);
    const values = (): ReadonlyMap<string, number | string> => host.program.core.values;
    const random = options.random ?? Math.random;
    const resolver = new DnsResolver({
      source: network.dns ?? lookupSource(network),
      now: () => clock.now(),
      random,
      values,
      ipv6Socket: () => host.sockets.some((s) => s.af === 6),
      reverse: network.reverse?.bind(network),
    });
    const host: ServerHost = new ServerHost({
      program: options.program,
      log: options.log,
      clock,
      random,
      pid: options.pid,
      resolver,
      rpc: {
        ...BLOCKLIST_RPC,
        ...dnsRpc({
          lookup: resolver.lookup,
          enabled: () => usesCache(values()),
          memory: () => numberOf(values().get('dns_cache_mem'), 500) * 1024,
        }),
      },
      vars: options.vars,
      turns,
      ...(options.environment === undefined ? {} : { environment: options.environment }),
      ...(options.runtimeDir === undefined ? {} : { runtimeDir: options.runtimeDir }),
      ...(options.commandLine === undefined ? {} : { commandLine: options.commandLine }),
      sandbox: options.sandbox,
      onShutdown: options.onShutdown ?? (() => undefined),
    });
    const server = new Server(host, network, options.transport);
    try {
      const wrong = socketsRefused(options.program);
      if (wrong !== undefined) throw new StartError('EOPTION', wrong);
      host.sockets = await server.#plan(options.program);
      host.myself = new Myself(host.sockets, options.program.core.alias);
      applySipSettings(options.program);
      await server.#startModules(options.program);
      await server.#bind();
      await server.#ready(options.program);
    } catch (e) {
      await server.stop();
      throw e;
    }
    return server;
  }

  get sockets(): readonly ListenSocket[] {
    return this.host.sockets;
  }

  /** The sockets that a version asks for. */
  async #plan(program: Program): Promise<readonly ListenSocket[]> {
    const { core } = program;
    const port = numberOf(core.values.get('port'), 5060);
    const noTcp = isOn(core.values.get('disable_tcp'));
    const noTls = noTcp || !isOn(core.values.get('enable_tls'));
    const protos: Proto[] = noTcp ? ['udp'] : noTls ? ['udp', 'tcp'] : ['udp', 'tcp', 'tls'];
    const autoIpv6 = isOn(core.values.get('auto_bind_ipv6'));
    const defaults = {
      port,
      tlsPort: numberOf(core.values.get('tls_port_no'), 5061),
      protos,
      autoIpv6,
      ipv6Style: ipv6Style(core.values.get('ipv6_hex_style')),
    };
    const { sockets, errors } = await planSockets(core.listen, defaults, this.#network);
    const first = errors[0];
    if (first) {
      const { file, line, column } = first.address.span;
      throw new StartError('ELISTEN', `${file}:${line}:${column}: listen: ${first.text}`);
    }
    return sockets.filter((s) => !(noTcp && s.proto === 'tcp') && !(noTls && s.proto === 'tls'));
  }

  /** Takes a new version (see reload.ts). One at a time: a second waits for the first. */
  async reload(load: () => LoadResult | Promise<LoadResult>, options: ReloadOptions = {}): Promise<ReloadReport> {
    await this.#reloading;
    this.#reloading = reload(
      {
        server: this,
        plan: (program) => this.#plan(program),
        open: (socket) => this.#open(socket),
        close: (socket) => this.#close(socket),
        startModule: (module, program) => this.#startModule(module, program),
        swap: (program, sockets) => this.#swap(program, sockets),
      },
      load,
      options,
    );
    return this.#reloading;
  }

  #swap(program: Program, sockets: readonly ListenSocket[]): void {
    this.host.program = program;
    this.host.sockets = sockets;
    this.host.myself = new Myself(sockets, program.core.alias);
    this.host.log.level = program.core.debug;
    applySettings(this.host, program);
    applySipSettings(program);
  }

  async #startModules(program: Program): Promise<void> {
    for (const module of program.modules) await this.#startModule(module, program);
  }

  /** A module that was loaded before and came back keeps its state. */
  async #startModule(module: ModuleDefinition, program: Program): Promise<void> {
    if (this.host.hasState({ module: module.name })) return;
    this.host.setState(module.name, await module.start?.(this.host, program.params(module.name)));
    this.#started.push(module);
  }

  async #bind(): Promise<void> {
    for (const socket of this.host.sockets) await this.#open(socket);
  }

  async #open(socket: ListenSocket): Promise<void> {
    const transport = this.#transportFor(socket);
    try {
      await transport.start(this.#receiver(socket, transport));
    } catch (e) {
      throw cannotListen(socket, e);
    }
    this.host.transports.set(socket, transport);
  }

  #receiver(socket: ListenSocket, transport: Transport): OnDatagram {
    const { receive } = this.host;
    const real = socket.proto === 'udp' && this.#makeTransport === undefined;
    return real ? patiently(this.host.hooks, receive, (work) => together(transport, work)) : receive;
  }

  async #close(socket: ListenSocket): Promise<void> {
    const transport = this.host.transports.get(socket);
    this.host.transports.delete(socket);
    await transport?.stop();
  }

  #transportFor(socket: ListenSocket): Transport {
    if (this.#makeTransport !== undefined) return this.#makeTransport(socket);
    const onError = (e: Error) => this.host.log.write(LEVEL.ERR, '<core>', `${socket.text}: ${e.message}`);
    if (socket.proto === 'udp') return udpTransport(socket, { ...datagramOptions(this.host.program), onError });
    if (socket.proto === 'tcp') return new TcpTransport(socket, { ...this.#streamOptions(), onError });
    if (socket.proto === 'tls') {
      const make = this.host.hooks.secureTransport;
      if (make !== undefined) return make(socket, { ...this.#streamOptions(), onError });
      throw new StartError('EPROTO', `${socket.text}: TLS needs loadmodule "tls.so"`);
    }
    throw new StartError(
      'EPROTO',
      `${socket.text}: there is no ${socket.proto.toUpperCase()} here: kamscript takes UDP, TCP and TLS; leave this listen line out`,
    );
  }

  #streamOptions() {
    const { values } = this.host.program.core;
    const { packets } = datagramOptions(this.host.program);
    const { onStream } = this.host.hooks;
    return {
      connections: this.#connections,
      packets: { tos: packets.tos },
      onUnreachable: (to: Destination) => block(this.host, this.host.program, BLOCKED.CONNECT, to),
      onStream: (head: Buffer, stream: Socket, from: Received) => onStream.some((hook) => hook(head, stream, from)),
      connectTimeout: numberOf(values.get('tcp_connect_timeout'), 10) * 1000,
      lifetime: numberOf(values.get('tcp_connection_lifetime'), 120) * 1000,
      maxConnections: numberOf(values.get('tcp_max_connections'), 2048),
      maxMessage: Math.max(numberOf(values.get('tcp_rd_buf_size'), 0), LEAST_STREAM_MESSAGE),
      acceptNoLength: isOn(values.get('tcp_accept_no_cl')),
      answerPings: values.get('tcp_crlf_ping') !== 0,
      proxyHeaderWait: isOn(values.get('tcp_accept_haproxy')) ? numberOf(values.get('tcp_wait_data'), 5000) : 0,
      acceptUnique: isOn(values.get('tcp_accept_unique')),
      matchLocalPort: values.get('tcp_connection_match') === 1,
      sourceIpv4: textOf(values.get('tcp_source_ipv4')),
      sourceIpv6: textOf(values.get('tcp_source_ipv6')),
      reusePort: isOn(values.get('tcp_reuse_port')),
    };
  }

  async #ready(program: Program): Promise<void> {
    const init = await this.host.runEvent('core:worker-one-init');
    if (init?.stop === STOP.DROP) throw new StartError('EDROP', "event_route[core:worker-one-init] ended with 'drop'");
    for (const module of program.modules) await module.ready?.(this.host, this.host.state({ module: module.name }));
  }

  /** Stops taking messages, ends the modules in reverse order, closes the sockets. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    for (const module of this.#started.reverse()) {
      try {
        await module.stop?.(this.host, this.host.state({ module: module.name }));
      } catch (e) {
        this.host.log.write(LEVEL.ERR, module.name, `stop failed: ${e instanceof Error ? e.message : String(e)}`);
      }
    }
    await Promise.all([...this.host.transports.values()].map((t) => t.stop()));
  }
}

function cannotListen(socket: ListenSocket, e: unknown): StartError {
  const code = (e as NodeJS.ErrnoException).code ?? 'EBIND';
  const why: Record<string, string> = {
    EADDRINUSE: 'the port is in use by another program; stop it or choose another port in the listen line',
    EACCES: 'not allowed to use this port (below 1024 it takes special rights)',
    EADDRNOTAVAIL: 'this machine has no such address; listen on one that `ip addr` shows',
  };
  return new StartError(
    code,
    `cannot listen on ${socket.text}: ${why[code] ?? (e instanceof Error ? e.message : String(e))}`,
    e,
  );
}

function numberOf(v: number | string | undefined, otherwise: number): number {
  return typeof v === 'number' ? v : otherwise;
}

function textOf(v: number | string | undefined): string | undefined {
  return typeof v === 'string' && v !== '' ? v : undefined;
}

function isOn(v: number | string | undefined): boolean {
  return typeof v === 'number' && v !== 0;
}

function systemNetwork(nameServers: string | undefined): Network {
  return {
    dns: systemSource(nameServers ? parseNameServers(nameServers) : undefined),
    interfaces: () =>
      Object.fromEntries(
        Object.entries(networkInterfaces()).map(([name, list]) => [name, (list ?? []).map((i) => i.address)]),
      ),
    reverse: async (ip) => {
      try {
        // the service of port 9 (discard) is not asked about
        return [(await lookupService(ip, 9)).hostname];
      } catch {
        return [];
      }
    },
    lookup: async (host) => {
      try {
        return (await lookup(host, { all: true })).map((r) => r.address);
      } catch (e) {
        if ((e as NodeJS.ErrnoException).code === undefined) throw e;
        return [];
      }
    },
  };
}
