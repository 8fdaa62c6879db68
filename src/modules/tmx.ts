/** tmx: variables of transactions, suspending, and what tm itself leaves out. */
import { Context, ROUTE } from '../runtime/context.js';
import { bindVariable } from '../runtime/format.js';
import { LEVEL, needsNoRun } from '../runtime/host.js';
import {
  type BindEnv,
  defineModule,
  fn,
  int,
  intParam,
  opt,
  type PvAccessor,
  type PvDefinition,
  pv,
  pvTable,
  pvWith,
  raw,
  str,
  type Value,
} from '../runtime/module.js';
import { Dual } from '../runtime/values.js';
import { callIdOf, cseqOf, fromOf, topVia } from '../sip/header.js';
import type { SipMessage } from '../sip/message.js';
import { cancelBranches, openBranches } from './tm/cancel.js';
import { reasonOf } from './tm/errors.js';
import { found } from './tm/functions.js';
import { replyLocally } from './tm/local-reply.js';
import { inviteOf, transactionOf } from './tm/match.js';
import { paramsOf } from './tm/params.js';
import { newTransaction } from './tm/relay.js';
import { findByCallId, findById, tmOf } from './tm/state.js';
import { resume, suspend } from './tm/suspend.js';
import { release } from './tm/timers.js';
import { type ClientBranch, FAKED, type Transaction } from './tm/transaction.js';

// ------------------------------------------------------------------ variables

const FAILURES = ROUTE.FAILURE | ROUTE.BRANCH_FAILURE;

/** The branch that a failure or reply route is about. */
function branchInView(ctx: Context): ClientBranch | undefined {
  return transactionOf(ctx)?.branches[ctx.branchIndex];
}

function branchIndex(ctx: Context): Value {
  const t = transactionOf(ctx);
  const { msg } = ctx;
  if (!msg.isRequest || ctx.routeType === ROUTE.BRANCH || ctx.routeType === ROUTE.BRANCH_FAILURE)
    return number(ctx.branchIndex);
  if (ctx.routeType === ROUTE.FAILURE) return t === null ? undefined : number(t.branches.length + msg.branches.length);
  return number(ctx.routeType === ROUTE.REQUEST ? msg.branches.length : -1);
}

/** Text and number both, as Kamailio's value is. */
function number(n: number): Value {
  return new Dual(`${n}`, n, true);
}

function replyCode(ctx: Context): Value {
  if ((ctx.routeType & ROUTE.ONREPLY) !== 0) return ctx.msg.status;
  const t = found(ctx);
  if (t === null) return 0;
  if ((ctx.routeType & FAILURES) !== 0) return branchInView(ctx)?.lastReceived ?? 0;
  return (ctx.routeType & (ROUTE.REQUEST | ROUTE.BRANCH)) !== 0 ? t.status : 0;
}

function replyReason(ctx: Context): Value {
  const t = found(ctx);
  if (t === null) return '';
  if ((ctx.routeType & ROUTE.ONREPLY) !== 0) return ctx.msg.reason;
  if (ctx.routeType !== ROUTE.FAILURE) return undefined;
  const b = branchInView(ctx);
  if (b === undefined) return undefined;
  return b.reply === FAKED || b.reply === null ? reasonOf(b.lastReceived) : b.reply.reason;
}

function replyRuid(ctx: Context): Value {
  if ((ctx.routeType & (FAILURES | ROUTE.TM_ONREPLY)) === 0 || found(ctx) === null) return '';
  return branchInView(ctx)?.ruid ?? '';
}

function replyLast(ctx: Context): Value {
  if (ctx.routeType !== ROUTE.TM_ONREPLY) return undefined;
  const b = branchInView(ctx);
  return b === undefined ? undefined : number(b.lastReceived);
}

/** 1 where the reply in view of a failure route was made here. */
function replyType(ctx: Context): Value {
  return ctx.routeType === ROUTE.FAILURE && branchInView(ctx)?.reply === FAKED ? 1 : 0;
}

type Of = (ctx: Context, t: Transaction) => Value;

function ofTransaction(get: Of): (ctx: Context) => Value {
  return (ctx) => {
    const t = transactionOf(ctx);
    return t === null ? null : get(ctx, t);
  };
}

