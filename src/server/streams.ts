/** What RPC commands show of the stream connections. */
import type { StreamEntry } from '../runtime/host.js';
import type { Connection, ConnectionTable } from '../sip/connections.js';
import type { ServerHost } from './host.js';

const DEFAULT_LIFETIME = 120;

export function streamEntries(connections: ConnectionTable, host: ServerHost): StreamEntry[] {
  const lifetime = Number(host.program.core.values.get('tcp_connection_lifetime') ?? DEFAULT_LIFETIME);
  return [...connections.all()].map((c) => ({
    id: c.id,
    proto: c.proto,
    connected: !c.pending,
    timeout: lifetime,
    lifetime,
    remote: { ip: c.ip, port: c.port },
    local: { ip: c.stream.localAddress ?? '', port: c.stream.localPort ?? 0 },
  }));
}

export function streamCounts(connections: ConnectionTable) {
  const all = [...connections.all()];
  const isTls = (c: Connection) => c.proto === 'tls' || c.proto === 'wss';
  return {
    opened_connections: all.length,
    opened_tls_connections: all.filter(isTls).length,
    write_queued_bytes: all.reduce((sum, c) => sum + c.stream.writableLength, 0),
  };
}
