/** Destinations that failed and are avoided for a while: use_dst_blocklist and its kin, with the bits of 5.6.3. */
import type { SipMessage } from '../sip/message.js';
import type { Proto } from '../sip/transport.js';
import type { Host } from './host.js';
import type { Program } from './program.js';

/** Why a destination is avoided. */
export const BLOCKED = {
  IPV6: 1,
  SEND: 2,
  CONNECT: 4,
  TIMEOUT: 16,
  REPLY_503: 32,
  ADMIN: 64,
  PERMANENT: 128,
} as const;

export interface BlockedAddress {
  /** undefined: of whatever transport. */
  readonly proto: Proto | undefined;
  readonly ip: string;
  readonly port: number;
  flags: number;
  /** Milliseconds since the epoch. */
  expires: number;
}

const SECOND = 1000;
/** Bytes of an entry of Kamailio's, for the limit of memory. */
const SIZE = { 4: 24, 6: 36 } as const;

const sizeOf = (e: BlockedAddress) => SIZE[e.ip.includes(':') ? 6 : 4];
const keyOf = (ip: string, port: number) => `${ip} ${port}`;

export class Blocklist {
  readonly #now: () => number;
  readonly #entries = new Map<string, BlockedAddress[]>();
  #used = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Bytes as Kamailio counts them. */
  get used(): number {
    return this.#used;
  }

  /** False: it is full. `memory` in bytes. */
  add(flags: number, proto: Proto | undefined, ip: string, port: number, seconds: number, memory: number): boolean {
    const expires = this.#now() + seconds * SECOND;
    const known = this.find(proto, ip, port);
    const all = (ip.includes(':') ? BLOCKED.IPV6 : 0) | (flags & ~BLOCKED.IPV6);
    if (known !== undefined) {
      known.flags |= all;
      known.expires = expires;
      return true;
    }
    const entry = { proto, ip, port, flags: all, expires };
    if (this.#used + sizeOf(entry) >= memory) this.clean();
    if (this.#used + sizeOf(entry) >= memory) return false;
    const key = keyOf(ip, port);
    this.#entries.set(key, [...(this.#entries.get(key) ?? []), entry]);
    this.#used += sizeOf(entry);
    return true;
  }

  /** `proto` undefined: of whatever transport. */
  find(proto: Proto | undefined, ip: string, port: number): BlockedAddress | undefined {
    const now = this.#now();
    return this.#entries
      .get(keyOf(ip, port))
      ?.find((e) => e.expires > now && (e.proto === undefined || proto === undefined || e.proto === proto));
  }

  delete(proto: Proto | undefined, ip: string, port: number): boolean {
    const found = this.find(proto, ip, port);
    if (found !== undefined) this.#keep((e) => e !== found);
    return found !== undefined;
  }

  /** All but the permanent ones go. */
  clear(): void {
    this.#keep((e) => (e.flags & BLOCKED.PERMANENT) !== 0);
  }

  /** What has expired goes. */
  clean(): void {
    const now = this.#now();
    this.#keep((e) => e.expires > now);
  }

  *all(): Iterable<BlockedAddress> {
    for (const entries of this.#entries.values()) yield* entries;
  }

  #keep(test: (e: BlockedAddress) => boolean): void {
    this.#used = 0;
    for (const [key, entries] of this.#entries) {
      const left = entries.filter(test);
      for (const e of left) this.#used += sizeOf(e);
      if (left.length === 0) this.#entries.delete(key);
      else if (left.length < entries.length) this.#entries.set(key, left);
    }
  }
}

interface Address {
  readonly proto: Proto;
  readonly ip: string;
  readonly port: number;
}

export function usesBlocklist({ core: { values } }: Program): boolean {
  return Number(values.get('use_dst_blocklist') ?? 0) !== 0;
}

/** Seconds for which a destination is avoided when nothing else is said. */
export function blockSeconds({ core: { values } }: Program): number {
  return Number(values.get('dst_blocklist_expire') ?? 60);
}

export function blocklistMemory({ core: { values } }: Program): number {
  return Number(values.get('dst_blocklist_mem') ?? 250) * 1024;
}

/** Is the destination avoided? */
export function isBlocked(host: Host, program: Program, to: Address): boolean {
  return usesBlocklist(program) && host.blocklist?.find(to.proto, to.ip, to.port) !== undefined;
}

/** For `dst_blocklist_PROTO_imask`; WebSocket has none. */
function ignored({ core: { values } }: Program, proto: Proto): number {
  return Number(values.get(`dst_blocklist_${proto}_imask`) ?? 0);
}

/** The destination is avoided from now on, where the script wants that for this reason. `ignore`: reasons it does not count. */
export function block(host: Host, program: Program, reason: number, to: Address, ignore = 0, seconds?: number): void {
  if (!usesBlocklist(program) || (reason & ~ignored(program, to.proto) & ~ignore) === 0) return;
  forceBlock(host, program, reason, to, seconds ?? blockSeconds(program));
}

/** The same, whatever the script says of reasons. */
export function forceBlock(host: Host, program: Program, reason: number, to: Address, seconds: number): void {
  host.blocklist?.add(reason, to.proto, to.ip, to.port, seconds, blocklistMemory(program));
}

/** The whole number that a Retry-After begins with; undefined: there is none. */
export function retryAfter(msg: SipMessage): number | undefined {
  const header = msg.headers.find((h) => h.name.toLowerCase() === 'retry-after');
  const digits =
    header === undefined ? undefined : /^\s*(\d+)/.exec(msg.text.slice(header.valueStart, header.valueEnd));
  return digits?.[1] === undefined ? undefined : Number(digits[1]);
}
