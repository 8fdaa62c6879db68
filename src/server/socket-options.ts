/** What the script says of its sockets: tos, pmtu_discovery, mcast, mcast_ttl, mcast_loopback. */
import { networkInterfaces } from 'node:os';
import type { Program } from '../runtime/program.js';
import { loadKernel } from '../sip/kernel.js';
import type { MulticastOptions, PacketOptions } from '../sip/socket-options.js';

/** As <netinet/ip.h> has them. */
const TOS: Readonly<Record<string, number>> = {
  IPTOS_LOWDELAY: 0x10,
  IPTOS_THROUGHPUT: 0x08,
  IPTOS_RELIABILITY: 0x04,
  IPTOS_LOWCOST: 0x02,
  IPTOS_MINCOST: 0x02,
};

function tosOf(value: number | string | undefined): number | undefined {
  return typeof value === 'string' ? TOS[value.toUpperCase()] : value;
}

/** The one of IPv4: groups of IPv6 are joined by the interface that the system chooses. */
function addressOf(name: string): string | undefined {
  return networkInterfaces()[name]?.find((a) => a.family === 'IPv4')?.address;
}

export interface DatagramOptions {
  readonly packets: PacketOptions;
  readonly multicast: MulticastOptions;
}

export function datagramOptions({ core: { values } }: Program): DatagramOptions {
  const mcast = values.get('mcast');
  return {
    packets: { tos: tosOf(values.get('tos')), pmtuDiscovery: Number(values.get('pmtu_discovery') ?? 0) !== 0 },
    multicast: {
      interface: typeof mcast === 'string' && mcast !== '' ? addressOf(mcast) : undefined,
      ttl: Number(values.get('mcast_ttl') ?? -1),
      loopback: Number(values.get('mcast_loopback') ?? 0) !== 0,
    },
  };
}

/** Why the script asks for what this machine cannot do; undefined: it does not. */
export function socketsRefused({ script, core: { values } }: Program): string | undefined {
  const set = (name: string) => script.items.find((i) => i.kind === 'param' && i.name === name);
  const mcast = values.get('mcast');
  if (typeof mcast === 'string' && mcast !== '' && networkInterfaces()[mcast] === undefined)
    return `mcast=${mcast}: there is no such interface`;
  const tos = values.get('tos');
  if (tos !== undefined && tosOf(tos) === undefined)
    return `tos=${tos}: one of ${Object.keys(TOS).join(', ')} or a number is wanted`;
  const asked = ['tos', 'pmtu_discovery'].find((name) => set(name) !== undefined);
  if (asked === undefined || loadKernel() !== undefined) return undefined;
  return `${asked} needs the optional package koffi, which is not here or has no binary for this machine: leave the line out`;
}
