/** From `listen=` and `alias=` to listening sockets and to "is it me?". */
import type { ListenAddress } from '../parser/tree.js';
import { type Ipv6Style, ipBytes, styledIp } from '../sip/ip.js';
import { isMulticast } from '../sip/socket-options.js';
import { type ListenSocket, listenSocket, type Proto } from '../sip/transport.js';
import type { DnsSource } from './dns/client.js';
import type { SimpleLookups } from './dns/sources.js';

/** What the machine has: interfaces by name with their addresses, and a way to look names up. */
export interface Network {
  interfaces(): Readonly<Record<string, readonly string[]>>;
  lookup(host: string): Promise<readonly string[]>;
  /** Names of an address. */
  reverse?(ip: string): Promise<readonly string[]>;
  /** SRV records of a name, where `dns` is missing. */
  srv?: NonNullable<SimpleLookups['srv']>;
  /** DNS records; missing: those that `lookup` and `srv` give. */
  readonly dns?: DnsSource;
}

export interface ListenPlan {
  readonly sockets: readonly ListenSocket[];
  readonly errors: readonly { readonly text: string; readonly address: ListenAddress }[];
}

export interface ListenDefaults {
  readonly port: number;
  readonly tlsPort: number;
  /** Transports of an address that names none. */
  readonly protos: readonly Proto[];
  /** Without any `listen`: addresses of IPv6 too (auto_bind_ipv6). */
  readonly autoIpv6?: boolean;
  readonly ipv6Style?: Ipv6Style;
}

const WILD = new Set(['0.0.0.0', '::', '*']);

/** The sockets of a script; without any `listen` every address of the machine. */
export async function planSockets(
  listen: readonly ListenAddress[],
  defaults: ListenDefaults,
  network: Network,
): Promise<ListenPlan> {
  const sockets: ListenSocket[] = [];
  const errors: { text: string; address: ListenAddress }[] = [];
  if (listen.length === 0) {
    for (const ip of everyAddress(network).filter((a) => defaults.autoIpv6 || !a.includes(':')))
      for (const proto of defaults.protos) add(sockets, proto, ip, defaults, undefined);
    return { sockets, errors };
  }
  for (const address of listen) {
    for (const host of address.hosts) {
      const ips = await addressesOf(host, network);
      if (ips.length === 0) errors.push({ text: `could not resolve ${host}`, address });
      for (const ip of ips) {
        const protos = address.proto ? [address.proto.toLowerCase() as Proto] : defaults.protos;
        for (const proto of protos) add(sockets, proto, ip, defaults, address);
      }
    }
  }
  return { sockets, errors };
}

function add(
  into: ListenSocket[],
  proto: Proto,
  ip: string,
  defaults: ListenDefaults,
  a: ListenAddress | undefined,
): void {
  const port = a?.port || (proto === 'tls' ? defaults.tlsPort : defaults.port);
  const advertised = a?.advertise && { host: a.advertise.host.replace(/^\[|\]$/g, ''), port: a.advertise.port ?? port };
  const extra = {
    ...(advertised ? { advertised } : {}),
    ...(a?.name ? { name: a.name } : {}),
    ...(a?.virtual ? { virtual: true } : {}),
    ...(isMulticast(ip) ? { multicast: true } : {}),
  };
  const socket = listenSocket(proto, styledIp(ip, defaults.ipv6Style ?? 'c'), port, extra);
  if (!into.some((s) => s.text === socket.text)) into.push(socket);
}

function everyAddress(network: Network): string[] {
  return Object.values(network.interfaces())
    .flat()
    .filter((ip) => !ip.startsWith('fe80:'));
}

async function addressesOf(host: string, network: Network): Promise<readonly string[]> {
  const plain = host.replace(/^\[(.*)\]$/, '$1');
  if (/^[0-9.]+$/.test(plain) || plain.includes(':')) return [plain];
  if (WILD.has(plain)) return everyAddress(network);
  const own = network.interfaces()[plain];
  if (own) return own.filter((ip) => !ip.startsWith('fe80:'));
  return (await network.lookup(plain)).slice(0, 1);
}

/** Names and addresses under which the server answers. */
export class Myself {
  readonly #sockets: readonly ListenSocket[];
  readonly #aliases: readonly { readonly host: string; readonly port: number; readonly proto: string | undefined }[];
  readonly #own: readonly { readonly host: string; readonly port: number; readonly proto: Proto }[];
  /** Names found by looking up the own addresses (auto_aliases). */
  readonly #automatic = new Set<string>();

  constructor(sockets: readonly ListenSocket[], aliases: readonly ListenAddress[]) {
    this.#sockets = sockets;
    this.#own = sockets.map(({ ip, port, proto }) => ({ host: plainHost(ip), port, proto }));
    this.#aliases = [
      ...aliases.flatMap((a) =>
        a.hosts.map((h) => ({ host: plainHost(h), port: a.port ?? 0, proto: a.proto?.toLowerCase() })),
      ),
      ...sockets.flatMap((s) =>
        s.advertised ? [{ host: plainHost(s.advertised.host), port: s.advertised.port, proto: s.proto }] : [],
      ),
    ];
  }

  addAutomatic(name: string): void {
    this.#automatic.add(name.toLowerCase());
  }

  /** An alias without a port stands for any; port 0 asked for stands for any of ours. */
  has(host: string, port: number, wanted: Proto | undefined): boolean {
    // WebSocket has no listeners of its own
    if (wanted === 'ws') return this.has(host, port, 'tcp') || this.has(host, port, 'tls');
    const proto = wanted === 'wss' ? 'tls' : wanted;
    const h = plainHost(host);
    const fits = (p: number, pr: string | undefined) =>
      (port === 0 || p === 0 || p === port) && (!proto || !pr || pr === proto);
    for (const { host: ip, port: p, proto: pr } of this.#own) if (ip === h && fits(p, pr)) return true;
    for (const a of this.#aliases) if (a.host === h && fits(a.port, a.proto)) return true;
    return this.#automatic.has(h) && this.#sockets.some((s) => fits(s.port, s.proto));
  }
}

/** IPv6 in one spelling, whatever it was. */
export function plainHost(host: string): string {
  const plain = (host[0] === '[' ? host.slice(1, -1) : host).toLowerCase();
  return plain.includes(':') ? (ipBytes(plain)?.join('.') ?? plain) : plain;
}
