/** Kamailio's http_client: requests to HTTP servers. A run that waits for an answer does not hold up the others. */
import {
  defineModule,
  fn,
  forms,
  type Host,
  LEVEL,
  listParam,
  literal,
  type PvAccessor,
  pvWith,
  type RouteContext,
  RpcFault,
  RpcRecord,
  type StateKey,
  stateKey,
  str,
  variable,
} from '../../runtime/module.js';
import { type Connection, connectionsOf, parseHttpcon } from './connections.js';
import { type CurlRequest, type CurlResult, curl } from './curl.js';
import { CURL, curlErrorText } from './curl-errors.js';
import { type HttpParams, httpParams, localAddress, plainParams } from './params.js';

interface State {
  readonly connections: Map<string, Connection>;
}

const HTTP_CLIENT: StateKey<State> = stateKey<State>('http_client');
const ROUTES = ['request', 'reply', 'failure', 'branch'] as const;
const FAILED = -1;
const SECOND = 1000;
const OK = 200;

const paramsOf = (host: Host): HttpParams => httpParams(host.program.params('http_client'));

function log(host: Host, level: number, text: string): void {
  if (host.log.level >= level) host.log.write(level, 'http_client', `${text}\n`);
}

// ------------------------------------------------------------------- one request

/** What Kamailio says of an error, by libcurl's number; others are an ERROR with the number. */
const SAID: Readonly<Record<number, string>> = {
  [CURL.COULDNT_CONNECT]: 'failed to connect() to host',
  [CURL.COULDNT_RESOLVE_HOST]: "Couldn't resolve host",
  [CURL.COULDNT_RESOLVE_PROXY]: "Couldn't resolve http proxy host",
  [CURL.UNSUPPORTED_PROTOCOL]: 'URL Schema not supported by curl',
  [CURL.URL_MALFORMAT]: 'Malformed URL used in http client',
  [CURL.TIMEDOUT]: 'Curl library timed out on request',
  [CURL.TLS_CONNECT]: 'TLS error in curl connection',
  [CURL.CERTIFICATE]: 'TLS local certificate error',
  [CURL.CIPHER]: 'TLS cipher error',
  [CURL.PEER_VERIFICATION]: 'TLS server certificate validation error (No valid CA cert)',
  [CURL.CA_FILE]: 'TLS CA certificate read error',
  [CURL.TOO_MANY_REDIRECTS]: 'Too many redirects',
};

function complain(host: Host, error: number, url: string): void {
  const said = SAID[error];
  if (said !== undefined) log(host, LEVEL.WARN, `${said} (url: ${url})`);
  else log(host, LEVEL.ERR, `failed to perform curl (${error}) (url: ${url})`);
}

/** What a script gets: the status, or libcurl's number. */
interface Outcome {
  readonly code: number;
  readonly body: string;
}

async function ask(
  host: Host,
  request: CurlRequest,
  oneLine: boolean,
  most: number,
): Promise<Outcome & { url: string }> {
  const result: CurlResult = await curl(request);
  if ('error' in result) {
    complain(host, result.error, request.url);
    host.count('httpclient.connfail');
    return { code: result.error, body: '', url: '' };
  }
  const { status, url } = result;
  host.count(status === OK ? 'httpclient.connok' : 'httpclient.connfail');
  const body = status >= 200 && status < 500 ? cut(result.body, oneLine, most) : '';
  return { code: status, body, url };
}

function cut(body: string, oneLine: boolean, most: number): string {
  const line = oneLine ? body.indexOf('\n') : -1;
  if (line >= 0) return body.slice(0, line);
  return most > 0 ? body.slice(0, most) : body;
}

function query(
  ctx: RouteContext,
  url: string,
  rest: Pick<CurlRequest, 'method' | 'body' | 'headers'>,
): Promise<Outcome> {
  const { host } = ctx;
  const p = paramsOf(host);
  const request: CurlRequest = {
    ...rest,
    url,
    userAgent: p.useragent,
    timeout: p.connection_timeout * SECOND,
    followRedirects: p.httpredirect !== 0,
    authMethod: p.authmethod,
    proxy: p.httpproxyport > 0 && p.httpproxy ? { host: p.httpproxy, port: p.httpproxyport } : undefined,
    localAddress: localAddress(p),
    tls: {
      verifyPeer: p.verify_peer !== 0,
      verifyHost: p.verify_host !== 0,
      version: p.tlsversion,
      ca: p.cacert ?? undefined,
      certificate: p.client_cert ?? undefined,
      key: p.client_key ?? undefined,
      ciphers: p.cipher_suites ?? undefined,
    },
  };
  return ask(host, request, p.query_result !== 0, p.query_maxdatasize);
}

