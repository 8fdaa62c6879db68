/** Module tls: certificates for `listen=tls:…` and for connections that begin here. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  kemiParam,
  type RouteContext,
  STOP,
  str,
  strParam,
} from '../../runtime/module.js';
import { type TlsChoice, TlsTransport } from '../../sip/tls.js';
import { verdictIs } from './certificate.js';
import { knownMethod, knownVerifyClient, parseTlsFile, TlsProfiles, type Values } from './config.js';
import { tlsRpc } from './rpc.js';
import { streamOf, TLS, type TlsState } from './stream.js';
import { tlsSelects, tlsVariables } from './variables.js';

export { TLS };

const accepted = (value: number, what: string) => intParam(value, `Accepted: ${what}.`);
const BUFFERS = 'buffers are those of Node.js';
const noEngine = (v: string) => (/^(none)?$/i.test(v) ? undefined : 'engines of OpenSSL are not built');

const params = {
  config: strParam(
    null,
    'A file as tls.cfg: [server:default], [client:default], [server:IP:PORT], [server:any] with server_name …',
  ),
  certificate: strParam('/etc/kamailio/cert.pem', 'File with the certificate.'),
  private_key: strParam('/etc/kamailio/cert.pem', 'File with its key.'),
  ca_list: strParam('', 'File with the authorities that certificates of others are checked against.'),
  ca_path: strParam('', 'Folder with such files.'),
  crl: strParam('', 'File with the certificates that were revoked.'),
  verify_certificate: intParam(0, '1: a certificate that is shown must be good.'),
  require_certificate: intParam(0, '1: clients must show a certificate.'),
  verify_client: strParam(
    'off',
    'What is asked of clients: off, on (a good certificate), optional (good if there is one), optional_no_ca (any).',
    (v) => (knownVerifyClient(v) ? undefined : 'it is off, on, optional or optional_no_ca'),
  ),
  tls_method: strParam('TLSv1.2+', 'Protocol versions: TLSv1.2, TLSv1.2+, TLSv1.3, TLSv1.3+, TLSv1+ …', (v) =>
    knownMethod(v) ? undefined : `unknown method ${v}`,
  ),
  cipher_list: strParam('', 'Ciphers, as OpenSSL names them.'),
  server_name: strParam('', 'The name that connections from here ask for (SNI).'),
  xavp_cfg: strParam('', 'XAVP whose fields server_name and server_id choose what a connection from here uses.'),
  event_callback: kemiParam('tls:connection-out'),
  engine: strParam('NONE', 'Only NONE.', noEngine),
  engine_config: strParam('NONE', 'Only NONE.', noEngine),
  engine_algorithms: strParam('ALL', 'Accepted: there is no engine.'),
  rand_engine: strParam('', 'Accepted: random numbers are those of Node.js.'),
  connection_timeout: accepted(600, 'tcp_connection_lifetime is used'),
  session_cache: accepted(0, 'Node.js keeps sessions as it sees fit'),
  session_id: strParam('kamailio-tls-5.x.y', 'Accepted: Node.js keeps sessions as it sees fit.'),
  tls_force_run: accepted(0, 'there is nothing to force'),
  tls_log: accepted(3, 'lines of TLS have the levels of the log'),
  tls_debug: accepted(3, 'lines of TLS have the levels of the log'),
  tls_disable_compression: accepted(1, 'nothing is ever compressed'),
  ssl_release_buffers: accepted(-1, BUFFERS),
  ssl_freelist_max_len: accepted(-1, BUFFERS),
  ssl_max_send_fragment: accepted(-1, BUFFERS),
  ssl_read_ahead: accepted(0, BUFFERS),
  send_close_notify: accepted(0, 'it is always sent'),
  con_ct_wq_max: accepted(65536, 'tcp_conn_wq_max is used'),
  ct_wq_max: accepted(10485760, 'tcp_wq_max is used'),
  ct_wq_blk_size: accepted(4096, BUFFERS),
  low_mem_threshold1: accepted(-1, 'memory is not divided here'),
  low_mem_threshold2: accepted(-1, 'memory is not divided here'),
  verify_depth: accepted(9, 'OpenSSL decides'),
  renegotiation: accepted(0, 'never'),
};

type Params = Readonly<Record<string, unknown>>;
const EVENT = 'tls:connection-out';

function loader(values: Params): () => TlsProfiles {
  const own: Values = Object.fromEntries(
    ['certificate', 'private_key', 'ca_list', 'ca_path', 'crl', 'cipher_list', 'verify_client', 'server_name']
      .concat('verify_certificate', 'require_certificate')
      .map((name) => [name, `${values[name] ?? ''}`]),
  );
  const fallback = { ...own, method: `${values.tls_method}` };
  const file = values.config;
  if (typeof file !== 'string') return () => new TlsProfiles([], fallback, '.');
  return () => new TlsProfiles(parseTlsFile(readFileSync(file, 'utf8'), file), fallback, path.dirname(file));
}

/** Kamailio looks at the XAVP of the message that opens the connection, then at what tls_set_connect_server_id() said. */
function choiceFor(state: TlsState): (ctx: RouteContext) => TlsChoice {
  return (ctx) => {
    const root = ctx.host.program.params('tls').xavp_cfg as string;
    const fields = root === '' ? undefined : ctx.env.xavps.fields(root);
    const text = (name: string): string | undefined => {
      const value = fields?.get(name)?.value;
      return typeof value === 'string' && value !== '' ? value : undefined;
    };
    const serverName = text('server_name');
    const serverId = text('server_id') ?? (state.connectServerId || undefined);
    return { ...(serverName === undefined ? {} : { serverName }), ...(serverId === undefined ? {} : { serverId }) };
  };
}