/** As above, beginning a transaction where there is none. */
function begun(get: Of): (ctx: Context) => Value {
  return (ctx) => {
    if (transactionOf(ctx) === null) newTransaction(tmOf(ctx.host), ctx);
    const t = transactionOf(ctx);
    return t === null ? null : get(ctx, t);
  };
}

const index: Of = (_ctx, t) => t.index;
const label: Of = (_ctx, t) => t.label;

function branchUri(ctx: Context): Value {
  return ctx.routeType === ROUTE.TM_ONREPLY ? (branchInView(ctx)?.uri ?? null) : null;
}

function branchFlags(ctx: Context): Value {
  return (ctx.routeType & (FAILURES | ROUTE.TM_ONREPLY)) === 0 ? null : (branchInView(ctx)?.branchFlags ?? null);
}

const OF_TRANSACTIONS = [
  'id_index',
  'id_label',
  'id_index_n',
  'id_label_n',
  'reply_code',
  'reply_reason',
  'reply_type',
  'branch_index',
];

function branchRuid(ctx: Context): Value {
  return ctx.routeType === ROUTE.BRANCH ? (ctx.msg.ruid ?? '') : replyRuid(ctx);
}

/** `$T_req($ru)`: a variable read on another message of the transaction. */
function onMessage(
  doc: string,
  other: (ctx: Context) => { msg: SipMessage; t: Transaction | null } | null,
): PvDefinition {
  return pvWith({
    doc: `${doc} The key is the variable to read there.`,
    key: 'required',
    example: 'xlog("$T_req($ru)\\n");',
    bind(use, env: BindEnv) {
      const inner = bindVariable(use.key?.text ?? '', env, { quoted: true });
      if ('error' in inner) return inner;
      const accessor: PvAccessor = {
        get(ctx) {
          const there = other(ctx);
          if (there === null) return null;
          const own = new Context(ctx.host, ctx.program, there.msg, ctx.routeType, ctx.env);
          own.transaction = there.t;
          own.transactionSought = true;
          return inner.ok.get(own);
        },
      };
      return { ok: accessor };
    },
  });
}

function requestOf(ctx: Context): { msg: SipMessage; t: Transaction | null } | null {
  if (ctx.msg.isRequest) return null;
  const t = found(ctx);
  return t?.request == null ? null : { msg: t.request, t };
}

function replyOf(ctx: Context): { msg: SipMessage; t: Transaction | null } | null {
  if (!ctx.msg.isRequest) return null;
  const t = transactionOf(ctx);
  const reply = t?.branches[t.pickedBranch]?.reply;
  return reply === undefined || reply === null || reply === FAKED ? null : { msg: reply, t };
}

function inviteInView(ctx: Context): { msg: SipMessage; t: Transaction | null } | null {
  if (ctx.routeType !== ROUTE.REQUEST || ctx.msg.method !== 'CANCEL') return null;
  const t = inviteOf(tmOf(ctx.host), ctx.msg, paramsOf(ctx.program));
  return t?.request == null ? null : { msg: t.request, t };
}

// ------------------------------------------------------------------ functions

function isRoute(doc: string, bits: number) {
  return fn({ doc, args: [], run: (ctx) => ((ctx.routeType & bits) !== 0 ? 1 : -1) });
}

const CANCEL_WHICH: Readonly<Record<string, (b: ClientBranch, own: number) => boolean>> = {
  all: () => true,
  others: (b, own) => b.index !== own,
  this: (b, own) => b.index === own,
};

function cancelSome(ctx: Context, which: string): number {
  const t = found(ctx);
  const test = CANCEL_WHICH[which.toLowerCase()];
  if (t === null || test === undefined || !t.isInvite) return -1;
  const branches = openBranches(t).filter((b) => test(b, ctx.branchIndex));
  if (branches.length === 0) return -1;
  cancelBranches(tmOf(ctx.host), t, branches, 0, 'stop');
  return 1;
}

/** A flag from 1 to 31 is set on the INVITE's transaction; a code gives the CANCELs a Reason. */
function cancelByCallId(ctx: Context, callId: string, cseq: string, flag: number, code: number): number {
  const tm = tmOf(ctx.host);
  const t = findByCallId(tm, callId, cseq);
  if (t === undefined) return -1;
  if (t.request !== null && flag > 0 && flag < 32) t.request.flags |= 1 << flag;
  cancelBranches(tm, t, openBranches(t), code >= 100 && code <= 699 ? code : 0, 'stop');
  return 1;
}

