/** The WebSocket connections of a server: what comes on them, what goes out, how they end (RFC 6455, 7118). */
import type { Socket } from 'node:net';
import type { TimerHandle } from '../../runtime/host.js';
import { type Host, LEVEL, type StateKey, stateKey } from '../../runtime/module.js';
import type { Received } from '../../sip/transport.js';
import {
  FrameReader,
  OPCODE,
  PAYLOAD_LIMIT,
  type WsClose,
  type WsFrame,
  wsCloseFrame,
  wsFrame,
  wsMessage,
} from '../../sip/ws-frame.js';

export type WsState = 'OPEN' | 'CLOSING' | 'REMOVING';

export interface WsConnection {
  readonly id: number;
  readonly stream: Socket;
  /** As the handshake came: over tcp or tls. */
  readonly handshake: Received;
  readonly received: Received;
  readonly reader: FrameReader;
  state: WsState;
  awaitingPong: boolean;
  /** Milliseconds since the epoch. */
  lastUsed: number;
  /** When it went to REMOVING. */
  endedAt: number;
  /** event_route[websocket:closed] is to run. */
  tell: boolean;
  /** Fragments of the message that is arriving. */
  fragments: Buffer[];
  fragmentBytes: number;
}

export const WEBSOCKET: StateKey<WsConnections> = stateKey<WsConnections>('websocket');
export const NORMAL: WsClose = { status: 1000, reason: 'Normal closure' };

/** Counters that are raised for SIP connections by themselves too. */
type Counted = 'failed_connections' | 'local_closed_connections' | 'remote_closed_connections' | 'transmitted_frames';

export class WsConnections {
  readonly host: Host;
  /** What pings carry; pongs with it answer them. */
  pingData: Buffer;
  /** False: handshakes are answered with 503. */
  enabled = true;
  readonly timers: TimerHandle[] = [];
  /** Least recently used first. */
  readonly #byId = new Map<number, WsConnection>();
  #most = 0;

  constructor(host: Host, pingData: string) {
    this.host = host;
    this.pingData = Buffer.from(pingData, 'latin1');
  }

  get count(): number {
    return this.#byId.size;
  }

  get most(): number {
    return this.#most;
  }

  /** Those that have ended are there until they are forgotten. */
  get(id: number): WsConnection | undefined {
    return this.#byId.get(id);
  }

  /** Least recently used first. */
  all(): WsConnection[] {
    return [...this.#byId.values()];
  }

  /** Begins on a stream on which HTTP has ended; `rest` is what came behind the request. False: the stream is gone. */
  begin(stream: Socket, from: Received, rest: Buffer): boolean {
    const received: Received = { ...from, proto: from.proto === 'tls' ? 'wss' : 'ws' };
    const id = from.connection;
    const upgraded = this.host.upgradeConnection?.(id, (data) => this.#encode(id, data)) ?? false;
    if (!upgraded) return false;
    const reader = new FrameReader({
      frame: (frame) => this.#arrived(connection, frame),
      broken: (close) => {
        this.#count('received_frames');
        this.#used(connection);
        this.#log(LEVEL.WARN, close.why ?? close.reason);
        if (connection.state === 'OPEN') this.close(connection, close);
        this.#fail(connection);
      },
    });
    const connection: WsConnection = {
      id,
      stream,
      handshake: from,
      received,
      reader,
      state: 'OPEN',
      awaitingPong: false,
      lastUsed: this.host.clock.now(),
      endedAt: 0,
      tell: false,
      fragments: [],
      fragmentBytes: 0,
    };
    this.#byId.set(id, connection);
    this.#most = Math.max(this.#most, this.#byId.size);
    stream.on('data', (chunk) => reader.push(chunk));
    const lifetime = Number(this.host.program.core.values.get('tcp_connection_lifetime') ?? DEFAULT_LIFETIME);
    stream.setTimeout(lifetime * 1000, () => stream.destroy());
    // not within the run that accepts the handshake; nothing of the stream comes before
    queueMicrotask(() => reader.push(rest));
    stream.resume();
    return true;
  }

  // ------------------------------------------------------------------ sending

  /** What is written for a SIP message; undefined: the connection takes none. */
  #encode(id: number, data: string | Buffer): Buffer | undefined {
    const connection = this.#byId.get(id);
    if (connection === undefined) return undefined;
    return this.#outgoing(connection, OPCODE.TEXT) ? wsMessage(data) : undefined;
  }

  /** Is the connection open? Counts the frame that is about to be written. */
  #outgoing(connection: WsConnection, opcode: number): boolean {
    if (connection.state !== 'OPEN') {
      this.#log(LEVEL.WARN, 'sending on closing connection');
      return false;
    }
    this.#used(connection);
    if (connection.stream.destroyed || !connection.stream.writable) {
      this.#countBoth('failed_connections');
      this.#ended(connection, true);
      return false;
    }
    this.#count('transmitted_frames');
    if (opcode < OPCODE.CLOSE) this.#count('sip_transmitted_frames');
    return true;
  }

  #write(connection: WsConnection, opcode: number, frame: Buffer): boolean {
    if (!this.#outgoing(connection, opcode)) return false;
    connection.stream.write(frame);
    // somebody who asks and does not listen
    if (connection.stream.writableLength > MAX_QUEUE) connection.stream.destroy();
    return true;
  }

