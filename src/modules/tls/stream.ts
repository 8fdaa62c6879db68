/** The TLS connection of a message. */
import { TLSSocket } from 'node:tls';
import { LEVEL, type RouteContext, type StateKey, stateKey } from '../../runtime/module.js';
import type { TlsSource, TlsTransport } from '../../sip/tls.js';
import type { TlsProfiles } from './config.js';

export interface TlsState {
  readonly transports: TlsTransport[];
  profiles: TlsProfiles | undefined;
  load: () => TlsProfiles;
  /** tls_set_connect_server_id(). */
  connectServerId: string;
  /** Runs that event route. */
  readonly connected: NonNullable<TlsSource['connected']>;
  /** While event_route[tls:connection-out] runs: the connection it is about. */
  opened: TLSSocket | undefined;
}

export const TLS: StateKey<TlsState> = stateKey<TlsState>('tls');

/** Undefined, with a line in the log, when the message did not come over TLS or its connection has ended. */
export function streamOf(ctx: RouteContext): TLSSocket | undefined {
  const { host, msg } = ctx;
  const state = host.state(TLS);
  if (state.opened !== undefined) return state.opened;
  if (msg.received.proto !== 'tls') {
    host.log.write(LEVEL.ERR, 'tls', 'Transport protocol is not TLS (bug in config)\n');
    return undefined;
  }
  const stream = state.transports[0]?.connections.get(msg.received.connection)?.stream;
  if (stream instanceof TLSSocket && !stream.destroyed) return stream;
  host.log.write(LEVEL.INFO, 'tls', 'TLS connection not found\n');
  return undefined;
}
