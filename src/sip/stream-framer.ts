/** Cuts a byte stream into SIP messages by Content-Length (RFC 3261, 18.3). */

export interface FramerEvents {
  message(data: Buffer): void;
  /** CRLFCRLF between messages (RFC 5626, 4.4.1): to be answered with CRLF. */
  ping(): void;
  /** The stream begins with a line that is no SIP; true: taken, the framer is done with it. */
  foreign(head: Buffer): boolean;
  /** The stream cannot be cut any further. */
  broken(reason: string): void;
}

export interface FramerLimits {
  /** Bytes of one message, headers and body. */
  readonly maxMessage: number;
  /** Take a message without Content-Length as one without a body (tcp_accept_no_cl). */
  readonly acceptNoLength: boolean;
}

const CR = 13;
const LF = 10;
const END = Buffer.from('\r\n\r\n');
const SIP_LINE = /^(?:SIP\/2\.0 |[^\s]+ [^\s]+ +SIP\/\d)/i;

export class StreamFramer {
  readonly #limits: FramerLimits;
  readonly #events: FramerEvents;
  #pending: Buffer | null = null;
  /** Where the search for the end of the header part goes on. */
  #searched = 0;
  #done = false;

  constructor(limits: FramerLimits, events: FramerEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  push(chunk: Buffer): void {
    if (this.#done) return;
    let data = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = null;
    while (data.length > 0 && !this.#done) {
      const rest = this.#take(data);
      if (rest === undefined) {
        this.#pending = data;
        return;
      }
      this.#searched = 0;
      data = rest;
    }
  }

  /** Takes one message or keep-alive off; undefined: more bytes are needed, or the stream is done. */
  #take(data: Buffer): Buffer | undefined {
    if (data[0] === CR || data[0] === LF) return this.#blank(data);
    if (this.#searched === 0 && this.#foreign(data)) return undefined;
    const end = data.indexOf(END, Math.max(0, this.#searched - 3));
    if (end < 0) {
      this.#searched = data.length;
      if (data.length > this.#limits.maxMessage) this.#break('message too long');
      return undefined;
    }
    this.#searched = end;
    const length = contentLength(data.toString('latin1', 0, end + 2)) ?? (this.#limits.acceptNoLength ? 0 : -1);
    if (length < 0) return this.#break('no Content-Length');
    const total = end + 4 + length;
    if (total > this.#limits.maxMessage) return this.#break('message too long');
    if (data.length < total) return undefined;
    this.#events.message(data.subarray(0, total));
    return data.subarray(total);
  }

  /** Line ends between messages: two are a ping, others are skipped. */
  #blank(data: Buffer): Buffer | undefined {
    if (data[0] === LF) return data.subarray(1);
    if (data.length < END.length && END.subarray(0, data.length).equals(data)) return undefined;
    if (data.subarray(0, 4).equals(END)) {
      this.#events.ping();
      return data.subarray(4);
    }
    return data.subarray(1);
  }

  /** Once the first line is there: is it something else than SIP? */
  #foreign(data: Buffer): boolean {
    const lf = data.indexOf(LF);
    if (lf < 0) return false;
    if (SIP_LINE.test(data.toString('latin1', 0, Math.min(lf, 2048)))) return false;
    if (!this.#events.foreign(data)) this.#break('no SIP');
    this.#done = true;
    return true;
  }

  #break(reason: string): undefined {
    this.#done = true;
    this.#events.broken(reason);
  }
}

const LENGTH_LINE = /(?:^|\n)(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*(?=\r?\n|$)/i;

/** Number of the Content-Length header of a header part; undefined when there is none that is a number. */
function contentLength(headers: string): number | undefined {
  const found = LENGTH_LINE.exec(headers);
  return found === null ? undefined : Number(found[1]);
}