function reuseBranch(ctx: Context): number {
  const b = ctx.routeType === ROUTE.BRANCH_FAILURE ? branchInView(ctx) : undefined;
  if (b === undefined) return -1;
  const { msg } = ctx;
  msg.newUri = b.uri;
  msg.ruid = b.ruid;
  msg.path = b.path;
  msg.branchFlags = b.branchFlags;
  msg.instance = b.instance;
  return 1;
}

function continueAt(ctx: Context, idx: number, lbl: number, name: string): number | Promise<number> {
  const tm = tmOf(ctx.host);
  const t = findById(tm, idx, lbl);
  const route = (t?.program ?? ctx.program).routes.request.get(name);
  if (route === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'tmx', `unable to find route block [${name}]`);
    return -1;
  }
  return t === undefined ? -1 : resume(tm, t, route);
}

/** Requests being worked on, by what tells them apart: t_precheck_trans() absorbs a repeat that comes meanwhile. */
interface Tmx {
  readonly running: Map<string, Context>;
}

function precheckKey(msg: SipMessage): string | undefined {
  const cseq = cseqOf(msg);
  const tag = fromOf(msg)?.tag;
  if (cseq === undefined || tag === undefined || msg.method === 'ACK' || msg.method === 'CANCEL') return undefined;
  return `${callIdOf(msg)}\n${cseq.number}\n${cseq.method}\n${tag}\n${topVia(msg)?.branch ?? ''}`;
}

const TMX = { module: 'tmx' } as const;

function precheck(ctx: Context): number {
  const key = precheckKey(ctx.msg);
  if (key === undefined) return -1;
  const { running } = ctx.host.state<Tmx>(TMX);
  const other = running.get(key);
  if (other !== undefined && other !== ctx) return 1;
  running.set(key, ctx);
  return -1;
}