  /** A ping, to which a pong is awaited, or a pong that nobody asked for. */
  ping(connection: WsConnection, opcode: typeof OPCODE.PING | typeof OPCODE.PONG): boolean {
    if (!this.#write(connection, opcode, wsFrame(opcode, this.pingData))) return false;
    if (opcode === OPCODE.PING) connection.awaitingPong = true;
    return true;
  }

  /** Sends a close frame, or ends a connection that is being closed already. False: the frame could not be sent. */
  close(connection: WsConnection, close: WsClose = NORMAL): boolean {
    if (connection.state !== 'OPEN') {
      this.closeNow(connection);
      return true;
    }
    if (!this.#write(connection, OPCODE.CLOSE, wsCloseFrame(close))) return false;
    connection.state = 'CLOSING';
    this.#countBoth('local_closed_connections');
    return true;
  }

  closeNow(connection: WsConnection): void {
    this.#ended(connection, true);
    connection.stream.destroySoon();
  }

  // ---------------------------------------------------------------- receiving

  #arrived(connection: WsConnection, frame: WsFrame): void {
    this.#count('received_frames');
    this.#used(connection);
    const { opcode, payload } = frame;
    if (opcode === OPCODE.CLOSE) this.#closed(connection);
    else if (opcode === OPCODE.PING) this.#pinged(connection, frame);
    else if (opcode === OPCODE.PONG) this.#pong(connection, payload);
    else if (opcode === OPCODE.CONTINUATION) this.#fragment(connection, frame);
    else this.#data(connection, frame);
  }

  #closed(connection: WsConnection): void {
    if (connection.state !== 'OPEN') return this.closeNow(connection);
    if (!this.#write(connection, OPCODE.CLOSE, wsCloseFrame(NORMAL))) return;
    this.#countBoth('remote_closed_connections');
    connection.reader.stop();
    this.#ended(connection, true);
    connection.stream.end();
  }

  /** A ping in fragments, and one that cannot be answered, end the connection. */
  #pinged(connection: WsConnection, { fin, payload }: WsFrame): void {
    if (!fin) this.#log(LEVEL.ERR, 'WebSocket fragmentation not supported in the sip sub-protocol');
    if (fin && this.#write(connection, OPCODE.PONG, wsFrame(OPCODE.PONG, payload))) return;
    this.#log(LEVEL.ERR, 'sending Pong');
    this.#fail(connection);
  }

  #pong(connection: WsConnection, payload: Buffer): void {
    if (payload.subarray(0, this.pingData.length).equals(this.pingData)) connection.awaitingPong = false;
  }

  #data(connection: WsConnection, { opcode, fin, payload }: WsFrame): void {
    this.#count('sip_received_frames');
    if (isKeepalive(payload)) {
      this.#write(connection, opcode, wsFrame(opcode, CRLF));
    } else if (fin) {
      this.#message(connection, payload);
    } else {
      connection.fragments = [payload];
      connection.fragmentBytes = payload.length;
    }
  }

  #fragment(connection: WsConnection, { fin, payload }: WsFrame): void {
    connection.fragmentBytes += payload.length;
    if (connection.fragmentBytes >= PAYLOAD_LIMIT) {
      this.#log(LEVEL.ERR, `Buffer overflow assembling websocket fragments: ${connection.fragmentBytes} bytes`);
      this.#fail(connection);
      return;
    }
    connection.fragments.push(payload);
    if (!fin) return;
    const whole = Buffer.concat(connection.fragments);
    connection.fragments = [];
    connection.fragmentBytes = 0;
    this.#message(connection, whole);
  }

  /** What is no SIP ends the connection, without a close frame. */
  #message(connection: WsConnection, data: Buffer): void {
    if (this.host.receive?.(data, connection.received) === false) this.#fail(connection);
  }

  /** Ends a connection on which nothing that comes makes sense any more; the script is not told, as in Kamailio. */
  #fail({ reader, stream }: WsConnection): void {
    reader.stop();
    stream.destroySoon();
  }

  // --------------------------------------------------------------------- ends

  #used(connection: WsConnection): void {
    connection.lastUsed = this.host.clock.now();
    if (this.#byId.delete(connection.id)) this.#byId.set(connection.id, connection);
  }

  #ended(connection: WsConnection, tell: boolean): void {
    if (tell) connection.tell = true;
    if (connection.state === 'REMOVING') return;
    connection.state = 'REMOVING';
    connection.endedAt = this.host.clock.now();
  }

  /** Of a connection whose stream has ended by itself. */
  lost(connection: WsConnection): void {
    this.#ended(connection, false);
  }

  forget(connection: WsConnection): void {
    connection.reader.stop();
    this.#byId.delete(connection.id);
  }

  /** Ends all, without a word. */
  stop(): void {
    for (const timer of this.timers) timer.cancel();
    for (const { reader, stream } of this.#byId.values()) {
      reader.stop();
      stream.destroy();
    }
    this.#byId.clear();
  }

  // ----------------------------------------------------------------- counters

  #count(name: string): void {
    this.host.count(`websocket.ws_${name}`);
  }

  #countBoth(name: Counted): void {
    this.#count(name);
    this.#count(`sip_${name}`);
  }

  #log(level: number, text: string): void {
    if (this.host.log.level >= level) this.host.log.write(level, 'websocket', `${text}\n`);
  }
}

const DEFAULT_LIFETIME = 120;
/** Bytes that may wait to be sent. */
const MAX_QUEUE = 1024 * 1024;
const CRLF = Buffer.from('\r\n');
const PING = Buffer.from('\r\n\r\n');

const isKeepalive = (payload: Buffer): boolean => payload.equals(CRLF) || payload.equals(PING);
