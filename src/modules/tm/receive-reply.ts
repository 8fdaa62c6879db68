/** A reply on a branch: its routes, and what is done with it upstream (sip.md, section 3; RFC 3261, 16.7). */
import { type Context, ROUTE, STOP } from '../../runtime/context.js';
import { runRoute } from '../../runtime/run.js';
import { cseqOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { avoidBusy } from './blocklist.js';
import { raise, wants } from './callbacks.js';
import { cancelAtLast, cancelBranches, cancelMode, tellSent } from './cancel.js';
import { tryNextTarget } from './failover.js';
import { andThen, inTurn } from './later.js';
import { sendLocalAck } from './local-ack.js';
import { lookUp, transactionOf } from './match.js';
import { paramsOf } from './params.js';
import { passUpstream, type Upstream } from './relay-reply.js';
import { ackText } from './requests.js';
import { transactionContext } from './routes.js';
import type { Tm } from './state.js';
import {
  putOnWait,
  setFinalTimer,
  slowDown,
  stopBranch,
  stopBranches,
  stopCancel,
  stopRetransmission,
} from './timers.js';
import { B, type BranchReply, type ClientBranch, FAKED, T, type Transaction } from './transaction.js';

/** For the server's receive path: true when the reply belongs to a transaction and is dealt with. */
export function replyReceived(tm: Tm, ctx: Context): boolean | Promise<boolean> {
  lookUp(tm, ctx);
  const t = transactionOf(ctx);
  const b = t?.branches[ctx.branchIndex];
  if (t === null || b === undefined) return strayReply(tm, ctx);
  tm.stats.repliesReceived++;
  return andThen(
    inTurn(t, () => onReply(tm, t, b, ctx.msg)),
    () => true,
  );
}

/** A reply without a transaction runs the route that `on_sl_reply` names; true: it is not forwarded. */
function strayReply(tm: Tm, ctx: Context): boolean | Promise<boolean> {
  const name = paramsOf(ctx.program).on_sl_reply;
  const route = name === '' ? undefined : ctx.program.routes.reply.get(name);
  if (route === undefined) return false;
  const own = transactionContext(tm, null, ctx.msg, ROUTE.CORE_ONREPLY, ctx);
  return andThen(runRoute(own, route), (code) => own.stop === STOP.DROP || (own.stop === STOP.NONE && code <= 0));
}

function onReply(tm: Tm, t: Transaction, b: ClientBranch, msg: SipMessage): unknown {
  if (t.has(T.GONE)) return undefined;
  const before = b.lastReceived;
  if (wants(t, 'responseIn')) {
    raise('responseIn', { t, request: t.request, reply: msg, code: msg.status, branch: b.index });
  }
  if (t.isInvite && cseqOf(msg)?.method === 'CANCEL') return stopCancel(b);
  if (msg.status >= 200) finalArrived(tm, t, b, msg);
  else if (!provisionalArrived(tm, t, b)) return undefined;
  return andThen(replyRoute(tm, t, b, msg), (goOn) => (goOn ? afterRoute(tm, t, b, msg, before) : undefined));
}

/** Timers stop, a negative reply to INVITE is acknowledged at once, each time it comes. */
function finalArrived(tm: Tm, t: Transaction, b: ClientBranch, msg: SipMessage): void {
  stopBranch(b);
  if (!t.isInvite) return;
  if (msg.status >= 300) {
    const ack = ackText(t, b, msg);
    if (ack !== undefined && b.to !== null) {
      tm.host.send(ack, b.to);
      tellSent(t, b, ack);
    }
  } else if (t.has(T.LOCAL)) sendLocalAck(tm, t, b, msg);
}

/** False where nothing more is done: the branch was cancelled. */
function provisionalArrived(tm: Tm, t: Transaction, b: ClientBranch): boolean {
  if (b.has(B.CANCELED) && b.lastReceived < 200) {
    b.lastReceived = Math.max(b.lastReceived, 100);
    cancelAtLast(tm, t, b);
    return false;
  }
  if (b.has(B.CANCELED)) return false;
  if (t.isInvite) stopRetransmission(b);
  else slowDown(t, b);
  return true;
}

/** onreply_route[X] of the branch; false when it dropped a provisional reply. */
function replyRoute(tm: Tm, t: Transaction, b: ClientBranch, msg: SipMessage): boolean | Promise<boolean> {
  const route = b.onReply === '' ? undefined : t.program.routes.reply.get(b.onReply);
  if (route === undefined) return true;
  const own = transactionContext(tm, t, msg, ROUTE.TM_ONREPLY);
  own.branchIndex = b.index;
  if (t.request !== null) {
    msg.flags = t.request.flags;
    msg.xflags = t.request.xflags;
  }
  msg.branchFlags = b.branchFlags;
  const before = b.lastReceived;
  const { status } = msg;
  if (status > before) b.lastReceived = status;
  return andThen(runRoute(own, route), () => {
    if (b.lastReceived === status) b.lastReceived = before;
    if (t.request !== null) {
      t.request.flags = msg.flags;
      t.request.xflags = msg.xflags;
    }
    b.branchFlags = msg.branchFlags;
    return own.stop !== STOP.DROP || status >= 200;
  });
}

function afterRoute(tm: Tm, t: Transaction, b: ClientBranch, msg: SipMessage, before: number): unknown {
  const code = msg.status;
  if (code === 503) {
    avoidBusy(tm, t, msg);
    tryNextTarget(tm, t, b);
  }
  if (t.has(T.SUSPENDED)) {
    if (t.suspension?.branch === b.index) b.reply = msg;
    return undefined;
  }
  return handOn(tm, t, b, code, msg, before);
}

/** Relays, keeps or discards a reply and does what follows from it. */
export function handOn(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  code: number,
  msg: SipMessage,
  before: number,
): unknown {
  return andThen(passUpstream(tm, t, b, code, msg), (up) => {
    conclude(tm, t, up);
    b.flags |= B.REPLIED;
    if (t.isInvite && code < 200 && up.outcome !== 'error') ringing(tm, t, b, code, before);
  });
}

/** After a final reply went up the other branches are cancelled; a 6xx that waits for them cancels them too. */
function conclude(tm: Tm, t: Transaction, up: Upstream): void {
  if (up.outcome === 'completed') {
    stopBranches(t);
    if (t.isInvite) cancelBranches(tm, t, up.cancel, up.cause, 'kill');
    putOnWait(tm, t);
  } else if (up.cancel.length > 0) cancelBranches(tm, t, up.cancel, up.cause, cancelMode(t));
}

/** A provisional reply to INVITE gives the branch fr_inv_timer from now. */
function ringing(tm: Tm, t: Transaction, b: ClientBranch, code: number, before: number): void {
  const p = paramsOf(t.program);
  if (b.lastReceived >= 200 || t.status >= 200) return;
  const news = before < code && (code >= 180 || before === 0);
  if (p.restart_fr_on_each_reply !== 0 || news) setFinalTimer(tm, t, b, t.settings.frInvMs || p.fr_inv_timer);
}

/** A branch ends by a reply made here (408, 477, 487): as if it had come from downstream. */
export function fakeFinal(tm: Tm, t: Transaction, b: ClientBranch, code: number): unknown {
  return andThen(passUpstream(tm, t, b, code, FAKED), (up) => {
    conclude(tm, t, up);
    return up;
  });
}

/** Has the branch a reply that came from downstream? */
export function received(reply: BranchReply): reply is SipMessage {
  return reply !== null && reply !== FAKED;
}
