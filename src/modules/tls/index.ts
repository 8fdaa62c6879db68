/** Module tls: certificates for `listen=tls:…` and for connections that begin here. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { defineModule, intParam, RpcFault, type StateKey, stateKey, strParam } from '../../runtime/module.js';
import { TlsTransport } from '../../sip/tls.js';
import { knownMethod, parseTlsFile, profilesOf, type TlsProfiles, type Values } from './config.js';

interface TlsState {
  readonly transports: TlsTransport[];
  profiles: TlsProfiles;
  readonly load: () => TlsProfiles;
}

export const TLS: StateKey<TlsState> = stateKey<TlsState>('tls');

const accepted = (value: number, what: string) => intParam(value, `Accepted: ${what}.`);

const params = {
  config: strParam(null, 'A file as tls.cfg: [server:default], [client:default], and sections with server_name.'),
  certificate: strParam('/etc/kamailio/cert.pem', 'File with the certificate.'),
  private_key: strParam('/etc/kamailio/cert.pem', 'File with its key.'),
  ca_list: strParam('', 'File with the authorities that certificates of others are checked against.'),
  verify_certificate: intParam(0, '1: a certificate that is shown must be good.'),
  require_certificate: intParam(0, '1: clients must show a certificate.'),
  tls_method: strParam('TLSv1.2+', 'Protocol versions: TLSv1.2, TLSv1.2+, TLSv1.3, TLSv1.3+, TLSv1+ …', (v) =>
    knownMethod(v) ? undefined : `unknown method ${v}`,
  ),
  cipher_list: strParam('', 'Ciphers, as OpenSSL names them.'),
  connection_timeout: accepted(600, 'tcp_connection_lifetime is used'),
  session_cache: accepted(0, 'Node.js keeps sessions as it sees fit'),
  tls_force_run: accepted(0, 'there is nothing to force'),
  low_mem_threshold1: accepted(-1, 'memory is not divided here'),
  low_mem_threshold2: accepted(-1, 'memory is not divided here'),
  verify_depth: accepted(9, 'OpenSSL decides'),
  renegotiation: accepted(0, 'never'),
};

type Params = Readonly<Record<string, unknown>>;

function loader(values: Params): () => TlsProfiles {
  const own: Values = {
    certificate: `${values.certificate}`,
    private_key: `${values.private_key}`,
    ca_list: `${values.ca_list ?? ''}`,
    verify_certificate: `${values.verify_certificate}`,
    require_certificate: `${values.require_certificate}`,
    method: `${values.tls_method}`,
    cipher_list: `${values.cipher_list ?? ''}`,
  };
  const file = values.config;
  if (typeof file !== 'string') return () => profilesOf([], own, '.');
  return () => profilesOf(parseTlsFile(readFileSync(file, 'utf8'), file), own, path.dirname(file));
}

export const tls = defineModule({
  name: 'tls',
  doc: 'SIP over TLS.',
  params,
  missing: [
    'crl',
    'event_callback',
    'xavp_cfg',
    'server_name',
    'server_name_mode',
    'engine',
    'rand_engine',
    'is_peer_verified',
    'verify_client',
    'ca_path',
  ],
  rpc: {
    'tls.reload': {
      doc: 'Reads the certificates again: connections from now on use them, a mistake changes nothing.',
      run(host) {
        const state = host.state(TLS);
        try {
          const next = state.load();
          for (const t of state.transports) t.renew(next.server, next.client, next.names);
          state.profiles = next;
        } catch (e) {
          throw new RpcFault(
            500,
            `Error while fixing TLS configuration: ${e instanceof Error ? e.message : String(e)}`,
          );
        }
        return 'Ok. TLS configuration reloaded.';
      },
    },
    'tls.options': {
      doc: 'Files and settings in force.',
      run: (host) => ({ names: [...host.state(TLS).profiles.names.keys()].join(' ') }),
    },
  },
  start(host, values): TlsState {
    const load = loader(values);
    const wanted = host.sockets.some((s) => s.proto === 'tls');
    const empty = { certificate: '', privateKey: '' };
    const state: TlsState = {
      transports: [],
      load,
      profiles: wanted ? load() : { server: empty, client: empty, names: new Map() },
    };
    host.hooks.secureTransport = (socket, options) => {
      if (state.profiles.server === empty) state.profiles = load();
      const { server, client, names } = state.profiles;
      const transport = new TlsTransport(socket, server, options, client, names);
      state.transports.push(transport);
      return transport;
    };
    return state;
  },
});
