/**
 * mhomed: which listening socket has the address that the system would send from. Node.js cannot ask the routing table, so it
 * is worked out of the interfaces: the one whose network holds the destination, else the one that is neither loopback nor
 * link-local and stands first among the listen lines.
 */
import { networkInterfaces } from 'node:os';
import { type IpNet, inNet, ipBytes, parseNet } from '../sip/ip.js';
import type { ListenSocket } from '../sip/transport.js';

/** Milliseconds for which the interfaces are taken to be the same. */
const KEPT = 10_000;

const LINK_LOCAL = /^fe80:|^169\.254\./i;

interface Interface {
  readonly ip: string;
  readonly net: IpNet;
  readonly prefix: number;
  readonly isInternal: boolean;
}

export class SourceAddresses {
  #interfaces: readonly Interface[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #read: typeof networkInterfaces;

  constructor(read: typeof networkInterfaces = networkInterfaces) {
    this.#read = read;
  }

  /** Undefined: no socket listens on such an address. */
  socketTo(ip: string, sockets: readonly ListenSocket[]): ListenSocket | undefined {
    const bytes = ipBytes(ip);
    if (bytes === undefined) return undefined;
    const all = this.#current();
    const fits = sockets.filter((s) => s.proto === 'udp' && !s.virtual && s.af === (ip.includes(':') ? 6 : 4));
    const [nearest] = all.filter(({ net }) => inNet(bytes, net)).sort((a, b) => b.prefix - a.prefix);
    if (nearest !== undefined) return fits.find((s) => s.ip === nearest.ip);
    const outside = new Set(all.filter((i) => !i.isInternal && !LINK_LOCAL.test(i.ip)).map((i) => i.ip));
    return fits.find((s) => outside.has(s.ip));
  }

  #current(): readonly Interface[] {
    const now = performance.now();
    if (now - this.#readAt < KEPT) return this.#interfaces;
    this.#readAt = now;
    this.#interfaces = Object.values(this.#read()).flatMap((list) =>
      (list ?? []).flatMap(({ address, cidr, internal }) => {
        const net = cidr === null ? undefined : parseNet(cidr);
        return net === undefined
          ? []
          : [{ ip: address, net, prefix: Number(cidr!.slice(cidr!.indexOf('/') + 1)), isInternal: internal }];
      }),
    );
    return this.#interfaces;
  }
}
