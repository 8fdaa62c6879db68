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
const AT = { name: 0, nameLength: 8, iov: 16, iovCount: 24, length: 56 } as const;
const AF_INET = 2;
/** Offsets of the tables of iovec and sockaddr_in behind that of mmsghdr. */
const IOVECS = SLOTS * MMSGHDR;
const NAMES = IOVECS + SLOTS * IOVEC;
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
  /** Bytes of all slots: slot `i` begins at `i * SLOT_BYTES`. */
  readonly data: Buffer;
  /** The tables as 32-bit words: a field is read and written by one plain access. */
  readonly #words: Uint32Array;

  constructor(kernel: Kernel) {
    const tables = kernel.allocate(SLOTS * (MMSGHDR + IOVEC + SOCKADDR));
    const data = kernel.allocate(SLOTS * SLOT_BYTES);
    this.address = tables.address;
    this.data = data.view;
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
    const at = i * SLOT_BYTES;
    return this.data.toString('latin1', at, at + this.received(i));
  }

  /** Puts text of one byte a character, or bytes, into slot `i`. */
  put(i: number, data: string | Buffer): void {
    const at = i * SLOT_BYTES;
    if (typeof data === 'string') this.data.write(data, at, data.length, 'latin1');
    else data.copy(this.data, at);
    this.setLength(i, data.length);
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

  /** Address of the vector from slot `i` on. */
  from(i: number): number {
    return this.address + i * MMSGHDR;
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
