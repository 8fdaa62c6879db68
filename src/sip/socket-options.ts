/** Options of sockets that Node.js cannot set by itself (tos, pmtu_discovery): by FFI where it is there (kernel.ts). */
import type { Socket as DatagramSocket } from 'node:dgram';
import { isIPv4, isIPv6 } from 'node:net';
import { loadKernel } from './kernel.js';

export interface PacketOptions {
  /** Type of service, or traffic class of IPv6; undefined: the system's. */
  readonly tos?: number | undefined;
  /** Datagrams are sent with "don't fragment", and the way's size is found out; undefined: as the system does. */
  readonly pmtuDiscovery?: boolean | undefined;
}

export interface MulticastOptions {
  /** Address of the interface by which groups are joined; undefined: the system chooses. */
  readonly interface?: string | undefined;
  /** Hops; below 0: the system's number. */
  readonly ttl: number;
  /** Do our own datagrams come back? */
  readonly loopback: boolean;
}

const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_TOS = 1;
const IPV6_TCLASS = 67;
const IP_MTU_DISCOVER = 10;
const PMTUDISC = { DONT: 0, DO: 2 } as const;

/** Sets what is asked for on a descriptor; what the system refuses stays as it is. */
export function setPacketOptions(fd: number, af: 4 | 6, { tos, pmtuDiscovery }: PacketOptions): void {
  const kernel = fd < 0 || (tos === undefined && pmtuDiscovery === undefined) ? undefined : loadKernel();
  if (kernel === undefined) return;
  const set = (level: number, name: number, value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    kernel.setsockopt(fd, level, name, bytes, bytes.length);
  };
  if (tos !== undefined) set(af === 6 ? IPPROTO_IPV6 : IPPROTO_IP, af === 6 ? IPV6_TCLASS : IP_TOS, tos);
  if (pmtuDiscovery !== undefined && af === 4)
    set(IPPROTO_IP, IP_MTU_DISCOVER, pmtuDiscovery ? PMTUDISC.DO : PMTUDISC.DONT);
}

type Handle = { readonly fd?: number } | null;

/** Descriptor of a socket or server of Node.js; -1 where it has none. */
export function descriptorOf(holder: object): number {
  // asking a datagram socket for `_handle` prints a warning
  const state = Object.getOwnPropertySymbols(holder).find((s) => s.description === 'state symbol');
  const own = state === undefined ? undefined : (holder as Record<symbol, { handle?: Handle }>)[state];
  const handle = own === undefined ? (holder as { _handle?: Handle })._handle : own.handle;
  return handle?.fd ?? -1;
}

/** 224.0.0.0/4 and ff00::/8. */
export function isMulticast(ip: string): boolean {
  if (isIPv4(ip)) {
    const first = Number.parseInt(ip, 10);
    return first >= 224 && first < 240;
  }
  return isIPv6(ip) && /^ff[0-9a-f]{2}:/i.test(ip);
}

/** Joins the group if the address is one; throws where the system cannot. */
export function setMulticast(dgram: DatagramSocket, ip: string, options: MulticastOptions): void {
  if (isMulticast(ip)) dgram.addMembership(ip, options.interface);
  try {
    dgram.setMulticastLoopback(options.loopback);
    if (options.ttl >= 0) dgram.setMulticastTTL(options.ttl);
  } catch {
    // An interface without multicast: nothing will be sent that way.
  }
}
