/** Kamailio's http_async_client: asks an HTTP server, suspends the transaction, and goes on in a route with the answer. */
import { Context, ROUTE } from '../../runtime/context.js';
import {
  defineModule,
  fn,
  type Host,
  intParam,
  LEVEL,
  type RouteContext,
  str,
  strParam,
} from '../../runtime/module.js';
import { runRoute } from '../../runtime/run.js';
import { type CurlRequest, type CurlResult, curl } from '../http_client/curl.js';
import { CURL, curlErrorText } from '../http_client/curl-errors.js';
import { parseUrl } from '../http_client/url.js';
import { runTopRoute } from '../main-route.js';
import { hasTm, resumeRun, suspendRun, transactionOf } from '../tm/api.js';
import { type Answered, type AsyncState, answerMessage, answerVariables, HTTP_ASYNC } from './answer.js';
import { type AsyncParams, forgetQuery, httpReq, type Query, queryOf } from './request.js';

const FAILED = -1;
/** The run ends: the transaction is suspended. */
const SUSPENDED = 0;
const GOES_ON = 1;

function log(host: Host, level: number, text: string): void {
  host.log.write(level, 'http_async_client', `${text}\n`);
}

function requestOf(query: Query, url: string, p: AsyncParams): CurlRequest {
  return {
    url,
    method: query.method,
    body: query.body,
    headers: query.headers,
    timeout: query.timeout,
    restarts: true,
    followRedirects: query.follow_redirect,
    user: query.username,
    password: query.password,
    authMethod: query.authmethod,
    tls: {
      verifyPeer: p.tls_verify_peer !== 0,
      verifyHost: p.tls_verify_host !== 0,
      version: p.tls_version,
      caFolder: query.tls_ca_path,
      certificate: query.tls_client_cert,
      key: query.tls_client_key,
    },
  };
}

/** As libcurl puts it. */
function errorText(error: number, url: string): string {
  const to = parseUrl(url);
  if (error === CURL.TIMEDOUT) return 'TIMEOUT';
  if (error === CURL.COULDNT_RESOLVE_HOST) return `Could not resolve host: ${to?.host ?? url}`;
  if (error === CURL.COULDNT_CONNECT && to !== undefined) {
    return `Failed to connect to ${to.host} port ${to.port}: ${curlErrorText(error)}`;
  }
  return error === CURL.GOT_NOTHING ? 'Empty reply from server' : curlErrorText(error);
}

function answeredBy(host: Host, result: CurlResult, url: string): Answered {
  if (!('error' in result)) {
    host.count('http_async_client.replies');
    return { message: answerMessage(result, host), error: undefined, times: result.times };
  }
  host.count(`http_async_client.${result.error === CURL.TIMEDOUT ? 'timeouts' : 'errors'}`);
  return { message: undefined, error: errorText(result.error, url), times: undefined };
}

function query(ctx: RouteContext, p: AsyncParams, url: string, name: string): number {
  const { host, program } = ctx;
  if (url === '' || name === '') {
    log(host, LEVEL.ERR, `invalid ${url === '' ? 'data' : 'route name'} parameter`);
    return FAILED;
  }
  const asked = queryOf(ctx);
  const state = host.state(HTTP_ASYNC);
  // what has no transaction yet gets none by this
  const suspends = asked.suspend && hasTm(host) && transactionOf(ctx) !== null;
  const suspended = suspends ? suspendRun(ctx) : undefined;
  if (suspends && suspended === undefined) {
    log(host, LEVEL.ERR, 'failed to suspend request processing');
    return FAILED;
  }
  state.count++;
  const id = `${host.pid}-${state.count}`;
  state.ids.set(ctx.env, id);
  forgetQuery(ctx);
  host.count('http_async_client.requests');

  const goOn = (later: RouteContext, answered: Answered): number | Promise<number> => {
    state.answers.set(later.env, answered);
    state.ids.set(later.env, id);
    const route = program.routes.request.get(name);
    if (route !== undefined) return runRoute(later, route);
    log(host, LEVEL.ERR, `unable to find route block [${name}]`);
    return FAILED;
  };
  const answer = curl(requestOf(asked, url, p)).then(async (result) => {
    const answered = answeredBy(host, result, url);
    if (suspended !== undefined) await resumeRun(host, suspended, (later) => goOn(later, answered));
    else await runFaked(host, program, name, (later) => void goOnFaked(state, later, answered, id));
  });
  host.detach(answer, `http_async_query of ${url}`);
  return suspended === undefined ? GOES_ON : SUSPENDED;
}

