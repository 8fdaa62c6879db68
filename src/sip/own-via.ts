/** The Via that the server puts on what it sends. */
import { bracketed, type ListenSocket, type Received } from './transport.js';

export interface ViaOptions {
  /** set_advertised_address/port or the global ones; before the socket's own `advertise`. */
  readonly advertised?: { readonly host: string | null; readonly port: number } | undefined;
  /** Ask for rport (RFC 3581). */
  readonly rport?: boolean;
  /** Connection the request came by, written in hex as `i`; 0: none. */
  readonly connection?: number;
  /** More parameters, raw with their leading `;`. */
  readonly params?: string;
  /** Transport when it is not the socket's (WebSocket over its TCP listener). */
  readonly transport?: string;
}

const SIP_PORT = 5060;

/** sent-by as the server writes it: the port is left out only when it is the socket's own 5060. */
export function sentBy(socket: ListenSocket, advertised?: ViaOptions['advertised']): string {
  const host = advertised?.host || socket.advertised?.host || socket.ip;
  const port = advertised?.port || socket.advertised?.port || 0;
  const written = socket.af === 6 ? bracketed(host) : host;
  if (port > 0) return `${written}:${port}`;
  return socket.port === SIP_PORT ? written : `${written}:${socket.port}`;
}

/** The connection that the Via of a forwarded request names; 0: none. Those of WebSocket are not named, as in Kamailio. */
export function viaConnection({ proto, connection }: Received): number {
  return proto === 'tcp' || proto === 'tls' ? connection : 0;
}

/** In its field of four characters, as Kamailio writes it: a blank stands behind WS. */
function viaTransport(proto: string): string {
  return proto === 'ws' ? 'WS ' : proto.toUpperCase();
}

/** The whole header line with its CRLF. */
export function ownVia(socket: ListenSocket, branch: string, options: ViaOptions = {}): string {
  const transport = viaTransport(options.transport ?? socket.proto);
  let line = `Via: SIP/2.0/${transport} ${sentBy(socket, options.advertised)};branch=${branch}`;
  if (options.connection) line += `;i=${options.connection.toString(16)}`;
  if (options.rport) line += ';rport';
  if (options.params) line += options.params;
  return `${line}\r\n`;
}
