/** Kamailio's sl: replies without a transaction (sip.md, section 2). */
import type { Context } from '../runtime/context.js';
import { forwardReply } from '../runtime/core/forward.js';
import { bindFormat, bindVariable } from '../runtime/format.js';
import {
  type ArgDefinition,
  type BindEnv,
  type BindResult,
  type BoundArg,
  defineModule,
  fn,
  type Host,
  int,
  intParam,
  isInt,
  kemiParam,
  LEVEL,
  needsNoRun,
  opt,
  pvTable,
  RpcRecord,
  type RpcValue,
  str,
  strParam,
  toInt,
  toText,
  type Value,
} from '../runtime/module.js';
import {
  COUNTED,
  errorReply,
  newSlState,
  replyStateless,
  SEND_OPTION,
  SL_STATE,
  sendReply,
  statelessTag,
} from '../runtime/replies.js';
import { toOf } from '../sip/header.js';

interface Params {
  readonly default_code: number;
  readonly default_reason: string;
}

// ----------------------------------------------------------------- arguments

/** Binds a constant, or a lone variable whose value `read` takes; undefined stands for the module's default. */
function replyArg<T>(
  name: string,
  type: string,
  fixed: (text: string, env: BindEnv) => BindResult<BoundArg<T | undefined>>,
  read: (value: Value) => T | undefined,
): ArgDefinition<T | undefined, false> {
  return {
    name,
    type,
    optional: false,
    dynamic: false,
    bind(source, env) {
      if (source.kind !== 'constant') return { error: 'is not constant' };
      if (source.text[0] !== '$') return fixed(source.text, env);
      const variable = bindVariable(source.text, env);
      if ('error' in variable) return fixed(source.text, env);
      const { get } = variable.ok;
      return { ok: { kind: 'dynamic', get: (ctx) => read(get(ctx)) } };
    },
  };
}

/** A number, or a variable with one: what holds no int is the default code. */
const code = replyArg<number>(
  'code',
  'reply code',
  (text) =>
    /^[+-]?\d*$/.test(text)
      ? { ok: { kind: 'constant', value: Number(text) || 0 } }
      : { error: `'${text}' is no reply code` },
  (value) => (isInt(value) ? toInt(value) : undefined),
);

/** Text with variables; a lone variable that is null is the default reason. */
const reason = replyArg<string>(
  'reason',
  'string',
  (text, env) => {
    const format = bindFormat(text, env);
    if ('error' in format) return format;
    const { constant, get } = format.ok;
    return { ok: constant === undefined ? { kind: 'dynamic', get } : { kind: 'constant', value: constant } };
  },
  (value) => (value === null || value === undefined ? undefined : toText(value)),
);

// ----------------------------------------------------------------- functions

const REPLY_ROUTES = ['request', 'reply', 'failure'] as const;

const stateless = fn({
  doc: 'Answers the request without a transaction, even where it has one.',
  args: [code, reason],
  routes: ['request'],
  example: 'sl_send_reply("404", "Not Found");\n#< SIP/2.0 404 Not Found',
  run: (ctx, p: Params, c, r) => replyStateless(ctx, c ?? p.default_code, r ?? p.default_reason),
});

const send = fn({
  doc: 'Answers the request with its transaction where it has one, else without.',
  args: [code, reason],
  routes: REPLY_ROUTES,
  example: 'send_reply("486", "Busy Here");\n#< SIP/2.0 486 Busy Here',
  run: (ctx, p: Params, c, r) => sendReply(ctx, c ?? p.default_code, r ?? p.default_reason),
});

const sendWithMode = fn({
  doc: 'As send_reply(); mode 1: only over a connection that is there, 2: close it afterwards.',
  args: [code, reason, int('mode')],
  routes: REPLY_ROUTES,
  run(ctx, p: Params, c, r, mode) {
    if ((mode & 1) !== 0) ctx.msg.replyOptions |= SEND_OPTION.NO_CONNECT;
    else if ((mode & 2) !== 0) ctx.msg.replyOptions |= SEND_OPTION.CLOSE;
    return sendReply(ctx, c ?? p.default_code, r ?? p.default_reason);
  },
});

const replyError = fn({
  doc: 'Answers with the code and text of the last internal error, 500 when there was none.',
  args: [],
  routes: ['request'],
  run(ctx) {
    const { status, reason: text } = errorReply(ctx.lastError, 'SL');
    replyStateless(ctx, status, text);
    ctx.host.log.write(LEVEL.ERR, 'sl', `stateless error reply used: ${text}\n`);
    return 1;
  },
});