/** event_route[tls:connection-out]; false when it ended with drop. */
function connectedHere(host: Host, state: TlsState, stream: TLSSocket): boolean {
  if (!host.program.routes.event.has(EVENT)) return true;
  state.opened = stream;
  try {
    const run = host.runEvent(EVENT);
    // What waits in it sees the connection no more: it is asked of while it is opened.
    if (run instanceof Promise) host.detach(run, `event_route[${EVENT}]`);
    return run === undefined || run instanceof Promise || run.stop !== STOP.DROP;
  } finally {
    state.opened = undefined;
  }
}

export const tls = defineModule({
  name: 'tls',
  doc: 'SIP over TLS.',
  params,
  missing: ['server_name_mode'],
  pvs: tlsVariables,
  selects: tlsSelects,
  events: {
    [EVENT]: 'A connection that begins here is there: $tls_… tell of it; drop closes it.',
  },
  functions: {
    is_peer_verified: fn({
      doc: 'Did the message come over TLS from a side whose certificate is good?',
      args: [],
      routes: ['request'],
      run(ctx) {
        const stream = streamOf(ctx);
        if (stream === undefined) return -1;
        return verdictIs(stream, 'verified') ? 1 : -1;
      },
    }),
    tls_set_connect_server_id: fn({
      doc: 'Names the client section of tls.cfg (its server_id) that connections from now on use; empty: none.',
      args: [str('server_id')],
      run(ctx, _params: unknown, id) {
        ctx.host.state(TLS).connectServerId = id;
        return 1;
      },
    }),
  },
  rpc: tlsRpc,
  reload(_host, state, values) {
    const tlsState = state as TlsState;
    const load = loader(values);
    const next = load();
    for (const t of tlsState.transports) t.renew(next.source(t.socket, tlsState.connected));
    tlsState.load = load;
    tlsState.profiles = next;
  },
  start(host, values): TlsState {
    const load = loader(values);
    const wanted = host.sockets.some((s) => s.proto === 'tls');
    const state: TlsState = {
      transports: [],
      load,
      profiles: wanted ? load() : undefined,
      connectServerId: '',
      opened: undefined,
      connected: (stream) => connectedHere(host, state, stream),
    };
    host.hooks.tlsChoice = choiceFor(state);
    host.hooks.secureTransport = (socket, options) => {
      state.profiles ??= load();
      const source = state.profiles.source(socket, state.connected);
      const transport = new TlsTransport(socket, source, options);
      state.transports.push(transport);
      return transport;
    };
    return state;
  },
});
