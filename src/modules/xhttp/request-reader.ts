/** Cuts an HTTP/1.x stream into requests by Content-Length, as Kamailio's TCP reader does. */

export interface ReaderEvents {
  /** One request, headers and body, in bytes as latin1 text. */
  request(text: string): void;
  /** The header part is there and the client waits for a word before it sends the body. */
  expectsContinue(): void;
  /** The stream cannot be cut any further. */
  broken(reason: string): void;
}

export interface ReaderLimits {
  /** tcp_accept_no_cl: a request without Content-Length has no body; else it ends the connection. */
  readonly acceptNoLength: boolean;
}

const MAX_HEADERS = 65_536;
const MAX_BODY = 1_048_576;
const END = Buffer.from('\r\n\r\n');

export class RequestReader {
  readonly #limits: ReaderLimits;
  readonly #events: ReaderEvents;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes of the request that is being read; 0: its header part is not complete. */
  #wanted = 0;
  #done = false;

  constructor(limits: ReaderLimits, events: ReaderEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  push(chunk: Buffer): void {
    if (this.#done || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (!this.#done && this.#length > 0 && this.#length >= this.#wanted && this.#take());
  }

  /** What was read beyond the last request: another protocol goes on with it. Nothing is read any more. */
  release(): Buffer {
    this.#done = true;
    const rest = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#length = 0;
    return rest;
  }

  /** Takes one request off; false: more bytes are needed. */
  #take(): boolean {
    const data = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = [data];
    if (this.#wanted === 0 && !this.#headers(data)) return false;
    if (data.length < this.#wanted) return false;
    const text = data.toString('latin1', 0, this.#wanted);
    const rest = data.subarray(this.#wanted);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    this.#wanted = 0;
    this.#events.request(text);
    return true;
  }

  /** Learns the length of the request; false: its header part is not there yet, or it is none. */
  #headers(data: Buffer): boolean {
    const end = data.indexOf(END);
    if (end < 0) return data.length > MAX_HEADERS ? this.#break('the header part is too long') : false;
    const headers = data.toString('latin1', 0, end + 2);
    const length = LENGTH.exec(headers)?.[1];
    if (length === undefined && !this.#limits.acceptNoLength) {
      return this.#break('a request without Content-Length; tcp_accept_no_cl=yes lets such requests in');
    }
    if (length === undefined && CHUNKED.test(headers)) return this.#break('a body in chunks, which is not taken');
    const body = Number(length ?? 0);
    if (body > MAX_BODY) return this.#break('the body is too long');
    this.#wanted = end + END.length + body;
    if (data.length < this.#wanted && CONTINUE.test(headers)) this.#events.expectsContinue();
    return true;
  }

  #break(reason: string): false {
    this.#done = true;
    this.#chunks = [];
    this.#length = 0;
    this.#events.broken(reason);
    return false;
  }
}

const LENGTH = /\ncontent-length[ \t]*:[ \t]*(\d+)[ \t]*(?=\r?\n)/i;
const CHUNKED = /\ntransfer-encoding[ \t]*:/i;
const CONTINUE = /\nexpect[ \t]*:[ \t]*100-continue/i;
