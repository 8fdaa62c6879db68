/** `$http_…`: the answer to a query, in the route that runs when it is there. */
import { Context, ROUTE } from '../../runtime/context.js';
import type { MessageEnv } from '../../runtime/message-env.js';
import {
  Dual,
  type Host,
  LEVEL,
  type PvDefinition,
  pv,
  pvTable,
  pvWith,
  type RouteContext,
  type StateKey,
  stateKey,
  type Value,
} from '../../runtime/module.js';
import { SipMessage, type StartLine } from '../../sip/message.js';
import { listenSocket } from '../../sip/transport.js';
import type { CurlAnswer, CurlTimes } from '../http_client/curl.js';

export interface Answered {
  /** Missing: there was none. */
  readonly message: SipMessage | undefined;
  /** Why there was none. */
  readonly error: string | undefined;
  readonly times: CurlTimes | undefined;
}

export interface AsyncState {
  /** By what a message and all runs for it have in common. */
  readonly answers: WeakMap<MessageEnv, Answered>;
  /** Of the last query of a run. */
  readonly ids: WeakMap<MessageEnv, string>;
  /** Queries so far. */
  count: number;
}

export const HTTP_ASYNC: StateKey<AsyncState> = stateKey<AsyncState>('http_async_client');

const stateOf = (host: Host): AsyncState => host.state(HTTP_ASYNC);
const log = (host: Host, level: number, text: string) => host.log.write(level, 'http_async_client', `${text}\n`);

/** The answer as a message, so that variables of messages read it. A Via of HTTP is none of SIP. */
export function answerMessage({ version, status, reason, headers, body }: CurlAnswer, host: Host): SipMessage {
  const first = `${version} ${status} ${reason}\r\n`;
  let head = '';
  for (let i = 0; i + 1 < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  const text = `${first}${head.replace(/^via:/gim, (name) => `H${name.slice(1)}`)}\r\n${body}`;
  const line: StartLine = {
    isRequest: false,
    method: '',
    uri: '',
    version,
    status,
    reason,
    start: 0,
    end: first.length,
  };
  const socket = host.sockets[0] ?? listenSocket('tcp', '127.0.0.1', 0);
  const from = { proto: 'tcp', srcIp: '127.0.0.1', srcPort: 0, socket, connection: 0 } as const;
  return new SipMessage(text, line, from, 0, host.clock.now());
}

function answered(ctx: RouteContext): Answered | undefined {
  const found = stateOf(ctx.host).answers.get(ctx.env);
  if (found === undefined) {
    log(ctx.host, LEVEL.ERR, 'the async variables can only be read from an async http worker');
  }
  return found;
}

function message(ctx: RouteContext): SipMessage | undefined {
  const found = answered(ctx);
  if (found !== undefined && found.message === undefined) {
    log(
      ctx.host,
      LEVEL.WARN,
      "an async variable was read after http error, use $http_ok to check the request's status",
    );
  }
  return found?.message;
}

/** The variable `name` of messages, of the answer. */
function ofAnswer(name: string, doc: string, keyed = false): PvDefinition {
  return pvWith({
    doc,
    key: keyed ? 'required' : 'none',
    index: keyed,
    bind(use, env) {
      const bound = env.catalog.pv(name)?.bind({ ...use, name }, env);
      if (bound === undefined) return { error: `$http_… needs $${name}: loadmodule "pv.so" before` };
      if ('error' in bound) return bound;
      const { get } = bound.ok;
      const read = (ctx: RouteContext): Value => {
        const msg = message(ctx);
        return msg === undefined ? null : get(new Context(ctx.host, ctx.program, msg, ROUTE.CORE_ONREPLY, ctx.env));
      };
      return { ok: { get: read } };
    },
  });
}

const time = (name: keyof CurlTimes) => (ctx: RouteContext) =>
  stateOf(ctx.host).answers.get(ctx.env)?.times?.[name] ?? 0;

const YES = new Dual('1', 1);
const NO = new Dual('0', 0);

export const answerVariables: Readonly<Record<string, PvDefinition>> = {
  http_ok: pv('1: there is an answer; 0: $http_err says why not.', (ctx) => {
    const found = answered(ctx);
    return found === undefined ? null : found.error === undefined ? YES : NO;
  }),
  http_err: pv(
    'Why there is no answer: TIMEOUT or a sentence; null where there is one.',
    (ctx) => answered(ctx)?.error ?? null,
  ),
  http_rs: ofAnswer('rs', 'Status of the answer.'),
  http_rr: ofAnswer('rr', 'Its reason.'),
  http_rb: ofAnswer('rb', 'Its body.'),
  http_bs: ofAnswer('bs', 'Bytes of its body.'),
  http_mb: ofAnswer('mb', 'The whole answer.'),
  http_ml: ofAnswer('ml', 'Bytes of the whole answer.'),
  http_hdr: ofAnswer('hdr', 'Header of that name, as $hdr.', true),
  http_req_id: pv(
    'Id of the last query of this run, and of that which is answered.',
    (ctx) => stateOf(ctx.host).ids.get(ctx.env) ?? '',
  ),
  http_time: pvTable('Microseconds that the query took, up to something.', {
    total: time('total'),
    lookup: time('lookup'),
    connect: time('connect'),
    redirect: time('redirect'),
    appconnect: time('appconnect'),
    pretransfer: time('pretransfer'),
    starttransfer: time('starttransfer'),
  }),
};