/** http_client_query() and http_client_get(): an empty body or header text is none. */
async function queried(
  ctx: RouteContext,
  url: string,
  target: PvAccessor,
  rest: { readonly method?: string; readonly body?: string; readonly headers?: string } = {},
): Promise<number> {
  if (url === '') {
    log(ctx.host, LEVEL.ERR, 'URL has no value');
    return FAILED;
  }
  const { method, body, headers } = rest;
  const { code, body: result } = await query(ctx, url, {
    method,
    body,
    headers: headers === undefined || headers === '' ? [] : [headers],
  });
  ctx.onResume = () => void target.set?.(ctx, result);
  return code;
}

// ------------------------------------------------------------------- connections

interface Posted {
  readonly type: string;
  readonly data: string;
}

async function connected(
  ctx: RouteContext,
  name: string,
  path: string,
  posted: Posted | undefined,
  failover = 0,
): Promise<Outcome> {
  const { host } = ctx;
  const connection = host.state(HTTP_CLIENT).connections.get(name);
  if (connection === undefined) {
    log(host, LEVEL.ERR, `No cURL connection found: ${name}`);
    return { code: FAILED, body: '' };
  }
  const { code, body, url } = await ask(host, requestOf(host, connection, path, posted), false, connection.maxdatasize);
  connection.lastUrl = url;
  const { failover: other } = connection;
  const failed = code < 100 || code >= 500;
  if (!failed || other === undefined) return { code, body };
  log(host, LEVEL.ERR, `${code < 100 ? 'FATAL FAILURE' : 'FAILURE'}: Trying failover to curl con (${other})`);
  return failover === 0 ? connected(ctx, other, path, posted, 1) : { code, body };
}

function requestOf(host: Host, c: Connection, path: string, posted: Posted | undefined): CurlRequest {
  const p = paramsOf(host);
  const slash = path === '' || path.startsWith('/') ? '' : '/';
  const data = posted?.data ?? '';
  return {
    url: `${c.schema}://${c.url}${slash}${path}`,
    body: data,
    headers: data === '' ? [] : [`Content-Type: ${posted?.type ?? ''}`],
    userAgent: c.useragent,
    timeout: c.timeout * SECOND,
    followRedirects: c.httpredirect !== 0,
    user: c.username,
    password: c.password,
    authMethod: c.authmethod,
    proxy: c.httpproxyport > 0 && c.httpproxy ? { host: c.httpproxy, port: c.httpproxyport } : undefined,
    localAddress: localAddress(p),
    agents: c.agents,
    tls: {
      verifyPeer: c.verify_peer !== 0,
      verifyHost: c.verify_host !== 0,
      version: c.tlsversion,
      ca: p.cacert ?? undefined,
      certificate: c.client_cert,
      key: c.client_key,
      ciphers: c.cipher_suites,
    },
  };
}

async function connect(
  ctx: RouteContext,
  name: string,
  path: string,
  target: PvAccessor,
  posted?: Posted,
): Promise<number> {
  const { code, body } = await connected(ctx, name, path, posted);
  ctx.onResume = () => void target.set?.(ctx, body);
  return code;
}

// -------------------------------------------------------------------- definition

const result = () => variable('result', { writable: true });

const definition = (text: string): string | undefined => {
  const parsed = parseHttpcon(text);
  return typeof parsed === 'string' ? parsed : undefined;
};

