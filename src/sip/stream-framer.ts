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
/** What can be cut by Content-Length: SIP of any version, and HTTP where nobody else wants it. */
const KNOWN_LINE = /^(?:SIP\/2\.0 |\S+ \S+[ \t]+(?:SIP|HTTP)\/\d)/i;
const SIP_LINE = /^(?:SIP\/\d|\S+ \S+[ \t]+SIP\/\d)/i;

export class StreamFramer {
  readonly #limits: FramerLimits;
  readonly #events: FramerEvents;
  /** What is left of what arrived, in a buffer that grows by doubling: bytes that trickle in are copied once or twice. */
  #kept: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where the search for the end of the header part goes on. */
  #searched = 0;
  /** Bytes of the message that is arriving, once its header part is there; 0: not known. */
  #total = 0;
  /** The first line of the message that is arriving has been looked at. */
  #lineSeen = false;
  #done = false;

  constructor(limits: FramerLimits, events: FramerEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  /** The bytes given to `message` are good during the call only. */
  push(chunk: Buffer): void {
    if (this.#done) return;
    let data = this.#length === 0 ? chunk : this.#append(chunk);
    while (data.length > 0 && !this.#done) {
      const rest = this.#take(data);
      if (rest === undefined) break;
      this.#searched = 0;
      this.#total = 0;
      this.#lineSeen = false;
      data = rest;
    }
    this.#keep(data);
  }

  #append(chunk: Buffer): Buffer {
    this.#room(this.#length + chunk.length);
    chunk.copy(this.#kept, this.#length);
    this.#length += chunk.length;
    return this.#kept.subarray(0, this.#length);
  }

  #keep(data: Buffer): void {
    if (this.#done) {
      this.#kept = Buffer.alloc(0);
      this.#length = 0;
      return;
    }
    // `data` may lie in `kept` itself: copy() minds that
    if (data.length > this.#kept.length) this.#room(data.length);
    if (data.length > 0) data.copy(this.#kept, 0);
    this.#length = data.length;
  }

  #room(bytes: number): void {
    if (bytes <= this.#kept.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, this.#kept.length * 2, 1024));
    this.#kept.copy(larger, 0, 0, this.#length);
    this.#kept = larger;
  }

  /** Takes one message or keep-alive off; undefined: more bytes are needed, or the stream is done. */
  #take(data: Buffer): Buffer | undefined {
    if (this.#total === 0) {
      if (data[0] === CR || data[0] === LF) return this.#blank(data);
      if (!this.#lineSeen && this.#foreign(data)) return undefined;
      if (!this.#measure(data)) return undefined;
    }
    if (data.length < this.#total) return undefined;
    this.#events.message(data.subarray(0, this.#total));
    return data.subarray(this.#total);
  }

  /** Finds out how long the message is; false: its header part has not ended yet, or the stream is broken. */
  #measure(data: Buffer): boolean {
    const end = headersEnd(data, Math.max(0, this.#searched - 3));
    if (end < 0) {
      this.#searched = data.length;
      if (data.length > this.#limits.maxMessage) this.#break('message too long');
      return false;
    }
    const length = contentLength(data.toString('latin1', 0, end)) ?? (this.#limits.acceptNoLength ? 0 : -1);
    if (length < 0) this.#break('no Content-Length, or more than one');
    else if (end + length > this.#limits.maxMessage) this.#break('message too long');
    else this.#total = end + length;
    return !this.#done;
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

  /** Once the first line is there: is it something else than SIP, and is that the end of it for the framer? */
  #foreign(data: Buffer): boolean {
    const lf = data.indexOf(LF);
    if (lf < 0) return false;
    this.#lineSeen = true;
    const line = data.toString('latin1', 0, Math.min(lf, 2048));
    if (SIP_LINE.test(line)) return false;
    if (this.#events.foreign(data)) this.#done = true;
    else if (!KNOWN_LINE.test(line)) this.#break('no SIP');
    return this.#done;
  }

  #break(reason: string): void {
    this.#done = true;
    this.#events.broken(reason);
  }
}

/** Offset after the empty line that ends a header part, or -1. Lines may end with LF alone. */
function headersEnd(data: Buffer, from: number): number {
  for (let at = data.indexOf(LF, from); at >= 0; at = data.indexOf(LF, at + 1)) {
    if (data[at + 1] === LF) return at + 2;
    if (data[at + 1] === CR && data[at + 2] === LF) return at + 3;
  }
  return -1;
}

const LENGTH_LINE = /(?:^|\n)(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*(?=\r?\n|$)/gi;

/** Number of the one Content-Length of a header part; undefined when there is none that is a number, or more. */
function contentLength(headers: string): number | undefined {
  const found = headers.match(LENGTH_LINE);
  return found?.length === 1 ? Number(/\d+/.exec(found[0])?.[0]) : undefined;
}
