/** From a URI to addresses and the sockets that reach them. */
import { type Host, isConnected, type Target } from '../../runtime/host.js';
import type { Destination, ListenSocket, Proto } from '../../sip/transport.js';
import { parseUri, uriTarget } from '../../sip/uri.js';
import { E } from './errors.js';

/** `t_relay("host", "port")` and its like: where to, whatever the URI says. */
export interface Forced {
  readonly host: string;
  /** 0: none given. */
  readonly port: number;
  readonly proto: Proto | undefined;
}

export type NextHops = readonly Destination[] | number;

/**
 * Addresses for a next hop, best first, or an E code: BAD_ADDRESS where the URI or the name leads nowhere, NO_SOCKET where
 * no socket of that protocol is open. `bound`: where the message came in, see `Host.socketFor`. A literal address never waits.
 */
export function nextHops(
  host: Host,
  uri: string,
  socket: ListenSocket | null,
  proto: Proto | undefined,
  bound?: ListenSocket,
): NextHops | Promise<NextHops> {
  const parsed = parseUri(uri);
  if (parsed === undefined || parsed.host === '') return E.BAD_ADDRESS;
  const target = uriTarget(parsed);
  return resolve(host, target.host, target.port, proto ?? target.proto, socket, target.secure, bound);
}

export function forcedHops(
  host: Host,
  forced: Forced,
  socket: ListenSocket | null,
  bound?: ListenSocket,
): NextHops | Promise<NextHops> {
  return resolve(host, forced.host, forced.port, forced.proto, socket, false, bound);
}

function resolve(
  host: Host,
  name: string,
  port: number,
  proto: Proto | undefined,
  socket: ListenSocket | null,
  secure: boolean,
  bound: ListenSocket | undefined,
): NextHops | Promise<NextHops> {
  const found = host.resolver.resolve(name, port, proto, secure);
  if (!(found instanceof Promise)) return reachable(host, found, socket, bound);
  return found.then(
    (targets) => reachable(host, targets, socket, bound),
    () => E.BAD_ADDRESS,
  );
}

function reachable(
  host: Host,
  targets: readonly Target[],
  preferred: ListenSocket | null,
  bound: ListenSocket | undefined,
): NextHops {
  const all: Destination[] = [];
  for (const { proto, ip, port } of targets) {
    const socket = host.socketFor(proto, ip, preferred, bound);
    if (socket !== undefined) all.push({ proto, ip, port, socket });
  }
  const out = all.filter((to) => isConnected(host, to));
  if (all.length > 0) return out.length > 0 ? out : E.NOT_BUILT;
  const first = targets[0];
  if (first === undefined) return E.BAD_ADDRESS;
  // Kamailio does not know IPv6 addresses where it has no IPv6 socket
  const unknown = first.ip.includes(':') && !host.sockets.some((s) => s.af === 6);
  return unknown ? E.BAD_ADDRESS : E.NO_SOCKET;
}
