/** Functions of the script beside those that forward (functions-relay.ts) and set things (functions-settings.ts). */
import { type Context, ROUTE } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { fn, int, opt, raw, regex, str } from '../../runtime/module.js';
import { MSG_FLAG } from '../../sip/message.js';
import { fparam } from './args.js';
import { pickBlind, pickBranch } from './best-reply.js';
import { loadContacts, nextContactFlow, nextContacts } from './contacts.js';
import { repeatReply, replyLocally } from './local-reply.js';
import { FOUND, inviteOf, lookUp, transactionOf } from './match.js';
import { paramsOf, type TmParams } from './params.js';
import { absorb, newTransaction, saveEdits } from './relay.js';
import { tmOf } from './state.js';
import { destroy, release } from './timers.js';
import { B, T, type Transaction } from './transaction.js';
import { newRequest } from './uac.js';

const REQUEST = ['request'] as const;
const WITH_T = ['request', 'tm-reply', 'failure', 'branch'] as const;

/** The transaction of the message in view, looked for if need be. */
export function found(ctx: Context): Transaction | null {
  lookUp(tmOf(ctx.host), ctx);
  return transactionOf(ctx);
}

const IN_TRANSACTION = ROUTE.FAILURE | ROUTE.BRANCH | ROUTE.BRANCH_FAILURE | ROUTE.TM_ONREPLY;

function checkTransaction(ctx: Context): number {
  if ((ctx.routeType & IN_TRANSACTION) !== 0) return 1;
  const tm = tmOf(ctx.host);
  if (!ctx.msg.isRequest) return lookUp(tm, ctx) === FOUND.YES ? 1 : -1;
  if (ctx.msg.method === 'CANCEL') return inviteOf(tm, ctx.msg, paramsOf(ctx.program)) === undefined ? -1 : 1;
  const result = lookUp(tm, ctx);
  if (result === FOUND.E2E_ACK) return 1;
  const t = transactionOf(ctx);
  if (result !== FOUND.YES || t === null) return -1;
  absorb(tm, ctx, t);
  return 0;
}

/** t_reply(): 1, -1 without a transaction or after a final reply, -2 where no reply is wanted. */
export function scriptReply(ctx: Context, code: number, reason: string): number {
  const { msg } = ctx;
  if (msg.isRequest && msg.method === 'ACK') return -1;
  if ((msg.internalFlags & MSG_FLAG.NO_REPLY) !== 0) return -2;
  const t = found(ctx);
  if (t === null) {
    ctx.host.log.write(LEVEL.ERR, 'tm', 'cannot send a t_reply to a message for which no T-state has been established');
    return -1;
  }
  t.flags |= T.ADMIN_REPLY;
  const request = msg.isRequest ? msg : t.request;
  if (request === null || code < 100 || code > 699) return -1;
  return replyLocally(tmOf(ctx.host), t, request, code, reason, { ctx });
}

function codeOf(value: string | number | undefined, params: TmParams): number {
  const code =
    typeof value === 'number' ? value : value === undefined || !/^\d+$/.test(value) ? Number.NaN : Number(value);
  return Number.isNaN(code) ? params.default_code : code;
}

function reasonOf(value: string | number | undefined, params: TmParams): string {
  return value === undefined ? params.default_reason : `${value}`;
}

/** Status that t_check_status() and t_get_status_code() see: 0 none. */
function statusInView(ctx: Context, t: Transaction): number {
  if ((ctx.routeType & ROUTE.ONREPLY) !== 0) return ctx.msg.status;
  if (ctx.routeType === ROUTE.BRANCH_FAILURE) return t.branches[ctx.branchIndex]?.lastReceived ?? 0;
  if (ctx.routeType !== ROUTE.FAILURE) return t.status;
  let pick = pickBranch(t, -1, 0);
  if (pick === 'none') pick = pickBlind(t);
  return typeof pick === 'string' ? 0 : pick.code;
}

