/** The Via that the server puts on what it sends. */
import { bracketed, type ListenSocket } from './transport.js';

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

/** The whole header line with its CRLF. */
export function ownVia(socket: ListenSocket, branch: string, options: ViaOptions = {}): string {
  const transport = (options.transport ?? socket.proto).toUpperCase();
  let line = `Via: SIP/2.0/${transport} ${sentBy(socket, options.advertised)};branch=${branch}`;
  if (options.connection) line += `;i=${options.connection.toString(16)}`;
  if (options.rport) line += ';rport';
  if (options.params) line += options.params;
  return `${line}\r\n`;
}
