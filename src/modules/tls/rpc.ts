/** RPC commands of module tls, in the shapes of 5.6.3. */
import type { TLSSocket } from 'node:tls';
import { type Host, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import type { Connection } from '../../sip/connections.js';
import { cipherDescription } from './certificate.js';
import { TLS } from './stream.js';

function reload(host: Host): RpcValue {
  const state = host.state(TLS);
  try {
    const next = state.load();
    for (const t of state.transports) t.renew(next.source(t.socket, state.connected));
    state.profiles = next;
  } catch (e) {
    throw new RpcFault(500, `Error while fixing TLS configuration: ${e instanceof Error ? e.message : String(e)}`);
  }
  return 'Ok. TLS configuration reloaded.';
}

function connections(host: Host): Connection[] {
  const all = host.state(TLS).transports[0]?.connections.all() ?? [];
  return [...all].filter((c) => c.proto === 'tls');
}

function entry(host: Host, { id, ip, port, stream, pending }: Connection): RpcValue {
  const tls = stream as TLSSocket;
  const cipher = pending ? undefined : tls.getCipher();
  const made = cipher === undefined ? 'unknown' : cipherDescription(cipher.name, cipher.version).trimEnd();
  return {
    id,
    timeout: Number(host.program.core.values.get('tcp_connection_lifetime') ?? 120),
    src_ip: ip,
    src_port: port,
    dst_ip: stream.localAddress ?? '',
    dst_port: stream.localPort ?? 0,
    cipher: made,
    ct_wq_size: stream.writableLength,
    enc_rd_buf: 0,
    flags: 0,
    state: pending ? 'tls_connect' : 'established',
  };
}

function info(host: Host): RpcValue {
  const all = connections(host);
  return {
    max_connections: Number(host.program.core.values.get('tls_max_connections') ?? 2048),
    opened_connections: all.length,
    clear_text_write_queued_bytes: all.reduce((sum, c) => sum + c.stream.writableLength, 0),
  };
}

/** Fields of tls.options whose parameter has another name. */
const OPTIONS: Readonly<Record<string, string>> = {
  force_run: 'tls_force_run',
  method: 'tls_method',
  verify_certificate: 'verify_certificate',
  verify_depth: 'verify_depth',
  require_certificate: 'require_certificate',
  verify_client: 'verify_client',
  private_key: 'private_key',
  ca_list: 'ca_list',
  certificate: 'certificate',
  cipher_list: 'cipher_list',
  session_cache: 'session_cache',
  session_id: 'session_id',
  config: 'config',
  log: 'tls_log',
  debug: 'tls_debug',
  connection_timeout: 'connection_timeout',
  disable_compression: 'tls_disable_compression',
  ssl_release_buffers: 'ssl_release_buffers',
  ssl_freelist_max: 'ssl_freelist_max_len',
  ssl_max_send_fragment: 'ssl_max_send_fragment',
  ssl_read_ahead: 'ssl_read_ahead',
  send_close_notify: 'send_close_notify',
  low_mem_threshold1: 'low_mem_threshold1',
  low_mem_threshold2: 'low_mem_threshold2',
  ct_wq_max: 'ct_wq_max',
  con_ct_wq_max: 'con_ct_wq_max',
  ct_wq_blk_size: 'ct_wq_blk_size',
};

function options(host: Host): RpcValue {
  const values = host.program.params('tls');
  return Object.fromEntries(
    Object.entries(OPTIONS).map(([field, param]) => [field, (values[param] as string | number | null) ?? '']),
  );
}

export const tlsRpc: Readonly<Record<string, RpcDefinition>> = {
  'tls.reload': {
    doc: 'Reads the certificates again: connections from now on use them, a mistake changes nothing.',
    run: reload,
  },
  'tls.list': {
    doc: 'List currently open TLS connections',
    returnsArray: true,
    run: (host) => connections(host).map((c) => entry(host, c)),
  },
  'tls.info': { doc: 'Returns internal tls related info.', run: info },
  'tls.options': { doc: 'Dumps all the tls config options.', run: options },
};