export const http_client = defineModule({
  name: 'http_client',
  doc: 'Requests to HTTP servers. The functions give the status of the answer (200, 404 …), or the number of an error as libcurl has it (below 100), and write the body of the answer to a variable.',
  params: {
    ...plainParams,
    httpcon: listParam(
      'A connection: "name=>http://user:password@host/path;timeout=2;failover=other": httpredirect, timeout, useragent, failover, maxdatasize, verify_peer, verify_host, tlsversion, client_cert, client_key, cipher_suites.',
      definition,
    ),
  },
  missing: ['https through a proxy'],
  functions: {
    http_client_query: forms(
      fn({
        doc: 'GET of that URL; the first line of the answer (or all: query_result) goes to the variable.',
        args: [str('url'), result()],
        routes: ROUTES,
        waits: true,
        example:
          'http_client_query("http://127.0.0.1:8080/route?to=$rU", "$var(result)");\nif ($rc == 200) $du = $var(result);',
        run: (ctx, _p: unknown, url, to) => queried(ctx, url, to),
      }),
      fn({
        doc: 'POST of that body; GET where it is empty.',
        args: [str('url'), str('body'), result()],
        routes: ROUTES,
        waits: true,
        example: 'http_client_query("http://127.0.0.1:8080/calls", "from=$fU&to=$rU", "$var(result)");',
        run: (ctx, _p: unknown, url, body, to) => queried(ctx, url, to, { body }),
      }),
      fn({
        doc: 'The same with further header lines, ends of lines between them.',
        args: [str('url'), str('body'), str('headers'), result()],
        routes: ROUTES,
        waits: true,
        example:
          'http_client_query("http://127.0.0.1:8080/calls", "{}", "Content-Type: application/json", "$var(result)");',
        run: (ctx, _p: unknown, url, body, headers, to) => queried(ctx, url, to, { body, headers }),
      }),
    ),
    http_client_get: fn({
      doc: 'GET with a body and header lines, both of which may be empty.',
      args: [str('url'), str('body'), str('headers'), result()],
      routes: ROUTES,
      waits: true,
      example: 'http_client_get("http://127.0.0.1:8080/route", "", "X-Call-ID: $ci", "$var(result)");',
      run: (ctx, _p: unknown, url, body, headers, to) => queried(ctx, url, to, { method: 'GET', body, headers }),
    }),
    http_connect: forms(
      fn({
        doc: 'GET of that path over a connection that httpcon defines; the whole answer goes to the variable. The connection after `failover` is asked where this one cannot be reached or answers 500 or above.',
        args: [literal('connection'), str('path'), result()],
        routes: ROUTES,
        waits: true,
        example:
          'modparam("http_client", "httpcon", "api=>http://127.0.0.1:8080/v1;timeout=2")\nhttp_connect("api", "/users/$rU", "$var(result)");',
        run: (ctx, _p: unknown, name, path, to) => connect(ctx, name, path, to),
      }),
      fn({
        doc: 'POST of that data, with its content type.',
        args: [literal('connection'), str('path'), literal('type'), str('data'), result()],
        routes: ROUTES,
        waits: true,
        example:
          'modparam("http_client", "httpcon", "api=>http://127.0.0.1:8080/v1")\nhttp_connect("api", "/calls", "application/json", "{\\"to\\": \\"$rU\\"}", "$var(result)");',
        run: (ctx, _p: unknown, name, path, type, data, to) => connect(ctx, name, path, to, { type, data }),
      }),
    ),
    http_connect_raw: fn({
      doc: 'As http_connect() with data, in which `$` is no variable.',
      args: [literal('connection'), str('path'), literal('type'), literal('data'), result()],
      routes: ROUTES,
      waits: true,
      example:
        'modparam("http_client", "httpcon", "api=>http://127.0.0.1:8080/v1")\nhttp_connect_raw("api", "/prices", "text/plain", "12 $", "$var(result)");',
      run: (ctx, _p: unknown, name, path, type, data, to) => connect(ctx, name, path, to, { type, data }),
    }),
    http_get_redirect: fn({
      doc: 'Where the last answer over that connection came from in the end.',
      args: [literal('connection'), result()],
      routes: ROUTES,
      example:
        'modparam("http_client", "httpcon", "api=>http://127.0.0.1:8080/v1;httpredirect=1")\nhttp_get_redirect("api", "$var(url)");',
      run(ctx, _p: unknown, name, to) {
        const connection = ctx.host.state(HTTP_CLIENT).connections.get(name);
        if (connection === undefined) log(ctx.host, LEVEL.ERR, `No cURL connection found: ${name}`);
        to.set?.(ctx, connection?.lastUrl ?? '');
        return connection === undefined ? FAILED : 1;
      },
    }),
  },
  pvs: {
    curlerror: pvWith({
      doc: 'What a code of the functions means. The key is a number, as in Kamailio: a variable counts as 0.',
      example: 'xlog("$curlerror(28)\\n");\n#> Timeout was reached',
      bind(use) {
        const text = curlErrorText(Number.parseInt(use.key?.text ?? '', 10) || 0);
        return { ok: { get: () => text, type: 'string' } };
      },
    }),
  },
  rpc: {
    'httpclient.listcon': {
      doc: 'Lists the connections, the last one first.',
      run(host) {
        const all = [...host.state(HTTP_CLIENT).connections.values()].reverse();
        if (all.length === 0) throw new RpcFault(500, 'No Connection Definitions');
        return new RpcRecord(
          all.map((c) => [
            'CONNECTION',
            {
              NAME: c.name,
              SCHEMA: c.schema,
              URI: c.url,
              USERNAME: c.username ?? '',
              PASSWORD: c.password ?? '',
              FAILOVER: c.failover ?? '',
              TIMEOUT: c.timeout,
            },
          ]),
        );
      },
    },
  },
  start(host): State {
    const connections = connectionsOf(paramsOf(host));
    for (const name of ['connok', 'connfail']) host.statistics.set(`httpclient.${name}`, 0);
    host.statistics.set('httpclient.connections', () => connections.size);
    return { connections };
  },
  reload(host, state) {
    const { connections } = state as State;
    const next = connectionsOf(paramsOf(host));
    release(connections);
    connections.clear();
    for (const [name, connection] of next) connections.set(name, connection);
  },
  stop(_host, state) {
    release((state as State).connections);
  },
});

function release(connections: Map<string, Connection>): void {
  for (const { agents } of connections.values()) {
    agents?.plain.destroy();
    agents?.secure.destroy();
  }
}