export const tmx = defineModule({
  name: 'tmx',
  doc: 'Variables of transactions, suspending and continuing, cancelling by Call-ID.',
  needs: ['tm'],
  params: { precheck_trans: intParam(1, 'Keep what t_precheck_trans() needs.') },
  functions: {
    t_cancel_branches: fn({
      doc: '"all", "others" or "this": cancels branches from a reply route.',
      args: [raw('which')],
      routes: ['reply'],
      check: ([which]) =>
        which?.kind === 'constant' && which.text.toLowerCase() in CANCEL_WHICH
          ? undefined
          : 'all, others or this expected',
      run: (ctx, _p: unknown, which) => cancelSome(ctx, which),
    }),
    t_cancel_callid: fn({
      doc: 'Cancels the branches of the call with this Call-ID and CSeq number; the code becomes their Reason.',
      args: [str('callid'), str('cseq'), int('flag'), opt(int('code'))],
      run: (ctx, _p: unknown, callId, cseq, flag, code) => cancelByCallId(ctx, callId, cseq, flag, code ?? 0),
    }),
    t_reply_callid: fn({
      doc: 'Replies in the transaction with this Call-ID and CSeq number.',
      args: [str('callid'), str('cseq'), int('code'), str('reason')],
      run(ctx, _p: unknown, callId, cseq, code, reason) {
        const tm = tmOf(ctx.host);
        const t = findByCallId(tm, callId, cseq);
        if (t === undefined) return -1;
        // seen: the transaction stays the current one, so that a send_reply() after it fails
        ctx.transaction = t;
        ctx.transactionSought = true;
        return t.request === null ? -1 : replyLocally(tm, t, t.request, code, reason);
      },
    }),
    t_flush_flags: fn({
      doc: 'Takes the message flags over into the transaction.',
      args: [],
      run(ctx) {
        const t = transactionOf(ctx);
        if (t?.request == null) return -1;
        t.request.flags = ctx.msg.flags;
        return 1;
      },
    }),
    t_flush_xflags: fn({
      doc: 'Takes the extended flags over into the transaction.',
      args: [],
      run(ctx) {
        const t = transactionOf(ctx);
        if (t?.request == null) return -1;
        t.request.xflags = ctx.msg.xflags === null ? null : ctx.msg.xflags.slice();
        return 1;
      },
    }),
    t_is_failure_route: isRoute('Does a failure route run?', ROUTE.FAILURE),
    t_is_branch_route: isRoute('Does a branch route run?', ROUTE.BRANCH),
    t_is_reply_route: isRoute('Does a reply route run?', ROUTE.ONREPLY),
    t_is_request_route: isRoute('Does the request route run?', ROUTE.REQUEST),
    t_suspend: fn({
      doc: 'Suspends the transaction, beginning it if need be; the script must end after it. t_continue() goes on.',
      args: [],
      run: (ctx) => suspend(tmOf(ctx.host), ctx),
    }),
    t_continue: fn({
      doc: 'Goes on with the transaction of that index and label in a route block.',
      args: [int('index'), int('label'), str('route')],
      waits: true,
      run: (ctx, _p: unknown, idx, lbl, route) => continueAt(ctx, idx, lbl, route),
    }),
    t_reuse_branch: fn({
      doc: 'In a branch failure event: takes URI, path and flags of the branch that failed again.',
      args: [],
      routes: ['event'],
      run: (ctx) => reuseBranch(ctx),
    }),
    t_precheck_trans: fn({
      doc: 'Is the same request being worked on already, before its transaction began?',
      args: [],
      routes: ['request'],
      run: (ctx) => precheck(ctx),
    }),
    t_drop: fn({
      doc: 'Ends the transaction without a word; the script ends. The code (default 500) is its status.',
      args: [opt(int('code'))],
      run(ctx, _p: unknown, code) {
        const t = transactionOf(ctx);
        if (t === null) return -1;
        t.status = code ?? 500;
        release(tmOf(ctx.host), t);
        return 0;
      },
    }),
  },
  pvs: {
    T_branch_idx: pv(
      'Index of the branch in view; in a request route the number of branches added, in a failure route of all so far.',
      branchIndex,
    ),
    T_reply_ruid: pv('ruid of the branch whose reply is in view.', replyRuid),
    T_reply_code: pv(
      'Status of the reply in view: in a failure route the winner, in a request route the last one sent.',
      replyCode,
    ),
    T_reply_reason: pv('Reason of the reply in view.', replyReason),
    T_reply_last: pv('Greatest status that the branch of a reply route had received.', replyLast),
    T_inv: onMessage('The INVITE of the CANCEL in view.', inviteInView),
    T_req: onMessage('The request of the transaction whose reply is in view; null outside of reply routes.', requestOf),
    T_rpl: onMessage('The winning reply in a failure route.', replyOf),
    T: pvTable('The transaction of the message.', {
      id_index: ofTransaction(index),
      id_label: ofTransaction(label),
      id_index_n: begun(index),
      id_label_n: begun(label),
      reply_code: replyCode,
      reply_reason: replyReason,
      reply_type: ofTransaction(replyType),
      branch_index: branchIndex,
      // what is told of branches alone is the label here
      flags: ofTransaction(label),
      ruid: ofTransaction(label),
      uri: ofTransaction(label),
    }),
    T_branch: pvTable('The branch in view; what is told of transactions alone is nothing here.', {
      uri: ofTransaction(branchUri),
      flags: ofTransaction(branchFlags),
      ruid: ofTransaction(branchRuid),
      ...Object.fromEntries(OF_TRANSACTIONS.map((key) => [key, ofTransaction(() => '')])),
    }),
  },
  start(host): Tmx {
    const state: Tmx = { running: new Map() };
    host.hooks.afterRequest.push(
      needsNoRun((ctx) => {
        if (state.running.size === 0) return;
        const key = precheckKey(ctx.msg);
        if (key !== undefined && state.running.get(key) === ctx) state.running.delete(key);
      }),
    );
    const { statistics } = host;
    const stats = () => tmOf(host).stats;
    const add = (name: string, get: () => number) => statistics.set(`tmx.${name}`, get);
    add('UAS_transactions', () => stats().created - stats().local);
    add('UAC_transactions', () => stats().local);
    for (const cls of [2, 3, 4, 5, 6]) add(`${cls}xx_transactions`, () => stats().completed[cls] ?? 0);
    add('inuse_transactions', () => tmOf(host).byLabel.size);
    add('active_transactions', () => tmOf(host).byLabel.size - stats().waiting);
    add('rpl_received', () => stats().repliesReceived);
    add('rpl_absorbed', () => stats().repliesReceived - (stats().repliesSent - stats().repliesGenerated));
    add('rpl_generated', () => stats().repliesGenerated);
    add('rpl_relayed', () => stats().repliesSent - stats().repliesGenerated);
    add('rpl_sent', () => stats().repliesSent);
    return state;
  },
});
