/** One HTTP connection on a SIP listener: its requests run one after the other, so that the replies keep their order. */
import type { Socket } from 'node:net';
import { type Host, LEVEL, type StateKey, stateKey } from '../../runtime/module.js';
import type { Received } from '../../sip/transport.js';
import { RequestReader } from './request-reader.js';

export interface XhttpState {
  /** By connection id. */
  readonly connections: Map<number, HttpConnection>;
}

export const XHTTP: StateKey<XhttpState> = stateKey<XhttpState>('xhttp');

const DEFAULT_LIFETIME = 120;
/** Requests that may wait behind one that takes its time. */
const MAX_WAITING = 64;

export type RunRequest = (text: string, from: Received) => void | Promise<void>;

export class HttpConnection {
  readonly #stream: Socket;
  readonly #reader: RequestReader;
  readonly #run: (text: string) => void | Promise<void>;
  readonly #host: Host;
  #waiting: string[] = [];
  #busy = false;

  constructor(host: Host, stream: Socket, from: Received, run: RunRequest) {
    this.#host = host;
    this.#stream = stream;
    this.#run = (text) => run(text, from);
    const { values } = host.program.core;
    this.#reader = new RequestReader(
      { acceptNoLength: Number(values.get('tcp_accept_no_cl') ?? 0) !== 0 },
      {
        request: (text) => this.#next(text),
        expectsContinue: () => void stream.write('HTTP/1.1 100 Continue\r\n\r\n'),
        broken: (reason) => {
          host.log.write(LEVEL.ERR, 'xhttp', `connection from ${from.srcIp}:${from.srcPort} closed: ${reason}\n`);
          stream.destroy();
        },
      },
    );
  }

  readonly #onData = (chunk: Buffer): void => this.#reader.push(chunk);
  readonly #onIdle = (): void => void this.#stream.destroy();

  /** Takes the stream over, with the bytes that were read before. */
  begin(head: Buffer): void {
    const seconds = Number(this.#host.program.core.values.get('tcp_connection_lifetime') ?? DEFAULT_LIFETIME);
    this.#stream.setTimeout(seconds * 1000, this.#onIdle);
    this.#stream.on('data', this.#onData);
    this.#reader.push(head);
    this.#stream.resume();
  }

  /** Ends HTTP on the stream, which another protocol (WebSocket) goes on with; gives what was read beyond the request. */
  release(): { readonly stream: Socket; readonly rest: Buffer } {
    this.#stream.off('data', this.#onData);
    this.#stream.setTimeout(0, this.#onIdle);
    return { stream: this.#stream, rest: this.#reader.release() };
  }

  #next(text: string): void {
    if (this.#busy) {
      this.#waiting.push(text);
      if (this.#waiting.length > MAX_WAITING) this.#stream.destroy();
      return;
    }
    const running = this.#run(text);
    if (running === undefined) return;
    this.#busy = true;
    const done = running.finally(() => {
      this.#busy = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      if (!this.#stream.destroyed) for (const next of waiting) this.#next(next);
    });
    this.#host.detach(done, 'event_route[xhttp:request]');
  }
}