function goOnFaked(state: AsyncState, later: RouteContext, answered: Answered, id: string): void {
  state.answers.set(later.env, answered);
  state.ids.set(later.env, id);
}

/** Without a transaction the route runs on a made-up request. */
function runFaked(
  host: Host,
  program: RouteContext['program'],
  name: string,
  prepare: (later: RouteContext) => void,
): void | Promise<void> {
  const route = program.routes.request.get(name);
  if (route === undefined) {
    log(host, LEVEL.ERR, `unable to find route block [${name}]`);
    return;
  }
  const later = new Context(host, program, host.fakeRequest(), ROUTE.REQUEST);
  prepare(later);
  return runTopRoute(later, route);
}

const accepted = (value: number, what: string) => intParam(value, `Accepted: ${what}.`);
const KEEPALIVE = 'the system keeps connections alive as it sees fit';

export const http_async_client = defineModule({
  name: 'http_async_client',
  doc: 'Asks an HTTP server, suspends the transaction meanwhile, and goes on in a route, which reads the answer by $http_….',
  needs: ['pv'],
  params: {
    workers: intParam(1, 'Accepted: one thread does it all.', (v) =>
      v < 1 ? "the 'workers' parameter must be >= 1" : undefined,
    ),
    connection_timeout: intParam(500, 'Milliseconds in which nothing happens until a query fails with TIMEOUT.'),
    hash_size: accepted(2048, 'there is no such table'),
    tls_version: intParam(0, 'Least version of TLS: 0 as OpenSSL has it, 4 TLS 1.0, 5 TLS 1.1, 6 TLS 1.2, 7 TLS 1.3.'),
    tls_verify_host: intParam(1, '0: names of certificates are not checked.'),
    tls_verify_peer: intParam(1, '0: certificates of servers are not checked.'),
    curl_verbose: accepted(0, 'nothing is logged of a query'),
    curl_follow_redirect: intParam(0, '1: redirections are followed.'),
    tls_client_cert: strParam(null, 'File with a certificate of our own.'),
    tls_client_key: strParam(null, 'File with its key.'),
    tls_ca_path: strParam(null, 'Folder with authorities, beside those of the system.'),
    memory_manager: strParam('shm', 'Accepted: shm or sys.', (v) =>
      /^(?:shm|sys)/.test(v) ? undefined : `invalid memory_manager parameter: '${v}'`,
    ),
    authmethod: intParam(3, 'Sum of 1 Basic and 2 Digest.'),
    tcp_keepalive: accepted(0, KEEPALIVE),
    tcp_ka_idle: accepted(0, KEEPALIVE),
    tcp_ka_interval: accepted(0, KEEPALIVE),
  },
  functions: {
    http_async_query: fn({
      doc: 'Asks that URL. With a transaction (t_newtran()) the run ends (0), and the route goes on with the request once the answer is there; without one, or with $http_req(suspend) 0, the run goes on (1), and the route runs on a made-up request.',
      args: [str('url'), str('route')],
      example:
        't_newtran();\n$http_req(hdr) = "Accept: text/plain";\nhttp_async_query("http://127.0.0.1:8080/route?to=$rU", "ANSWER");',
      run: (ctx, p: AsyncParams, url, route) => query(ctx, p, url, route),
    }),
  },
  pvs: { http_req: httpReq, ...answerVariables },
  start(host): AsyncState {
    for (const name of ['requests', 'replies', 'errors', 'timeouts'])
      host.statistics.set(`http_async_client.${name}`, 0);
    return { answers: new WeakMap(), ids: new WeakMap(), count: 0 };
  },
  /** Parameters are read at each query. */
  reload: () => undefined,
});
