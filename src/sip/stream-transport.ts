/** What TCP and TLS have in common: a listener, connections in both directions, messages cut out of streams. */
import type { Server, Socket } from 'node:net';
import { type Connection, ConnectionTable } from './connections.js';
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
}

const DEFAULTS = {
  connectTimeout: 10_000,
  lifetime: 120_000,
  maxMessage: 65_536,
  maxConnections: 2048,
  maxQueue: 1024 * 1024,
  acceptNoLength: false,
  answerPings: true,
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
      server.listen({ host: this.socket.ip, port: this.socket.port, ipv6Only: this.socket.af === 6 }, () => {
        server.removeListener('error', reject);
        server.on('error', (error) => this.options.onError?.(error));
        this.#server = server;
        resolve();
      });
    });
  }

  send(data: string | Buffer, to: Destination, options?: SendOptions, onFailure?: (error: Error) => void): boolean {
    let connection = to.connection ? this.connections.get(to.connection) : undefined;
    connection ??= this.connections.find(to.proto, to.ip, to.port);
    if (connection === undefined) {
      if (options?.noConnect || this.#server === null || to.port < 1 || to.port > 65535) return false;
      connection = this.#dial(to, options);
      if (connection === undefined) return false;
    }
    const { stream } = connection;
    if (stream.destroyed || !stream.writable) return false;
    if (stream.writableLength > this.options.maxQueue) {
      stream.destroy(new StreamError('queue', `too much waits for ${to.ip}:${to.port}`));
      return false;
    }
    const done = onFailure === undefined ? undefined : outcome(connection, onFailure);
    if (typeof data === 'string') stream.write(data, 'latin1', done);
    else stream.write(data, done);
    if (options?.close) stream.end();
    return true;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const connection of this.#own) connection.stream.destroy();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #accept(stream: Socket): void {
    const { remoteAddress, remotePort } = stream;
    if (remoteAddress === undefined || remotePort === undefined || !this.#room()) {
      stream.destroy();
      return;
    }
    this.#serve(this.connections.add(this.socket.proto, remoteAddress, remotePort, stream, false));
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
        },
        options,
      );
      connection = this.connections.add(to.proto, to.ip, to.port, stream, true);
      const timer = setTimeout(() => {
        stream.destroy(new StreamError('timeout', `no connection to ${to.ip}:${to.port} in time`));
      }, this.options.connectTimeout);
      stream.once('close', () => clearTimeout(timer));
      this.#serve(connection);
      return connection;
    } catch (error) {
      // an address that is none
      this.options.onError?.(new StreamError('connect', `cannot connect to ${to.ip}:${to.port}`, error));
      return undefined;
    }
  }

  #serve(connection: Connection): void {
    const { stream, ip, port, id } = connection;
    this.#own.add(connection);
    const from: Received = { proto: connection.proto, srcIp: ip, srcPort: port, socket: this.socket, connection: id };
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
