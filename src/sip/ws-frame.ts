/** Frames of WebSocket (RFC 6455, section 5), as a server reads and writes them; what is refused and how is Kamailio's. */
import { isUtf8 } from 'node:buffer';

export const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

const KNOWN: ReadonlySet<number> = new Set(Object.values(OPCODE));

export interface WsFrame {
  readonly fin: boolean;
  readonly opcode: number;
  /** Unmasked. */
  readonly payload: Buffer;
}

/** Code and reason of the close frame with which a connection ends (RFC 6455, 7.4). */
export interface WsClose {
  readonly status: number;
  readonly reason: string;
  /** For the log. */
  readonly why?: string;
}

const PROTOCOL_ERROR = { status: 1002, reason: 'Protocol error' } as const;
const RESERVED_BITS: WsClose = { ...PROTOCOL_ERROR, why: 'WebSocket reserved fields with non-zero values' };
const UNMASKED: WsClose = { ...PROTOCOL_ERROR, why: 'this is a server - all received messages must be masked' };
const TOO_BIG: WsClose = { status: 1009, reason: 'Message too big', why: 'message is too long' };
const unsupported = (opcode: number): WsClose => ({
  status: 1008,
  reason: 'Unsupported opcode',
  why: `unsupported opcode: 0x${opcode.toString(16)}`,
});

/** A payload must be shorter (BUF_SIZE of Kamailio); the fragments of a message together too. */
export const PAYLOAD_LIMIT = 65_535;

const FIN = 0x80;
const RESERVED = 0x70;
const OPCODE_BITS = 0x0f;
const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
const SHORT_LENGTH = 126;
const LONG_LENGTH = 127;
const MASK_BYTES = 4;

/** A whole frame that is not masked. */
export function wsFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const extra = length < SHORT_LENGTH ? 0 : length <= 0xffff ? 2 : 8;
  const out = Buffer.allocUnsafe(2 + extra + length);
  out[0] = FIN | opcode;
  if (extra === 0) out[1] = length;
  else if (extra === 2) {
    out[1] = SHORT_LENGTH;
    out.writeUInt16BE(length, 2);
  } else {
    out[1] = LONG_LENGTH;
    out.writeBigUInt64BE(BigInt(length), 2);
  }
  payload.copy(out, 2 + extra);
  return out;
}

/** A message: as text where it is UTF-8, else binary. */
export function wsMessage(data: string | Buffer): Buffer {
  const payload = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  return wsFrame(isUtf8(payload) ? OPCODE.TEXT : OPCODE.BINARY, payload);
}

export function wsCloseFrame({ status, reason }: WsClose): Buffer {
  const text = Buffer.from(reason, 'latin1');
  const payload = Buffer.allocUnsafe(2 + text.length);
  payload.writeUInt16BE(status & 0xffff, 0);
  text.copy(payload, 2);
  return wsFrame(OPCODE.CLOSE, payload);
}

export interface FrameEvents {
  frame(frame: WsFrame): void;
  /** What came is no frame that a client may send; nothing is read any more. */
  broken(close: WsClose): void;
}

interface Head {
  /** Where the payload begins: behind the mask. */
  readonly start: number;
  readonly end: number;
}

/** Cuts the bytes of one connection into frames. Never throws; at most one frame is kept. */
export class FrameReader {
  readonly #events: FrameEvents;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes without which nothing can be said of the next frame. */
  #wanted = 2;
  #done = false;

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  /** Bytes are unmasked in place. */
  push(chunk: Buffer): void {
    if (this.#done || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#wanted) return;
    let data = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length);
    while (!this.#done) {
      const rest = this.#take(data);
      if (rest === undefined) break;
      data = rest;
    }
    this.#chunks = this.#done || data.length === 0 ? [] : [data];
    this.#length = this.#done ? 0 : data.length;
  }

  stop(): void {
    this.#done = true;
    this.#chunks = [];
    this.#length = 0;
  }

  /** Takes one frame off and gives what follows it; undefined: there is no whole one. */
  #take(data: Buffer): Buffer | undefined {
    const head = this.#head(data);
    if (head === undefined) return undefined;
    if (data.length < head.end) {
      this.#wanted = head.end;
      return undefined;
    }
    this.#wanted = 2;
    const wrong = fault(data[0]!, data[1]!);
    if (wrong !== undefined) {
      this.#break(wrong);
      return undefined;
    }
    const payload = data.subarray(head.start, head.end);
    unmask(payload, data, head.start - MASK_BYTES);
    this.#events.frame({ fin: (data[0]! & FIN) !== 0, opcode: data[0]! & OPCODE_BITS, payload });
    return data.subarray(head.end);
  }

  #head(data: Buffer): Head | undefined {
    const mask = data.length > 1 && (data[1]! & MASKED) !== 0 ? MASK_BYTES : 0;
    const short = data.length > 1 ? data[1]! & LENGTH_BITS : 0;
    const extra = short === SHORT_LENGTH ? 2 : short === LONG_LENGTH ? 8 : 0;
    this.#wanted = 2 + extra + mask;
    if (data.length < this.#wanted) return undefined;
    const length = extra === 0 ? short : extra === 2 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
    if (length >= PAYLOAD_LIMIT) {
      this.#break(TOO_BIG);
      return undefined;
    }
    return { start: this.#wanted, end: this.#wanted + length };
  }

  #break(close: WsClose): void {
    this.#done = true;
    this.#events.broken(close);
  }
}

/** In the order in which Kamailio looks. */
function fault(first: number, second: number): WsClose | undefined {
  if ((first & RESERVED) !== 0) return RESERVED_BITS;
  if (!KNOWN.has(first & OPCODE_BITS)) return unsupported(first & OPCODE_BITS);
  return (second & MASKED) === 0 ? UNMASKED : undefined;
}

function unmask(payload: Buffer, data: Buffer, at: number): void {
  const [a, b, c, d] = [data[at]!, data[at + 1]!, data[at + 2]!, data[at + 3]!];
  const whole = payload.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    payload[i]! ^= a;
    payload[i + 1]! ^= b;
    payload[i + 2]! ^= c;
    payload[i + 3]! ^= d;
  }
  for (let i = whole; i < payload.length; i++) payload[i]! ^= data[at + (i & 3)]!;
}
