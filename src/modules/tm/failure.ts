/** failure_route and event_route[tm:branch-failure:…]: the request as it was relayed is in view (sip.md, section 4). */
import { type Context, ROUTE } from '../../runtime/context.js';
import { clearLogPrefix, setLogPrefix } from '../../runtime/log-prefix.js';
import { runRoute } from '../../runtime/run.js';
import type { SipMessage } from '../../sip/message.js';
import { raise, type TmEventName, wants } from './callbacks.js';
import { andThen } from './later.js';
import { transactionContext } from './routes.js';
import type { Tm } from './state.js';
import { type ClientBranch, FAKED, T, type Transaction } from './transaction.js';

/** A copy of the kept request for one run: no branches yet, and its URI counts as used. */
export function requestInView(t: Transaction, b: ClientBranch | undefined): SipMessage | null {
  if (t.request === null) return null;
  const msg = t.request.clone();
  msg.uriIsNew = false;
  msg.branches = [];
  msg.branchFlags = b?.branchFlags ?? 0;
  return msg;
}

/** Runs the failure route of the picked branch and the callbacks; false when there is neither. */
export function runFailure(tm: Tm, t: Transaction, picked: ClientBranch): boolean | Promise<boolean> {
  const route = picked.onFailure === '' ? undefined : t.program.routes.failure.get(picked.onFailure);
  if (route === undefined && !wants(t, 'onFailure') && !wants(t, 'onFailureRo')) return false;
  const ctx = failureContext(tm, t, picked, ROUTE.FAILURE);
  if (ctx === undefined) return false;
  tell('onFailureRo', t, picked, ctx);
  tell('onFailure', t, picked, ctx);
  if (route === undefined) return keepFlags(t, ctx);
  if (t.settings.onFailure !== '') t.ownSettings().onFailure = '';
  t.flags &= ~T.SUSPENDED;
  setLogPrefix(ctx);
  return andThen(runRoute(ctx, route), () => {
    clearLogPrefix(tm.host.log);
    return keepFlags(t, ctx);
  });
}

const BRANCH_FAILURE = 'tm:branch-failure:';

/** Runs what t_on_branch_failure() set for a branch that has just failed. */
export function runBranchFailure(tm: Tm, t: Transaction, b: ClientBranch, _code: number): unknown {
  const name = b.onBranchFailure;
  const route = name === '' ? undefined : t.program.routes.event.get(`${BRANCH_FAILURE}${name}`);
  if (route === undefined && !wants(t, 'onBranchFailure')) return undefined;
  const ctx = failureContext(tm, t, b, ROUTE.BRANCH_FAILURE);
  if (ctx === undefined) return undefined;
  const before = t.pickedBranch;
  t.pickedBranch = b.index;
  tell('onBranchFailure', t, b, ctx);
  if (route === undefined) return undefined;
  if (t.settings.onBranchFailure !== '') t.ownSettings().onBranchFailure = '';
  return andThen(runRoute(ctx, route), () => {
    t.pickedBranch = before;
    return keepFlags(t, ctx);
  });
}

function failureContext(tm: Tm, t: Transaction, b: ClientBranch, routeType: number): Context | undefined {
  const msg = requestInView(t, b);
  if (msg === null) return undefined;
  const ctx = transactionContext(tm, t, msg, routeType);
  ctx.branchIndex = b.index;
  ctx.reply = b.reply === FAKED ? null : b.reply;
  return ctx;
}

function keepFlags(t: Transaction, ctx: Context): true {
  if (t.request !== null) {
    t.request.flags = ctx.msg.flags;
    t.request.xflags = ctx.msg.xflags;
  }
  return true;
}

function tell(name: TmEventName, t: Transaction, b: ClientBranch, ctx: Context): void {
  if (!wants(t, name)) return;
  raise(name, { t, request: ctx.msg, reply: ctx.reply, code: b.lastReceived, branch: b.index, ctx });
}
