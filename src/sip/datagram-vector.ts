/** A vector of struct mmsghdr with buffers and addresses for IPv4, laid out once in memory shared with the kernel. */
import type { Kernel } from './kernel.js';

/** Datagrams a call. */
export const SLOTS = 64;
/** What UDP can carry. */
export const SLOT_BYTES = 65_536;

// Layout of Linux on 64-bit machines (socket.h).
const MMSGHDR = 64;
const IOVEC = 16;
const SOCKADDR = 16;
/** struct cmsghdr with a 16-bit number, padded. */
const CONTROL = 24;
const AT = { name: 0, nameLength: 8, iov: 16, iovCount: 24, control: 32, controlLength: 40, length: 56 } as const;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** Longer datagrams may not fit the path without being cut up, which rules out that the kernel divides them. */
const SEGMENT_BYTES = 1400;
const RUN_BYTES = 65_000;
/** Where datagrams go to more than these they are sent as they come. */
const MOST_TARGETS = 8;
const AF_INET = 2;
/** Offsets of the tables of iovec and sockaddr_in behind that of mmsghdr. */
const IOVECS = SLOTS * MMSGHDR;
const NAMES = IOVECS + SLOTS * IOVEC;
const CONTROLS = NAMES + SLOTS * SOCKADDR;
/** The same in words: of an iovec's length, of a name. */
const LENGTH_WORD = IOVECS / 4 + 2;
const NAME_WORD = NAMES / 4;

/** Network order and back, on the little-endian machines this is for. */
function swap16(n: number): number {
  return ((n & 255) << 8) | (n >>> 8);
}

function swap32(n: number): number {
  return ((n << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24)) >>> 0;
}

export class DatagramVector {
  readonly address: number;
  /** Bytes of all places. */
  readonly #data: Buffer;
  /** Where the bytes of slot `i` are: `#place[i] * SLOT_BYTES`. `group` puts slots in another order, not their bytes. */
  readonly #place = Uint8Array.from({ length: SLOTS }, (_, i) => i);
  /** The tables as 32-bit words: a field is read and written by one plain access. */
  readonly #words: Uint32Array;
  readonly #starts = new Uint8Array(SLOTS + 1);

  constructor(kernel: Kernel) {
    const tables = kernel.allocate(CONTROLS + SLOTS * CONTROL);
    const data = kernel.allocate(SLOTS * SLOT_BYTES);
    this.address = tables.address;
    this.#data = data.view;
    const table = tables.view;
    table.fill(0);
    this.#words = new Uint32Array(table.buffer, table.byteOffset, table.length / 4);
    for (let i = 0; i < SLOTS; i++) {
      const header = i * MMSGHDR;
      const iovec = IOVECS + i * IOVEC;
      const name = NAMES + i * SOCKADDR;
      pointer(table, header + AT.name, tables.address + name);
      table.writeUInt32LE(SOCKADDR, header + AT.nameLength);
      pointer(table, header + AT.iov, tables.address + iovec);
      pointer(table, header + AT.iovCount, 1);
      pointer(table, iovec, data.address + i * SLOT_BYTES);
      this.setLength(i, SLOT_BYTES);
      table.writeUInt16LE(AF_INET, name);
      const control = CONTROLS + i * CONTROL;
      pointer(table, control, 18);
      table.writeUInt32LE(SOL_UDP, control + 8);
      table.writeUInt32LE(UDP_SEGMENT, control + 12);
    }
  }

  /** Bytes that slot `i` holds for sending, or may take. */
  setLength(i: number, bytes: number): void {
    this.#words[LENGTH_WORD + i * (IOVEC / 4)] = bytes;
  }

  length(i: number): number {
    return this.#words[LENGTH_WORD + i * (IOVEC / 4)]!;
  }

  /** Bytes received into slot `i`. */
  received(i: number): number {
    return this.#words[(i * MMSGHDR + AT.length) / 4]!;
  }

  /** The datagram in slot `i` as latin1 text. */
  text(i: number): string {
    const at = this.#place[i]! * SLOT_BYTES;
    return this.#data.toString('latin1', at, at + this.received(i));
  }

