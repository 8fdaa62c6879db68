/**
 * Answers to a request: stateless ones (sip.md, section 2), and `sendReply`, which leaves it to tm where there is a
 * transaction. sl, registrar, auth, presence and others answer by these.
 */
import { buildReply, type ReplyOptions, replyDestination } from '../sip/build.js';
import { toOf } from '../sip/header.js';
import { HDR } from '../sip/header-names.js';
import { MSG_FLAG, type SipMessage } from '../sip/message.js';
import { parseMessage } from '../sip/parse.js';
import { localTag, tagPrefix } from '../sip/tag.js';
import { bracketed, type Destination, type SendOptions } from '../sip/transport.js';
import { type Context, ROUTE } from './context.js';
import { coreOf } from './core/facts.js';
import { redirectContact } from './destination-set.js';
import { type Host, LEVEL, type StateKey, stateKey } from './host.js';
import type { Program } from './program.js';

/** What sl keeps; other modules that answer `need` sl as in Kamailio. */
export interface SlState {
  /** Constant part of the tags. */
  readonly tagPrefix: string;
  /** When the last stateless reply went out, milliseconds since the epoch; 0 never. */
  lastReply: number;
}

export const SL_STATE: StateKey<SlState> = stateKey<SlState>('sl');

const SENT = 1;
const FAILED = -1;
const NO_REPLY = -2;

export interface ReplyExtras extends Pick<ReplyOptions, 'headers' | 'body'> {
  /** In place of the tag that sl would make. */
  readonly toTag?: string;
}

/** Answers with a transaction when the message has one, else statelessly: 1, or negative as send_reply() gives it. */
export function sendReply(ctx: Context, code: number, reason: string): number {
  if (noReply(ctx)) return NO_REPLY;
  const { hooks } = ctx.host;
  if (hooks.statefulReply !== undefined && ctx.program.params('sl').bind_tm !== 0) {
    const result = hooks.statefulReply(ctx, code, reason);
    if (result !== undefined) return result < 0 ? FAILED : SENT;
  }
  return ctx.msg.isRequest ? replyStateless(ctx, code, reason) : FAILED;
}

function noReply(ctx: Context): boolean {
  if ((ctx.msg.internalFlags & MSG_FLAG.NO_REPLY) === 0) return false;
  ctx.host.log.write(LEVEL.INFO, 'sl', 'message marked with no-reply flag\n');
  return true;
}

/** Answers without a transaction: 1, -1 when it cannot be built or sent, -2 when the request is marked so. */
export function replyStateless(ctx: Context, code: number, reason: string, extras: ReplyExtras = {}): number {
  const { host, msg } = ctx;
  if (!msg.isRequest || msg.method === 'ACK') return failed(host);
  if (noReply(ctx)) return NO_REPLY;
  const to = replyDestination(msg);
  if (to === undefined) return failed(host);
  if (code >= 300 && code < 400) addRedirectContact(ctx);
  const text = buildReply(msg, threeDigits(code), reason, options(ctx, code, extras));
  if (text === '') return failed(host);
  for (const hook of host.hooks.onLocalReply) hook(ctx, text, code);
  slState(host).lastReply = host.clock.now();
  const sent = msg.faked || host.send(text, to, sendOptions(msg.replyOptions));
  if (ctx.program.routes.event.has(LOCAL_RESPONSE)) runLocalResponse(ctx, text, to);
  if (!sent) return failed(host);
  countStateless(host, code);
  return SENT;
}

/** As Kamailio prints a code: three digits, whatever it is. */
function threeDigits(code: number): number {
  return (code >>> 0) % 1000;
}

const FIRST_WITH_TAG = 180;

function options(ctx: Context, code: number, extras: ReplyExtras): ReplyOptions {
  const { msg } = ctx;
  return {
    toTag: code >= FIRST_WITH_TAG && toOf(msg)?.tag === undefined ? (extras.toTag ?? statelessTag(ctx)) : undefined,
    headers: extras.headers,
    body: extras.body ?? msg.replyBody,
    serverHeader: ownLines(ctx.program, msg, ctx.host.pid),
  };
}

/** The tag that sl gives to this request, the same at each call. */
export function statelessTag(ctx: Context): string {
  return localTag(ctx.msg, slState(ctx.host).tagPrefix);
}

/** It stays with the request, so that a later reply has it too (seen). */
function addRedirectContact(ctx: Context): void {
  const line = redirectContact(ctx.msg, Number(ctx.program.params('sl').rich_redirect ?? 0));
  if (line === undefined) ctx.host.log.write(LEVEL.WARN, '<core>', 'no r-uri or branches\n');
  else ctx.msg.replyHeaders.push(line);
}

const fallbackStates = new WeakMap<Host, SlState>();

/** sl's state; a server without sl has one too, for modules that answer on their own. */
export function slState(host: Host): SlState {
  if (host.hasState(SL_STATE)) return host.state(SL_STATE);
  const known = fallbackStates.get(host);
  if (known !== undefined) return known;
  const state = newSlState(host);
  fallbackStates.set(host, state);
  return state;
}

