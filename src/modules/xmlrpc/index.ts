/** Kamailio's xmlrpc: RPC commands by XML-RPC over HTTP on the SIP listeners. */
import {
  defineModule,
  fn,
  type Host,
  int,
  intParam,
  LEVEL,
  type RouteContext,
  RpcFault,
  type RpcResult,
  str,
  strParam,
} from '../../runtime/module.js';
import { compileRegex } from '../../runtime/regex.js';
import { cachedRegex } from '../../runtime/regex-cache.js';
import { replyStateless } from '../../runtime/replies.js';
import { ArgumentFault, addedValues, findRpc, METHOD_NOT_FOUND, runRpc, withConversion } from '../../runtime/rpc.js';
import { leaf, select, tree } from '../../runtime/selects/tree.js';
import type { Received } from '../../sip/transport.js';
import { type HttpDoor, openHttpDoor, runHttpRoute } from '../xhttp/doors.js';
import { httpMessage, requestLine } from '../xhttp/message.js';
import { ACCEPTED, faultDocument, methodNameOf, readCall, successDocument } from './document.js';

interface Params {
  readonly route: string | null;
  readonly autoconversion: number;
  readonly escape_cr: number;
  readonly double_lf_to_crlf: number;
  readonly mode: number;
  readonly url_match: string | null;
  readonly url_skip: string | null;
}

const paramsOf = (host: Host) => host.program.params('xmlrpc') as unknown as Params;

const pattern = (text: string): string | undefined => {
  const compiled = compileRegex(text, {});
  return 'error' in compiled ? compiled.error : undefined;
};

/** URI of the request that the route sees. */
const OWN_URI = 'sip:127.0.0.1:9';

function request(host: Host, text: string, from: Received): ReturnType<HttpDoor> {
  const { route: name, url_match, url_skip } = paramsOf(host);
  const line = requestLine(text);
  if (line === undefined) return 'pass';
  if (url_skip !== null && cachedRegex(url_skip, {})?.test(line.url) === true) return 'pass';
  if (url_match !== null && cachedRegex(url_match, {})?.test(line.url) === false) return 'pass';
  if (!/^(?:get|post)$/i.test(line.method)) {
    host.log.write(LEVEL.ERR, 'xmlrpc', `bad HTTP request method: "${line.method}"\n`);
    return 'close';
  }
  const msg = httpMessage(text, from, host.nextMessageId?.() ?? 0, host.clock.now(), OWN_URI);
  const route = host.program.routes.request.get(name ?? '');
  if (msg !== undefined && route !== undefined) return runHttpRoute(host, msg, route);
}

function answer(ctx: RouteContext, body: string): number {
  return replyStateless(ctx, 200, 'OK', { body: { type: '', text: body } }) === 1 ? 1 : -1;
}

function dispatch(ctx: RouteContext): number | Promise<number> {
  const { host } = ctx;
  const params = paramsOf(host);
  const options = { escapeCr: params.escape_cr !== 0 };
  const failed = (e: unknown): number => answer(ctx, failure(host, e, options));
  try {
    const { method, args } = readCall(ctx.msg.body, { crlf: crlfOf(params) });
    const command = findRpc(host, method);
    if (command === undefined) return failed(new RpcFault(500, METHOD_NOT_FOUND));
    const isArray = command.returnsArray === true;
    const done = (result: RpcResult) => answer(ctx, successDocument(addedValues(command, result), isArray, options));
    // a command finds a missing argument by itself, and then answers nothing
    const wrong = (e: unknown) =>
      e instanceof ArgumentFault && e.missing ? answer(ctx, successDocument([], isArray, options)) : failed(e);
    try {
      const result = runRpc(host, command, params.autoconversion !== 0 ? withConversion(args) : args, {
        transport: 'xmlrpc',
      });
      return result instanceof Promise ? result.then(done, wrong) : done(result);
    } catch (e) {
      return wrong(e);
    }
  } catch (e) {
    return failed(e);
  }
}

/** With autoconversion 5.6.3 forgets it after the first argument. */
function crlfOf({ double_lf_to_crlf, autoconversion }: Params): 'all' | 'first' | 'none' {
  if (double_lf_to_crlf === 0) return 'none';
  return autoconversion !== 0 ? 'first' : 'all';
}

const INTERNAL_ERROR = 500;
const BAD_REQUEST = 400;

function failure(host: Host, e: unknown, options: { escapeCr: boolean }): string {
  if (e instanceof ArgumentFault) return faultDocument(new RpcFault(BAD_REQUEST, 'Invalid Parameter Type'), options);
  if (e instanceof RpcFault) return faultDocument(e, options);
  host.log.write(LEVEL.ERR, 'xmlrpc', `${e instanceof Error ? (e.stack ?? e.message) : e}\n`);
  return faultDocument(new RpcFault(INTERNAL_ERROR, 'Internal Server Error'), options);
}

export const xmlrpc = defineModule({
  name: 'xmlrpc',
  doc: 'RPC commands by XML-RPC: HTTP requests on the TCP and TLS listeners run a route of the script, which calls dispatch_rpc() or refuses.',
  needs: ['sl'],
  params: {
    route: strParam(null, 'Route that an XML-RPC request runs. Default: request_route.'),
    autoconversion: intParam(0, '1: a text where a command wants a number is read as one, and the other way round.'),
    escape_cr: intParam(1, '0: a CR in an answer stays as it is; else it is written &#xD;.'),
    double_lf_to_crlf: intParam(0, '1: two line ends in a text stand for CR LF, for clients that cannot send a CR.'),
    mode: intParam(
      0,
      '1: HTTP requests are left to other modules, such as xhttp; its event route may call dispatch_rpc().',
    ),
    url_match: strParam(null, 'Only requests whose URL matches this regular expression are taken.', pattern),
    url_skip: strParam(null, 'Requests whose URL matches this regular expression are left to other modules.', pattern),
  },
  missing: ['event_callback'],
  selects: {
    xmlrpc: select(
      'What an XML-RPC request asks for: `.method`.',
      tree(undefined, { method: leaf(({ msg }) => methodNameOf(msg.body)) }),
    ),
  },
  functions: {
    dispatch_rpc: fn({
      doc: 'Runs the command of the XML-RPC document in the body of the request, and answers it.',
      args: [],
      routes: ['request', 'event'],
      waits: true,
      example: 'modparam("xmlrpc", "url_match", "^/RPC2")\nif ($rm == "POST" && $si == "127.0.0.1") dispatch_rpc();',
      run: (ctx) => dispatch(ctx),
    }),
    xmlrpc_reply: fn({
      doc: 'Answers the request with the number 1, whatever code and reason say (5.6.3).',
      args: [int('code'), str('reason')],
      routes: ['request', 'event'],
      example: 'xmlrpc_reply("403", "Forbidden");',
      run: (ctx, _params: unknown, _code, _reason) => answer(ctx, ACCEPTED),
    }),
  },
  start(host, params) {
    const { route, mode } = params as unknown as Params;
    if (route !== null && !host.program.routes.request.has(route)) {
      host.log.write(LEVEL.WARN, 'xmlrpc', `xmlrpc route "${route}" is empty / doesn't exist\n`);
    }
    if (mode === 0) openHttpDoor(host, (text, from) => request(host, text, from));
  },
  atStart: ['mode'],
  /** Parameters are read at each request. */
  reload: () => undefined,
});