function someBranch(ctx: Context, test: (flags: number, received: number) => boolean): number {
  const t = found(ctx);
  return t?.branches.some((b) => test(b.flags, b.lastReceived)) ? 1 : -1;
}

function pickedHas(ctx: Context, flag: number): number {
  const t = transactionOf(ctx);
  return t?.branches[ctx.branchIndex]?.has(flag) ? 1 : -1;
}

const STATUS_REGEX = { ignoreCase: true, newline: true } as const;

export const functions = {
  t_newtran: fn({
    doc: 'Begins a transaction. A retransmission is absorbed: the last reply goes out again and the script ends.',
    args: [],
    routes: REQUEST,
    run: (ctx) => newTransaction(tmOf(ctx.host), ctx),
  }),
  t_lookup_request: fn({
    doc: 'Is there a transaction for this request? Makes it the current one.',
    args: [],
    routes: REQUEST,
    run: (ctx) => (lookUp(tmOf(ctx.host), ctx) === FOUND.YES ? 1 : -1),
  }),
  t_lookup_cancel: fn({
    doc: 'Is the INVITE of this CANCEL known? With 1 the CANCEL takes over its message flags.',
    args: [opt(int('flags'))],
    routes: REQUEST,
    run(ctx, params: TmParams, flags) {
      if (ctx.msg.method !== 'CANCEL') return -1;
      const invite = inviteOf(tmOf(ctx.host), ctx.msg, params);
      if (invite === undefined) return -1;
      if (flags && invite.request !== null) ctx.msg.flags = invite.request.flags;
      return 1;
    },
  }),
  t_check_trans: fn({
    doc: 'True for a CANCEL whose INVITE is known and for the ACK of a 2xx; a retransmission and the ACK of a negative reply are absorbed and the script ends.',
    args: [],
    routes: ['request', 'reply', 'branch'],
    run: checkTransaction,
  }),
  t_reply: fn({
    doc: 'Replies in the transaction. The arguments are text as written, or one variable.',
    args: [fparam('code'), fparam('reason')],
    routes: ['request', 'reply', 'failure'],
    run: (ctx, params: TmParams, code, reason) => scriptReply(ctx, codeOf(code, params), reasonOf(reason, params)),
  }),
  t_send_reply: fn({
    doc: 'As t_reply(), beginning a transaction where there is none.',
    args: [fparam('code'), fparam('reason')],
    routes: ['request', 'reply', 'failure'],
    run(ctx, params: TmParams, code, reason) {
      newTransaction(tmOf(ctx.host), ctx);
      return scriptReply(ctx, codeOf(code, params), reasonOf(reason, params));
    },
  }),
  t_retransmit_reply: fn({
    doc: 'Sends the last reply of the transaction again.',
    args: [],
    routes: REQUEST,
    run(ctx) {
      const t = found(ctx);
      return t === null || ctx.msg.method === 'ACK' ? -1 : repeatReply(tmOf(ctx.host), t);
    },
  }),
  t_release: fn({
    doc: 'Ends the transaction without a reply: repeats are absorbed for wt_timer, then it is forgotten.',
    args: [],
    routes: REQUEST,
    run(ctx) {
      const t = found(ctx);
      if (t === null) return 1;
      release(tmOf(ctx.host), t);
      return 1;
    },
  }),
  t_check_status: fn({
    doc: 'Does the status in view match the expression? In a reply route that of the reply, in a failure route that of the winner, else the last one sent.',
    args: [regex('expression', STATUS_REGEX)],
    routes: ['request', 'failure', 'reply'],
    run(ctx, _params: TmParams, expression) {
      const t = found(ctx);
      return t !== null && expression.test(`${statusInView(ctx, t)}`) ? 1 : -1;
    },
  }),
  t_get_status_code: fn({
    doc: 'The status that t_check_status() compares, as the return code.',
    args: [],
    routes: ['request', 'reply', 'failure', 'branch'],
    run(ctx) {
      const t = found(ctx);
      return t === null ? -1 : statusInView(ctx, t) || -1;
    },
  }),
  t_branch_timeout: fn({
    doc: 'Did the branch that led here time out?',
    args: [],
    routes: ['failure', 'event'],
    run: (ctx) => pickedHas(ctx, B.TIMEOUT),
  }),
  t_branch_replied: fn({
    doc: 'Did the branch that led here ever get a reply from downstream?',
    args: [],
    routes: ['failure', 'event'],
    run: (ctx) => pickedHas(ctx, B.REPLIED),
  }),
  t_any_timeout: fn({
    doc: 'Did any branch time out?',
    args: [],
    routes: WITH_T,
    run: (ctx) => someBranch(ctx, (flags) => (flags & B.TIMEOUT) !== 0),
  }),
  t_any_replied: fn({
    doc: 'Did any branch get a reply from downstream?',
    args: [],
    routes: WITH_T,
    run: (ctx) => someBranch(ctx, (flags) => (flags & B.REPLIED) !== 0),
  }),
  t_grep_status: fn({
    doc: 'Did any branch end with this status, by a reply from downstream?',
    args: [int('code')],
    routes: WITH_T,
    run: (ctx, _params: TmParams, code) =>
      someBranch(ctx, (flags, received) => received === code && (flags & B.REPLIED) !== 0),
  }),
  t_is_canceled: fn({
    doc: 'Has a CANCEL come for the transaction?',
    args: [],
    routes: WITH_T,
    run: (ctx) => (found(ctx)?.has(T.CANCELED) ? 1 : -1),
  }),
  t_is_expired: fn({
    doc: 'Is the life of the transaction (max_inv_lifetime, max_noninv_lifetime) over?',
    args: [],
    routes: WITH_T,
    run(ctx) {
      const t = found(ctx);
      return t !== null && ctx.host.clock.now() >= t.endOfLife ? 1 : -1;
    },
  }),
  t_is_retr_async_reply: fn({
    doc: 'Does a reply repeat one whose processing is suspended?',
    args: [],
    routes: ['tm-reply'],
    run: (ctx) => (found(ctx)?.has(T.SUSPENDED) ? 1 : -1),
  }),
  t_drop_replies: fn({
    doc: 'The replies kept so far do not count any more: "all" (default), "l" those of the last step, "n" none is dropped.',
    args: [opt(raw('mode'))],
    routes: ['failure'],
    run(ctx, _params: TmParams, mode) {
      const t = transactionOf(ctx);
      if (t !== null) t.dropReplies = mode === undefined ? 1 : (DROP_MODES[mode[0] ?? ''] ?? 1);
      return 1;
    },
  }),
  t_save_lumps: fn({
    doc: 'Keeps the edits made so far with the transaction, for its failure routes.',
    args: [],
    routes: REQUEST,
    run(ctx) {
      if (ctx.routeType !== ROUTE.REQUEST) return 1;
      const t = transactionOf(ctx);
      if (t === null) return -1;
      saveEdits(t, ctx.msg);
      return 1;
    },
  }),
  t_use_uac_headers: fn({
    doc: 'CANCEL and ACK made here take From and To as they were sent on the branch.',
    args: [],
    run(ctx) {
      const t = transactionOf(ctx);
      if (t !== null) t.flags |= T.UAC_HEADERS;
      ctx.msg.internalFlags |= MSG_FLAG.USE_UAC_FROM | MSG_FLAG.USE_UAC_TO;
      return 1;
    },
  }),
  t_uac_send: fn({
    doc: 'Sends a request of its own: method, request URI, next hop, socket, header lines (From and To among them), body.',
    args: [str('method'), str('ruri'), str('nexthop'), str('socket'), str('headers'), str('body')],
    run(ctx, _params: TmParams, method, uri, nextHop, socket, headers, body) {
      return sendFromHeaders(ctx, { method, uri, nextHop, socket, headers, body });
    },
  }),
  t_load_contacts: fn({
    doc: 'Puts the destination set into contacts_avp, highest q first; mode 1 draws the order in proportion to q.',
    args: [opt(int('mode'))],
    routes: ['request', 'failure'],
    run: (ctx, params: TmParams, mode) => loadContacts(ctx, params, mode ?? 0),
  }),
  t_next_contacts: fn({
    doc: 'Makes the next group of equal q the destination set; -2 when none is left.',
    args: [],
    routes: ['request', 'failure'],
    run: (ctx, params: TmParams) => nextContacts(ctx, params),
  }),
  t_next_contact_flow: fn({
    doc: 'Adds a branch to the next flow of the instance of the failed branch; -2 when there is none.',
    args: [],
    routes: REQUEST,
    run: (ctx, params: TmParams) => nextContactFlow(ctx, params),
  }),
  t_clean: fn({
    doc: 'Forgets transactions that live longer than they should.',
    args: [],
    run(ctx) {
      const tm = tmOf(ctx.host);
      const limit = ctx.host.clock.now() - CLEAN_AFTER;
      for (const t of [...tm.byLabel.values()]) if (t.endOfLife < limit) destroy(tm, t);
      return 1;
    },
  }),
};