export function newSlState(host: Host): SlState {
  return { tagPrefix: tagPrefix('kamscript-stateless', host.sockets[0]), lastReply: 0 };
}

/** `Server` and `Warning` of own replies by server_signature, server_header and sip_warning, without the last line end. */
export function ownLines(program: Program, msg: SipMessage, pid: number): string {
  const { serverHeader, sipWarning } = coreOf(program);
  if (!sipWarning) return serverHeader;
  return `${serverHeader === '' ? '' : `${serverHeader}\r\n`}${warning(msg, pid)}`;
}

/** In Kamailio's words. */
function warning(msg: SipMessage, pid: number): string {
  const { socket, srcIp, srcPort } = msg.received;
  const vias = msg.headers.filter((h) => h.id === HDR.VIA).length;
  const facts = `pid=${pid} req_src_ip=${srcIp} req_src_port=${srcPort} in_uri=${msg.originalUri} out_uri=${msg.newUri ?? msg.originalUri} via_cnt==${vias}`;
  return `Warning: 392 ${bracketed(socket.ip)}:${socket.port} "Noisy feedback tells:  ${facts}"`;
}

/** Bits of `SipMessage.replyOptions` and `forwardOptions`: set_reply_no_connect(), set_reply_close() and their like. */
export const SEND_OPTION = { NO_CONNECT: 1, CLOSE: 2 } as const;

export function sendOptions(bits: number): SendOptions | undefined {
  if (bits === 0) return undefined;
  return { noConnect: (bits & SEND_OPTION.NO_CONNECT) !== 0, close: (bits & SEND_OPTION.CLOSE) !== 0 };
}

const LOCAL_RESPONSE = 'sl:local-response';

function runLocalResponse(ctx: Context, text: string, to: Destination): void {
  const { host, msg } = ctx;
  const reply = parseMessage(text, msg.received, msg.id, host.clock.now());
  if (reply === undefined) return;
  const prepare = (run: Context) => {
    run.routeType = ROUTE.LOCAL;
    run.sending = { text, to };
  };
  const done = host.runEvent(LOCAL_RESPONSE, reply, prepare, ctx.env, ctx.program);
  if (done instanceof Promise) host.detach(done, `event_route[${LOCAL_RESPONSE}]`);
}

// ------------------------------------------------------------------ counters

const CODES_COUNTED = [200, 202, 300, 301, 302, 400, 401, 403, 404, 407, 408, 483, 500];
const CLASSES_COUNTED = ['2xx', '3xx', '4xx', '5xx', '6xx', 'xxx'];

/** `200`, `2xx` … in the order in which sl.stats shows them. */
export const COUNTED: readonly string[] = CLASSES_COUNTED.flatMap((cls) => [
  ...CODES_COUNTED.filter((code) => `${code}`[0] === cls[0]).map(String),
  cls,
]);

function countedAs(code: number): string {
  if (code < 200 || code >= 700) return 'xxx';
  return CODES_COUNTED.includes(code) ? String(code) : `${Math.trunc(code / 100)}xx`;
}

const NAMES = new Map<number, string>();

/** Counts a stateless reply that was sent. */
export function countStateless(host: Host, code: number): void {
  let name = NAMES.get(code);
  if (name === undefined) {
    name = `sl.${countedAs(code)}_replies`;
    if (code >= 0 && code < 1000) NAMES.set(code, name);
  }
  host.count(name);
  host.count('sl.sent_replies');
}

function failed(host: Host): number {
  host.count('sl.failures');
  return FAILED;
}

// -------------------------------------------------------------------- errors

/** Kamailio's numbers of internal errors that have a reply of their own (`Context.lastError`). */
const ERROR_REPLIES: ReadonlyMap<number, readonly [status: number, text: string]> = new Map([
  [0, [500, 'No error']],
  [-2, [500, 'No error']],
  [-9, [400, 'Transaction tuple incomplete']],
  [-11, [500, 'Error in external logic']],
  [-12, [500, 'Forking capacity exceeded']],
  [-13, [400, 'Bad To']],
  [-15, [400, 'Invalid character in q parameter']],
  [-16, [400, 'Empty q parameter']],
  [-17, [400, 'Q parameter too big']],
  [-18, [400, 'Decimal part missing in q']],
  [-400, [400, 'Bad Request']],
  [-477, [477, 'Unfortunately error on sending to next hop occurred']],
  [-478, [478, 'Unresolvable destination']],
  [-479, [479, 'Regretfully, we were not able to process the URI']],
  [-487, [487, 'Transaction canceled']],
]);

/** Status and reason of the reply for an internal error; `by` is SL or TM. */
export function errorReply(error: number, by: 'SL' | 'TM'): { readonly status: number; readonly reason: string } {
  const [status, text] = ERROR_REPLIES.get(error) ?? [500, "I'm terribly sorry, server error occurred"];
  return { status, reason: `${text} (${-error}/${by})` };
}
