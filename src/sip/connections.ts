/** Connections of the stream transports: by id (`$conid`, `i` in Via) and by the address of the other side. */
import type { Socket } from 'node:net';
import { fnv1a } from './hash.js';
import type { Proto } from './transport.js';

export interface Connection {
  readonly id: number;
  /** Becomes ws or wss when WebSocket begins on it. */
  proto: Proto;
  readonly ip: string;
  readonly port: number;
  readonly stream: Socket;
  /** Port here of a connection that was taken. */
  readonly localPort: number | undefined;
  /** Not yet connected: what is sent waits in the stream. */
  pending: boolean;
  /** Those to tell when the stream ends before it has taken what they sent. */
  readonly waiting: Set<(error: Error) => void>;
  /** Further ports of the other side that lead here (force_tcp_alias()). */
  readonly aliases: Set<number>;
  /** Makes of a message what is written (a frame of WebSocket); undefined: it cannot be sent. Missing: it is written as it is. */
  encode?: Encode;
}

export type Encode = (data: string | Buffer) => Buffer | undefined;

/** As URIs have it, ws stands for WebSocket over TCP and TLS both. */
export function isWebSocket(proto: Proto): boolean {
  return proto === 'ws' || proto === 'wss';
}

/** One table for all stream transports of a server, so that ids are unique. */
export class ConnectionTable {
  readonly #byId = new Map<number, Connection>();
  readonly #byAddress = new Map<string, Connection>();
  /** Those that were taken, by the address of the other side and the port here. */
  readonly #byPorts = new Map<string, Connection>();
  #last: number;

  /** `seed`: where ids begin, so that a restarted server does not take an old one for its own. */
  constructor(seed = fnv1a(`${Date.now()}`) & 0xffff) {
    this.#last = seed;
  }

  get size(): number {
    return this.#byId.size;
  }

  add(proto: Proto, ip: string, port: number, stream: Socket, pending: boolean): Connection {
    this.#last = (this.#last % 0x7ffffffe) + 1;
    const connection: Connection = {
      id: this.#last,
      proto,
      ip,
      port,
      stream,
      localPort: pending ? undefined : stream.localPort,
      pending,
      waiting: new Set(),
      aliases: new Set(),
    };
    this.#byId.set(connection.id, connection);
    this.#index(connection);
    return connection;
  }

  #index(connection: Connection): void {
    const { proto, ip, port, localPort, aliases } = connection;
    for (const p of [port, ...aliases]) this.#byAddress.set(key(proto, ip, p), connection);
    if (localPort !== undefined) this.#byPorts.set(`${key(proto, ip, port)}>${localPort}`, connection);
  }

  get(id: number): Connection | undefined {
    return this.#byId.get(id);
  }

  find(proto: Proto, ip: string, port: number): Connection | undefined {
    return this.#byAddress.get(key(proto, ip, port));
  }

  /** The one that came in by the port `local`, else any (tcp_connection_match=1). */
  findBy(proto: Proto, ip: string, port: number, local: number): Connection | undefined {
    return this.#byPorts.get(`${key(proto, ip, port)}>${local}`) ?? this.find(proto, ip, port);
  }

  /** A connection from here to that listener of ours has `ip` and `port` as its own end (tcp_accept_unique). */
  isOwn(proto: Proto, ip: string, port: number, listener: { readonly ip: string; readonly port: number }): boolean {
    const other = this.find(proto, listener.ip, listener.port);
    return other?.stream.localAddress === ip && other.stream.localPort === port;
  }

  /** The other side is reached under `port` too. False: another connection has it, or there is no such connection. */
  alias(id: number, port: number): boolean {
    const connection = this.#byId.get(id);
    if (connection === undefined) return false;
    const address = key(connection.proto, connection.ip, port);
    const holder = this.#byAddress.get(address);
    if (holder !== undefined && holder !== connection) return false;
    this.#byAddress.set(address, connection);
    connection.aliases.add(port);
    return true;
  }

  /** WebSocket begins on a connection: from now on it is found as such. False: there is no such connection. */
  upgrade(id: number, encode: Encode): boolean {
    const connection = this.#byId.get(id);
    if (connection === undefined || isWebSocket(connection.proto)) return false;
    this.#forget(connection);
    connection.proto = connection.proto === 'tls' ? 'wss' : 'ws';
    connection.encode = encode;
    this.#index(connection);
    return true;
  }

  remove(connection: Connection): void {
    this.#byId.delete(connection.id);
    this.#forget(connection);
  }

  #forget(connection: Connection): void {
    const ports = `${key(connection.proto, connection.ip, connection.port)}>${connection.localPort}`;
    if (this.#byPorts.get(ports) === connection) this.#byPorts.delete(ports);
    for (const port of [connection.port, ...connection.aliases]) {
      const address = key(connection.proto, connection.ip, port);
      if (this.#byAddress.get(address) === connection) this.#byAddress.delete(address);
    }
  }

  all(): IterableIterator<Connection> {
    return this.#byId.values();
  }
}

function key(proto: Proto, ip: string, port: number): string {
  return `${proto === 'wss' ? 'ws' : proto}:${ip}:${port}`;
}