const DROP_MODES: Readonly<Record<string, number>> = { n: 0, a: 1, l: 2 };
/** Milliseconds past the end of its life that t_clean() leaves a transaction. */
const CLEAN_AFTER = 20000;

interface Sent {
  readonly method: string;
  readonly uri: string;
  readonly nextHop: string;
  readonly socket: string;
  readonly headers: string;
  readonly body: string;
}

/** A request whose From, To, Call-ID and CSeq are given among its header lines; other lines are sent as they are. */
export function requestFromHeaders(headers: string): {
  from?: string;
  to?: string;
  fromTag?: string;
  toTag?: string;
  callId?: string;
  cseq?: number;
  rest: string;
} {
  const out: ReturnType<typeof requestFromHeaders> = { rest: '' };
  for (const line of headers.split(/\r?\n/)) {
    const m = /^([^:\s]+)[ \t]*:[ \t]*(.*)$/.exec(line);
    if (m === null) continue;
    const [, name = '', value = ''] = m;
    if (/^(from|f)$/i.test(name)) Object.assign(out, address('from', value));
    else if (/^(to|t)$/i.test(name)) Object.assign(out, address('to', value));
    else if (/^(call-id|i)$/i.test(name)) out.callId = value;
    else if (/^cseq$/i.test(name)) out.cseq = Number.parseInt(value, 10) || 1;
    else if (!/^(via|v|content-length|l)$/i.test(name)) out.rest += `${line}\r\n`;
  }
  return out;
}

