/** What TCP and TLS have in common: a listener, connections in both directions, messages cut out of streams. */
import type { Server, Socket } from 'node:net';
import { type Connection, ConnectionTable, isWebSocket } from './connections.js';
import { type ProxiedAddresses, takeProxyHeader } from './proxy-protocol.js';
import { descriptorOf, type PacketOptions, setPacketOptions } from './socket-options.js';
import { StreamFramer } from './stream-framer.js';
import type { Destination, ListenSocket, OnDatagram, Received, SendOptions, Transport } from './transport.js';

export interface StreamOptions {
  /** Shared by all stream transports of a server. */
  readonly connections?: ConnectionTable;
  readonly onError?: (error: Error) => void;
  /** A stream that begins with no SIP (HTTP): true when taken; then the stream is the taker's. */
  readonly onStream?: (head: Buffer, stream: Socket, from: Received) => boolean;
  /** Milliseconds a connect may take; tcp_connect_timeout. */
  readonly connectTimeout?: number;
  /** Milliseconds a connection may be idle; tcp_connection_lifetime. */
  readonly lifetime?: number;
  /** Bytes of one message. */
  readonly maxMessage?: number;
  readonly maxConnections?: number;
  /** Bytes that may wait for one connection; tcp_conn_wq_max. */
  readonly maxQueue?: number;
  readonly acceptNoLength?: boolean;
  /** Answer CRLFCRLF with CRLF; tcp_crlf_ping. */
  readonly answerPings?: boolean;
  /** Milliseconds to wait for a header of the PROXY protocol; 0: none is expected (tcp_accept_haproxy, tcp_wait_data). */
  readonly proxyHeaderWait?: number;
  /** Connections from here to ourselves are refused (tcp_accept_unique). */
  readonly acceptUnique?: boolean;
  /** A connection that came in by the port of the socket is taken before others to the same place (tcp_connection_match). */
  readonly matchLocalPort?: boolean;
  /** Addresses that connections leave from (tcp_source_ipv4, tcp_source_ipv6). */
  readonly sourceIpv4?: string | undefined;
  readonly sourceIpv6?: string | undefined;
  readonly packets?: PacketOptions;
  /** No connection could be made. */
  readonly onUnreachable?: (to: Destination) => void;
  /** Other processes may listen on the same port (tcp_reuse_port). */
  readonly reusePort?: boolean;
}

const DEFAULTS = {
  connectTimeout: 10_000,
  lifetime: 120_000,
  maxMessage: 65_536,
  maxConnections: 2048,
  maxQueue: 1024 * 1024,
  acceptNoLength: false,
  answerPings: true,
  proxyHeaderWait: 0,
  acceptUnique: false,
  matchLocalPort: false,
  reusePort: false,
  packets: {},
};

