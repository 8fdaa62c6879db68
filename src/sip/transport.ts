/** What a transport is to the rest of the server. Sockets, clocks and DNS stay behind these interfaces. */

export type Proto = 'udp' | 'tcp' | 'tls' | 'sctp' | 'ws' | 'wss';

/** Kamailio's numbers: `$prid`, K(UDP) …; 0 is none. */
export const PROTO_ID: Readonly<Record<Proto, number>> = { udp: 1, tcp: 2, tls: 3, sctp: 4, ws: 5, wss: 6 };

/** As URIs name it: ws is WebSocket over TLS too, `transport=wss` does not exist. */
export function uriProto(proto: string): string {
  return proto === 'wss' ? 'ws' : proto;
}

/** One `listen=` address. */
export interface ListenSocket {
  readonly proto: Proto;
  /** IP address as text, IPv6 without brackets. */
  readonly ip: string;
  readonly port: number;
  readonly af: 4 | 6;
  /** `advertise host:port` of the listen line. */
  readonly advertised?: { readonly host: string; readonly port: number };
  readonly name?: string;
  readonly virtual?: boolean;
  /** A group address: what comes is taken, and what goes leaves by another socket. */
  readonly multicast?: boolean;
  /** `udp:127.0.0.1:5060`, IPv6 in brackets: `$Ras`, `$fs`. */
  readonly text: string;
}

/** IPv6 addresses get brackets, others stay. */
export function bracketed(ip: string): string {
  return ip.includes(':') && ip[0] !== '[' ? `[${ip}]` : ip;
}

/** Makes the value of one listening address. */
export function listenSocket(
  proto: Proto,
  ip: string,
  port: number,
  extra: Pick<ListenSocket, 'advertised' | 'name' | 'virtual' | 'multicast'> = {},
): ListenSocket {
  const af = ip.includes(':') ? 6 : 4;
  return { proto, ip, port, af, text: `${proto}:${bracketed(ip)}:${port}`, ...extra };
}

/** Where a message came from and by which socket. */
export interface Received {
  readonly proto: Proto;
  readonly srcIp: string;
  readonly srcPort: number;
  readonly socket: ListenSocket;
  /** Connection id of stream transports; 0 over UDP. */
  readonly connection: number;
  /** Where it was sent to, as a load balancer told; missing: the socket's own address. */
  readonly sentTo?: { readonly ip: string; readonly port: number };
}

/** Where a message goes. `connection` > 0: over that one if it still lives. */
export interface Destination {
  readonly proto: Proto;
  readonly ip: string;
  readonly port: number;
  readonly socket: ListenSocket;
  readonly connection?: number;
}

/** Flags of set_forward_no_connect() and family. */
export interface SendOptions {
  /** Only over a connection that exists. */
  readonly noConnect?: boolean;
  /** Close the connection afterwards. */
  readonly close?: boolean;
  /** A connection that has to be opened leaves from the address of the socket, which the script chose. */
  readonly fromSocket?: boolean;
  /** No message (a keep-alive): modules that change what goes to the network leave it alone. */
  readonly asIs?: boolean;
  /** For a TLS connection that has to be opened: the name to ask for, and which client settings count. */
  readonly tls?: { readonly serverName?: string; readonly serverId?: string };
}

/** Takes what arrives, bytes or latin1 text. Must never throw; a buffer may be reused by the transport after the call. */
export type OnDatagram = (data: Buffer | string, from: Received) => void;

/** One bound socket (UDP) or listener with its connections (stream transports). */
export interface Transport {
  readonly socket: ListenSocket;
  /** Resolves when bound; rejects with an Error that has `code` (EADDRINUSE …). */
  start(onMessage: OnDatagram): Promise<void>;
  /**
   * Sends latin1 text or bytes. False when it is known at once that it cannot be sent; a later failure goes to
   * `onFailure`.
   */
  send(data: string | Buffer, to: Destination, options?: SendOptions, onFailure?: (error: Error) => void): boolean;
  /** Runs `work`; what it sends goes out together at its end. Missing: there is nothing to be won by it. */
  together?(work: () => void): void;
  stop(): Promise<void>;
}