function address(which: 'from' | 'to', value: string): Record<string, string> {
  const tag = /;[ \t]*tag=([^;\s]+)/i.exec(value);
  if (tag === null) return { [which]: value };
  return { [which]: value.replace(tag[0], ''), [`${which}Tag`]: tag[1] ?? '' };
}

function sendFromHeaders(ctx: Context, sent: Sent): number {
  const { rest, from, to, ...ids } = requestFromHeaders(sent.headers);
  const socket = sent.socket === '' || sent.socket === '.' ? null : socketOf(ctx, sent.socket);
  const begun = newRequest(ctx.host, {
    method: sent.method,
    uri: sent.uri,
    from: from ?? sent.uri,
    to: to ?? sent.uri,
    ...ids,
    headers: rest,
    body: sent.body === '.' ? '' : sent.body,
    nextHop: sent.nextHop === '' || sent.nextHop === '.' ? null : sent.nextHop,
    socket,
  });
  return begun === undefined ? -1 : 1;
}

function socketOf(ctx: Context, text: string) {
  const m = /^(?:(\w+):)?(.*?)(?::(\d+))?$/.exec(text);
  if (m === null) return null;
  const all = ctx.host.sockets;
  return (
    all.find((s) => s.text === text) ?? all.find((s) => s.ip === m[2] && (!m[3] || s.port === Number(m[3]))) ?? null
  );
}