/** Why a message could not be sent over a stream. */
export class StreamError extends Error {
  readonly code: 'connect' | 'timeout' | 'queue' | 'closed';
  constructor(code: StreamError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export abstract class StreamTransport implements Transport {
  readonly socket: ListenSocket;
  readonly connections: ConnectionTable;
  protected readonly options: StreamOptions & typeof DEFAULTS;
  #server: Server | null = null;
  #onMessage: OnDatagram = () => {};
  /** Those this transport made or took; the table may hold more. */
  readonly #own = new Set<Connection>();
  /** Streams whose first bytes have not come yet. */
  readonly #early = new Set<Socket>();
  /** Addresses that a load balancer told, by the real ones of the other side. */
  readonly #told = new Map<string, ProxiedAddresses>();

  constructor(socket: ListenSocket, options: StreamOptions = {}) {
    this.socket = socket;
    this.options = { ...DEFAULTS, ...options };
    this.connections = options.connections ?? new ConnectionTable();
  }

  /** A listener that calls `accept` with each stream ready for data. */
  protected abstract listen(accept: (stream: Socket) => void): Server;
  /** A stream on its way to the other side; `ready` when data may flow. */
  protected abstract connect(to: Destination, ready: () => void, options?: SendOptions): Socket;

  start(onMessage: OnDatagram): Promise<void> {
    this.#onMessage = onMessage;
    const server = this.listen((stream) => this.#accept(stream));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const { ip: host, port, af } = this.socket;
      server.listen({ host, port, ipv6Only: af === 6, reusePort: this.options.reusePort }, () => {
        server.removeListener('error', reject);
        server.on('error', (error) => this.options.onError?.(error));
        this.#server = server;
        // those that are taken have it from the listener
        setPacketOptions(descriptorOf(server), af, this.options.packets);
        resolve();
      });
    });
  }

  send(data: string | Buffer, to: Destination, options?: SendOptions, onFailure?: (error: Error) => void): boolean {
    let connection = to.connection ? this.connections.get(to.connection) : undefined;
    connection ??= this.options.matchLocalPort
      ? this.connections.findBy(to.proto, to.ip, to.port, to.socket.port)
      : this.connections.find(to.proto, to.ip, to.port);
    if (connection === undefined) {
      // a server cannot open a WebSocket
      if (options?.noConnect || isWebSocket(to.proto)) return false;
      if (this.#server === null || to.port < 1 || to.port > 65535) return false;
      connection = this.#dial(to, options);
      if (connection === undefined) return false;
    }
    const { stream } = connection;
    if (stream.destroyed || !stream.writable) return false;
    if (stream.writableLength > this.options.maxQueue) {
      stream.destroy(new StreamError('queue', `too much waits for ${to.ip}:${to.port}`));
      return false;
    }
    const written = connection.encode === undefined ? data : connection.encode(data);
    if (written === undefined) return false;
    const done = onFailure === undefined ? undefined : outcome(connection, onFailure);
    if (typeof written === 'string') stream.write(written, 'latin1', done);
    else stream.write(written, done);
    if (options?.close) stream.end();
    return true;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const connection of this.#own) connection.stream.destroy();
    for (const stream of this.#early) stream.destroy();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** To be called with each stream before anything is read of it, where a header of the PROXY protocol may stand there. */
  protected beforehand(stream: Socket, accept: (stream: Socket) => void): void {
    const { proxyHeaderWait: wait } = this.options;
    if (wait === 0) return accept(stream);
    const key = endOf(stream);
    this.#early.add(stream);
    stream.once('close', () => this.#early.delete(stream));
    const refused = () =>
      this.options.onError?.(new StreamError('closed', `invalid PROXY protocol header from ${key}`));
    const done = (addresses: ProxiedAddresses | undefined) => {
      if (addresses !== undefined) {
        this.#told.set(key, addresses);
        stream.once('close', () => this.#told.delete(key));
      }
      this.#early.delete(stream);
      accept(stream);
    };
    takeProxyHeader(stream, wait, done, refused);
  }

  /** The address that a connection that has to be opened leaves from; undefined: the system chooses. */
  protected sourceOf(to: Destination, options: SendOptions | undefined): string | undefined {
    if (options?.fromSocket) return to.socket.ip;
    return to.ip.includes(':') ? this.options.sourceIpv6 : this.options.sourceIpv4;
  }

  #accept(stream: Socket): void {
    const { remoteAddress, remotePort } = stream;
    if (remoteAddress === undefined || remotePort === undefined || !this.#room()) {
      stream.destroy();
      return;
    }
    const { proto } = this.socket;
    const told = this.#told.get(endOf(stream));
    if (this.options.acceptUnique && this.connections.isOwn(proto, remoteAddress, remotePort, this.socket)) {
      this.options.onError?.(new StreamError('closed', 'duplicated connection by local and remote addresses'));
      stream.destroy();
      return;
    }
    if (told === undefined) this.#serve(this.connections.add(proto, remoteAddress, remotePort, stream, false));
    else {
      const sentTo = { ip: told.dstIp, port: told.dstPort };
      this.#serve(this.connections.add(proto, told.srcIp, told.srcPort, stream, false), sentTo);
    }
  }

  #room(): boolean {
    return this.connections.size < this.options.maxConnections;
  }

  #dial(to: Destination, options: SendOptions | undefined): Connection | undefined {
    if (!this.#room()) return undefined;
    let connection: Connection | undefined;
    try {
      const stream = this.connect(
        to,
        () => {
          clearTimeout(timer);
          if (connection !== undefined) connection.pending = false;
          setPacketOptions(descriptorOf(stream), to.ip.includes(':') ? 6 : 4, this.options.packets);
        },
        options,
      );
      connection = this.connections.add(to.proto, to.ip, to.port, stream, true);
      const timer = setTimeout(() => {
        stream.destroy(new StreamError('timeout', `no connection to ${to.ip}:${to.port} in time`));
      }, this.options.connectTimeout);
      stream.once('close', () => {
        clearTimeout(timer);
        if (connection?.pending) this.options.onUnreachable?.(to);
      });
      this.#serve(connection);
      return connection;
    } catch (error) {
      // an address that is none
      this.options.onError?.(new StreamError('connect', `cannot connect to ${to.ip}:${to.port}`, error));
      return undefined;
    }
  }

  #serve(connection: Connection, sentTo?: Received['sentTo']): void {
    const { stream, ip, port, id, proto } = connection;
    this.#own.add(connection);
    const from: Received = {
      proto,
      srcIp: ip,
      srcPort: port,
      socket: this.socket,
      connection: id,
      ...(sentTo === undefined ? {} : { sentTo }),
    };
    const framer = new StreamFramer(this.options, {
      message: (data) => this.#onMessage(data, from),
      ping: () => {
        if (this.options.answerPings && stream.writable) stream.write('\r\n');
      },
      foreign: (head) => this.#handOver(head, connection, from, onData),
      broken: () => stream.destroy(),
    });
    const onData = (chunk: Buffer) => framer.push(chunk);
    const onIdle = () => stream.destroy();
    const onClose = () => {
      tellWaiting(connection, new StreamError('closed', `the connection to ${ip}:${port} has ended`));
      this.connections.remove(connection);
      this.#own.delete(connection);
    };
    stream.setNoDelay(true);
    stream.on('data', onData);
    stream.setTimeout(this.options.lifetime, onIdle);
    stream.on('error', (error) => {
      tellWaiting(connection, error);
      this.options.onError?.(error);
    });
    stream.on('close', onClose);
    if (stream.isPaused()) stream.resume();
  }

  /**
   * Offers a stream that is no SIP to whoever wants it; while it is offered nothing of it is read here. Once taken it stays
   * in the table: what is sent to its connection id goes out on it (replies to HTTP).
   */
  #handOver(head: Buffer, connection: Connection, from: Received, onData: (chunk: Buffer) => void): boolean {
    const { onStream } = this.options;
    if (onStream === undefined) return false;
    const { stream } = connection;
    stream.pause();
    stream.off('data', onData);
    if (onStream(head, stream, from)) {
      stream.setTimeout(0);
      stream.removeAllListeners('timeout');
      return true;
    }
    stream.on('data', onData);
    stream.resume();
    return false;
  }
}

function endOf(stream: Socket): string {
  return `${stream.remoteAddress}:${stream.remotePort}`;
}

/** What a write calls when it is done; a stream that fails earlier tells by `waiting` (TLS forgets its writes then). */
function outcome(connection: Connection, onFailure: (error: Error) => void): (error?: Error | null) => void {
  // one of its own: the same function may wait for several writes
  const mine = (error: Error) => onFailure(error);
  connection.waiting.add(mine);
  return (error) => {
    if (connection.waiting.delete(mine) && error) onFailure(error);
  };
}

function tellWaiting({ waiting }: Connection, error: Error): void {
  const all = [...waiting];
  waiting.clear();
  for (const onFailure of all) onFailure(error);
}