/** Puts code and reason into the status line for this sending alone; the class of the code must stay. */
function forwardChanged(ctx: Context, status: string, text: string): number {
  const { msg } = ctx;
  const refused = (why: string) => {
    ctx.host.log.write(LEVEL.ERR, 'sl', `${why}\n`);
    return -1;
  };
  if (msg.isRequest) return refused('invalid SIP message type');
  if (status !== '') {
    if (status.length !== 3 || !/^.\d\d$/s.test(status)) return refused(`invalid reply code value ${status}`);
    if (status[0] !== String(msg.status)[0]) return refused('reply code class cannot be changed');
  }
  const before = msg.edits.snapshot();
  const at = msg.startLineStart + 'SIP/2.0 '.length;
  if (status !== '') msg.edits.replace(at, 3, status);
  if (text !== '') msg.edits.replace(at + 4, msg.reason.length, text);
  forwardReply(ctx);
  msg.edits.restore(before);
  return 1;
}

const forward = fn({
  doc: 'Sends the reply on to its second Via without a transaction, with another code of its class and another reason.',
  args: [opt(str('code')), opt(str('reason'))],
  routes: ['reply'],
  run: (ctx, _p: Params, status = '', text = '') => forwardChanged(ctx, status, text),
});

// ---------------------------------------------------------------- ACK filter

/** How long after the last reply an ACK to one of them is looked for, milliseconds. */
const WAIT_FOR_ACK = 2000;
const FILTERED_ACK = 'sl:filtered-ack';

/** Swallows the ACK to a stateless reply of this server; false: the message is done. */
function filterAck(ctx: Context): boolean {
  const { host, msg } = ctx;
  if (msg.method !== 'ACK') return true;
  const state = host.state(SL_STATE);
  if (state.lastReply + WAIT_FOR_ACK <= host.clock.now() || toOf(msg)?.tag !== statelessTag(ctx)) return true;
  host.count('sl.received_ACKs');
  for (const hook of host.hooks.onFilteredAck) hook(ctx);
  const done = host.runEvent(FILTERED_ACK, msg, undefined, ctx.env, ctx.program);
  if (done instanceof Promise) host.detach(done, `event_route[${FILTERED_ACK}]`);
  return false;
}

// ---------------------------------------------------------------- statistics

const OTHER_COUNTERS = ['1xx_replies', 'sent_replies', 'sent_err_replies', 'failures', 'received_ACKs'];

function counted(host: Host, name: string): number {
  const value = host.statistics.get(`sl.${name}_replies`);
  return typeof value === 'number' ? value : 0;
}

function statistics(host: Host): RpcValue {
  return new RpcRecord(COUNTED.map((name) => [name, counted(host, name)]));
}

export const sl = defineModule({
  name: 'sl',
  doc: 'Stateless replies, and the ACKs to them.',
  params: {
    default_code: intParam(500, 'Code of a reply whose code argument is no number.'),
    default_reason: strParam('Internal Server Error', 'Text of a reply whose reason is null.'),
    bind_tm: intParam(1, '0: send_reply() is stateless even where the request has a transaction.'),
    rich_redirect: intParam(0, 'Contacts of a 3xx also tell: 1 the branch flags, 2 the path, 3 both.'),
    event_callback_fl_ack: kemiParam(),
    event_callback_lres_sent: kemiParam(),
  },
  functions: {
    sl_send_reply: stateless,
    sl_reply: stateless,
    send_reply: send,
    send_reply_mode: sendWithMode,
    sl_reply_error: replyError,
    sl_forward_reply: forward,
  },
  pvs: {
    ltt: pvTable(
      'The tag that a reply of this server would put into To: x as send_reply(), s stateless, t of the transaction.',
      {
        x: (ctx) => ctx.host.hooks.replyTag?.(ctx) ?? statelessTag(ctx),
        s: statelessTag,
        t: (ctx) => ctx.host.hooks.replyTag?.(ctx) ?? null,
      },
    ),
  },
  rpc: {
    'sl.stats': { doc: 'Replies sent statelessly, by code.', run: statistics },
  },
  events: {
    'sl:filtered-ack': 'An ACK to a stateless reply came and goes no further; it is the message in view.',
    'sl:local-response': 'A stateless reply was sent; it is the message in view.',
  },
  start(host) {
    for (const name of [...COUNTED.map((c) => `${c}_replies`), ...OTHER_COUNTERS]) host.statistics.set(`sl.${name}`, 0);
    host.hooks.beforeRequest.push(needsNoRun(filterAck));
    return newSlState(host);
  },
});