  /** Puts text of one byte a character, or bytes, into slot `i`. */
  put(i: number, data: string | Buffer): void {
    const at = this.#place[i]! * SLOT_BYTES;
    if (typeof data === 'string') this.#data.write(data, at, data.length, 'latin1');
    else data.copy(this.#data, at);
    this.setLength(i, data.length);
  }

  /** A copy of what slot `i` holds for sending. */
  copy(i: number): Buffer {
    const at = this.#place[i]! * SLOT_BYTES;
    return Buffer.from(this.#data.subarray(at, at + this.length(i)));
  }

  /**
   * Puts the first `count` slots in such an order that those to one target stand together, each target's in the order in
   * which they were: only then can they share headers. `order[i]` is where slot `i` was; false: all stays as it is.
   */
  group(count: number, order: Uint8Array): boolean {
    const targets = this.#targets(count);
    if (targets < 2) return false;
    let n = 0;
    for (let target = 0; target < targets; target++)
      for (let i = 0; i < count; i++) if (this.#targetOf[i] === target) order[n++] = i;
    const old = this.#words.slice(IOVECS / 4, CONTROLS / 4);
    const places = this.#place.slice(0, count);
    for (let i = 0; i < count; i++) {
      const was = order[i]!;
      for (let w = 0; w < 4; w++) {
        this.#words[IOVECS / 4 + 4 * i + w] = old[4 * was + w]!;
        this.#words[NAME_WORD + 4 * i + w] = old[4 * (SLOTS + was) + w]!;
      }
      this.#place[i] = places[was]!;
    }
    return true;
  }

  readonly #targetOf = new Uint8Array(SLOTS);
  readonly #firstOf = new Uint8Array(MOST_TARGETS);

  /** Numbers the targets of the slots; gives how many there are, 0 where there are too many or they stand together. */
  #targets(count: number): number {
    let targets = 0;
    let changes = 0;
    for (let i = 0; i < count; i++) {
      let target = 0;
      while (target < targets && !this.#sameTarget(this.#firstOf[target]!, i)) target++;
      if (target === targets) {
        if (targets === MOST_TARGETS) return 0;
        this.#firstOf[targets++] = i;
      }
      this.#targetOf[i] = target;
      if (i > 0 && target !== this.#targetOf[i - 1]) changes++;
    }
    return changes >= targets ? targets : 0;
  }

  /** IPv4 address of slot `i` as a number, first byte highest. */
  ip(i: number): number {
    return swap32(this.#words[NAME_WORD + i * (SOCKADDR / 4) + 1]!);
  }

  port(i: number): number {
    return swap16(this.#words[NAME_WORD + i * (SOCKADDR / 4)]! >>> 16);
  }

  setTarget(i: number, ip: number, port: number): void {
    const at = NAME_WORD + i * (SOCKADDR / 4);
    this.#words[at] = AF_INET | (swap16(port) << 16);
    this.#words[at + 1] = swap32(ip);
  }

  /**
   * Lays the headers out for sending slots `from` to `to`, and gives their number. With `segment` datagrams in a row of one
   * length (the last one may be shorter) to one target share a header: the kernel takes its way through the network stack once for all of them, and
   * divides them at the end (UDP_SEGMENT).
   */
  plan(from: number, to: number, segment: boolean): number {
    let runs = 0;
    for (let i = from; i < to; ) {
      const end = segment ? this.#runEnd(i, to) : i + 1;
      this.#header(runs, i, end - i);
      this.#starts[runs++] = i;
      i = end;
    }
    this.#starts[runs] = to;
    return runs;
  }

  /** First slot of header `run` of the last plan; that of the header after the last is where the plan ended. */
  start(run: number): number {
    return this.#starts[run]!;
  }

  #runEnd(first: number, to: number): number {
    const length = this.length(first);
    if (length > SEGMENT_BYTES || length === 0) return first + 1;
    const last = Math.min(to, first + Math.floor(RUN_BYTES / length));
    let i = first + 1;
    while (i < last && this.length(i) === length && this.#sameTarget(first, i)) i++;
    // the last one may be shorter
    const shorter = i < last && this.length(i) < length && this.length(i) > 0 && this.#sameTarget(first, i);
    return shorter ? i + 1 : i;
  }

  #sameTarget(a: number, b: number): boolean {
    const words = this.#words;
    const x = NAME_WORD + a * (SOCKADDR / 4);
    const y = NAME_WORD + b * (SOCKADDR / 4);
    return words[x] === words[y] && words[x + 1] === words[y + 1];
  }

  #header(run: number, slot: number, count: number): void {
    const words = this.#words;
    const at = (run * MMSGHDR) / 4;
    this.#pointer(at + AT.name / 4, NAMES + slot * SOCKADDR);
    this.#pointer(at + AT.iov / 4, IOVECS + slot * IOVEC);
    words[at + AT.iovCount / 4] = count;
    words[at + AT.controlLength / 4] = count > 1 ? CONTROL : 0;
    if (count === 1) return;
    this.#pointer(at + AT.control / 4, CONTROLS + run * CONTROL);
    words[(CONTROLS + run * CONTROL) / 4 + 4] = this.length(slot);
  }

  /** Writes the address of `offset` in the tables into two words. */
  #pointer(word: number, offset: number): void {
    const address = this.address + offset;
    this.#words[word] = address % 0x1_0000_0000;
    this.#words[word + 1] = Math.floor(address / 0x1_0000_0000);
  }

  /** Address of header `run` and those after it. */
  from(run: number): number {
    return this.address + run * MMSGHDR;
  }
}

function pointer(b: Buffer, at: number, value: number): void {
  b.writeUInt32LE(value % 0x1_0000_0000, at);
  b.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

/** `sockaddr_in` of a literal address, for bind(). */
export function socketAddress(ip: string, port: number): Buffer {
  const b = Buffer.alloc(SOCKADDR);
  b.writeUInt16LE(AF_INET, 0);
  b.writeUInt16BE(port, 2);
  b.writeUInt32BE(ipNumber(ip) ?? 0, 4);
  return b;
}

/** Number of a dotted address; undefined when it is none. */
export function ipNumber(ip: string): number | undefined {
  const parts = ip.split('.');
  if (parts.length !== 4) return undefined;
  let n = 0;
  for (const part of parts) {
    const byte = Number(part);
    if (!/^\d{1,3}$/.test(part) || byte > 255) return undefined;
    n = n * 256 + byte;
  }
  return n;
}

export function ipText(n: number): string {
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}
