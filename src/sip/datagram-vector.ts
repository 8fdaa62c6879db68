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

export class DatagramVector {
  readonly address: number;
  /** Bytes of all slots: slot `i` begins at `i * SLOT_BYTES`. */
  readonly data: Buffer;
  readonly #headers: Buffer;
  readonly #iovecs: Buffer;
  readonly #names: Buffer;

  constructor(kernel: Kernel) {
    const tables = kernel.allocate(SLOTS * (MMSGHDR + IOVEC + SOCKADDR));
    const data = kernel.allocate(SLOTS * SLOT_BYTES);
    this.address = tables.address;
    this.data = data.view;
    tables.view.fill(0);
    const iovAt = SLOTS * MMSGHDR;
    const nameAt = iovAt + SLOTS * IOVEC;
    this.#headers = tables.view.subarray(0, iovAt);
    this.#iovecs = tables.view.subarray(iovAt, nameAt);
    this.#names = tables.view.subarray(nameAt);
    for (let i = 0; i < SLOTS; i++) {
      pointer(this.#headers, i * MMSGHDR + AT.name, tables.address + nameAt + i * SOCKADDR);
      this.#headers.writeUInt32LE(SOCKADDR, i * MMSGHDR + AT.nameLength);
      pointer(this.#headers, i * MMSGHDR + AT.iov, tables.address + iovAt + i * IOVEC);
      pointer(this.#headers, i * MMSGHDR + AT.iovCount, 1);
      pointer(this.#iovecs, i * IOVEC, data.address + i * SLOT_BYTES);
      this.setLength(i, SLOT_BYTES);
      this.#names.writeUInt16LE(AF_INET, i * SOCKADDR);
    }
  }

  /** Bytes that slot `i` holds for sending, or may take. */
  setLength(i: number, bytes: number): void {
    this.#iovecs.writeUInt32LE(bytes, i * IOVEC + 8);
  }

  length(i: number): number {
    return this.#iovecs.readUInt32LE(i * IOVEC + 8);
  }

  /** Bytes received into slot `i`. */
  received(i: number): number {
    return this.#headers.readUInt32LE(i * MMSGHDR + AT.length);
  }

  /** The datagram in slot `i`; its bytes are overwritten by the next receive. */
  datagram(i: number): Buffer {
    const at = i * SLOT_BYTES;
    return this.data.subarray(at, at + this.received(i));
  }

  /** IPv4 address of slot `i` as a number, first byte highest. */
  ip(i: number): number {
    return this.#names.readUInt32BE(i * SOCKADDR + 4);
  }

  port(i: number): number {
    return this.#names.readUInt16BE(i * SOCKADDR + 2);
  }

  setTarget(i: number, ip: number, port: number): void {
    this.#names.writeUInt16BE(port, i * SOCKADDR + 2);
    this.#names.writeUInt32BE(ip, i * SOCKADDR + 4);
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
