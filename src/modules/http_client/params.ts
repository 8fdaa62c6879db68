/** Parameters of http_client. */
import { networkInterfaces } from 'node:os';
import { SIGNATURE } from '../../runtime/core/version.js';
import { intParam, strParam } from '../../runtime/module.js';

export interface HttpParams {
  readonly connection_timeout: number;
  readonly cacert: string | null;
  readonly client_cert: string | null;
  readonly client_key: string | null;
  readonly cipher_suites: string | null;
  readonly tlsversion: number;
  readonly verify_peer: number;
  readonly verify_host: number;
  readonly httpproxyport: number;
  readonly httpproxy: string | null;
  readonly httpredirect: number;
  readonly useragent: string;
  readonly maxdatasize: number;
  readonly config_file: string | null;
  readonly httpcon: readonly string[];
  readonly authmethod: number;
  readonly keep_connections: number;
  readonly query_result: number;
  readonly query_maxdatasize: number;
  readonly netinterface: string | null;
}

const LAST_TLS_VERSION = 7;

/** Those that httpcon needs no check for. */
export const plainParams = {
  connection_timeout: intParam(4, 'Seconds for a request; 0 counts as 4.'),
  cacert: strParam(null, 'File with the authorities that certificates of servers are checked against.'),
  client_cert: strParam(null, 'File with a certificate of our own.'),
  client_key: strParam(null, 'File with its key.'),
  cipher_suites: strParam(null, 'Ciphers, as OpenSSL names them.'),
  tlsversion: intParam(
    0,
    'Least version of TLS: 0 as OpenSSL has it, 4 TLS 1.0, 5 TLS 1.1, 6 TLS 1.2, 7 TLS 1.3.',
    (v) => (v < 0 || v > LAST_TLS_VERSION ? 'unsupported value' : undefined),
  ),
  verify_peer: intParam(1, '0: certificates of servers are not checked.'),
  verify_host: intParam(2, '0: their names are not checked.'),
  httpproxyport: intParam(0, 'Port of the proxy; 0: none is used.'),
  httpproxy: strParam(null, 'Address of a proxy for http; https does not go through one.'),
  httpredirect: intParam(0, '1: redirections are followed.'),
  useragent: strParam(SIGNATURE, 'User-Agent of requests.'),
  maxdatasize: intParam(0, 'Bytes of an answer to http_connect() that are kept; 0: all.'),
  config_file: strParam(null, 'File with connections: sections [name] with lines url = … and the like.'),
  authmethod: intParam(3, 'Sum of 1 Basic and 2 Digest.'),
  keep_connections: intParam(0, '1: the connections of httpcon are kept open.'),
  query_result: intParam(1, '0: http_client_query() gives the whole body; 1: its first line.'),
  query_maxdatasize: intParam(0, 'Bytes of an answer to http_client_query() that are kept; 0: all.'),
  netinterface: strParam(null, 'Address or interface from which connections are opened.'),
};

/** Values with defaults for what is not given. */
export function httpParams(given: Readonly<Record<string, unknown>>): HttpParams {
  const usual = Object.fromEntries(Object.entries(plainParams).map(([name, def]) => [name, def.default]));
  const all = { httpcon: [], ...usual, ...given } as unknown as HttpParams;
  return { ...all, connection_timeout: all.connection_timeout || plainParams.connection_timeout.default };
}

/** The address that netinterface stands for. */
export function localAddress({ netinterface }: HttpParams): string | undefined {
  if (netinterface === null || netinterface === '') return undefined;
  return networkInterfaces()[netinterface]?.find((a) => a.family === 'IPv4')?.address ?? netinterface;
}
