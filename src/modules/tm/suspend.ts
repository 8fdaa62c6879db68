/** Suspending a transaction and going on with it later: t_suspend(), t_continue(), and the same for other modules. */
import { type Context, ROUTE, STOP } from '../../runtime/context.js';
import type { Route } from '../../runtime/program.js';
import { runRoute } from '../../runtime/run.js';
import { E } from './errors.js';
import { requestInView } from './failure.js';
import { andThen, inTurn } from './later.js';
import { replyError, sendTrying } from './local-reply.js';
import { transactionOf } from './match.js';
import { paramsOf } from './params.js';
import { handOn, received } from './receive-reply.js';
import { newTransaction, saveEdits } from './relay.js';
import { transactionContext } from './routes.js';
import type { Tm } from './state.js';
import { release, setFinalTimer, stopBranch } from './timers.js';
import { ClientBranch, FAKED, T, type Transaction } from './transaction.js';

/**
 * Suspends the transaction of a run, beginning one where there is none: 1, or below 0 where that is not possible (an ACK,
 * a final reply was sent). The run must end after it; nothing is sent for the request until `resume`.
 */
export function suspend(tm: Tm, ctx: Context): number {
  if (ctx.msg.faked) return -1;
  if (transactionOf(ctx) === null && newTransaction(tm, ctx) < 0) return -1;
  const t = transactionOf(ctx);
  if (t === null) return -1;
  if (t.has(T.CANCELED)) return 1;
  if (t.status >= 200) return -1;
  return ctx.msg.isRequest ? suspendRequest(tm, t, ctx) : suspendReply(t, ctx);
}

function suspendRequest(tm: Tm, t: Transaction, ctx: Context): number {
  sendTrying(tm, t, ctx.msg, ctx);
  if (t.branches.length === 0) saveEdits(t, ctx.msg);
  if (t.request !== null) t.request.flags = ctx.msg.flags;
  const blind = new ClientBranch(t.branches.length, '');
  blind.blind = true;
  blind.onFailure = t.settings.onFailure;
  t.addBranch(blind);
  t.handled = true;
  setFinalTimer(tm, t, blind, t.settings.frMs || paramsOf(t.program).fr_timer);
  mark(t, ctx, -1, blind.index);
  return 1;
}

function suspendReply(t: Transaction, ctx: Context): number {
  const b = t.branches[ctx.branchIndex];
  if (b === undefined) return -1;
  b.reply = ctx.msg;
  mark(t, ctx, b.index, -1);
  return 1;
}

function mark(t: Transaction, ctx: Context, branch: number, blind: number): void {
  t.flags = (t.flags | T.SUSPENDED) & ~T.CONTINUING;
  t.suspension = { routeType: ctx.routeType, branch, blind, uriIsNew: ctx.msg.uriIsNew };
}

/** What `resume` runs: a route of the script, or code of a module. */
export type Resumed = Route | ((ctx: Context) => number | Promise<number>);

/** Goes on with a suspended transaction: 1; -1 where it is not suspended. Replies that come meanwhile wait. */
export function resume(tm: Tm, t: Transaction, what: Resumed): number | Promise<number> {
  if (!t.has(T.SUSPENDED) || t.suspension === null || t.has(T.GONE)) return -1;
  return inTurn(t, () => (t.suspension!.branch < 0 ? resumeRequest(tm, t, what) : resumeReply(tm, t, what)));
}

function run(ctx: Context, what: Resumed): number | Promise<number> {
  return typeof what === 'function' ? what(ctx) : runRoute(ctx, what);
}

/** The route runs as a failure route does: t_relay() in it adds a branch. */
function resumeRequest(tm: Tm, t: Transaction, what: Resumed): number | Promise<number> {
  const suspension = t.suspension!;
  const blind = t.branches[suspension.blind];
  t.flags = (t.flags | T.CONTINUING) & ~T.SUSPENDED;
  if (blind !== undefined) {
    stopBranch(blind);
    if (blind.lastReceived !== 0) {
      t.flags &= ~T.CONTINUING;
      return 1;
    }
    blind.lastReceived = 500;
    blind.reply = FAKED;
  }
  const msg = requestInView(t, blind);
  if (msg === null) return -1;
  msg.uriIsNew = suspension.uriIsNew;
  const ctx = transactionContext(tm, t, msg, ROUTE.FAILURE);
  return andThen(run(ctx, what), () => {
    if (t.request !== null) t.request.flags = msg.flags;
    if (t.status < 200 && t.branches.every((b) => b.lastReceived >= 200)) killed(tm, t);
    t.flags &= ~T.CONTINUING;
    return 1;
  });
}

/** No branch is open and nothing was replied: nobody else will. */
function killed(tm: Tm, t: Transaction): void {
  if (replyError(tm, t, t.error !== 0 ? t.error : E.UNSPEC) <= 0) release(tm, t);
}

function resumeReply(tm: Tm, t: Transaction, what: Resumed): number | Promise<number> {
  const b = t.branches[t.suspension!.branch];
  const msg = b?.reply;
  t.flags = (t.flags | T.CONTINUING) & ~T.SUSPENDED;
  if (b === undefined || msg === undefined || !received(msg)) return -1;
  const ctx = transactionContext(tm, t, msg, ROUTE.TM_ONREPLY);
  ctx.branchIndex = b.index;
  return andThen(run(ctx, what), () => {
    t.flags &= ~T.CONTINUING;
    if (t.has(T.SUSPENDED)) return 1;
    b.reply = null;
    if (ctx.stop === STOP.DROP && msg.status < 200) return 1;
    return andThen(handOn(tm, t, b, msg.status, msg, b.lastReceived), () => 1);
  });
}
