/** Which reply goes upstream now, its text, and what stays with the transaction. */

import { ROUTE } from '../../runtime/context.js';
import { buildForwardedReply } from '../../sip/build.js';
import { toOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { challengeLines, challengers, pickBranch } from './best-reply.js';
import { raise, wants } from './callbacks.js';
import { openBranches } from './cancel.js';
import { E, finalReason, reasonOf } from './errors.js';
import { runBranchFailure, runFailure } from './failure.js';
import { andThen } from './later.js';
import { confirmable, madeReply, replyError, replyLocally } from './local-reply.js';
import { paramsOf } from './params.js';
import { transactionContext } from './routes.js';
import type { Tm } from './state.js';
import { startReply } from './timers.js';
import { B, type BranchReply, type ClientBranch, FAKED, T, type Transaction } from './transaction.js';

/** What became of a reply. `pushed`: a further 2xx after the end; `store`: other branches are open. */
export type Outcome = 'completed' | 'provisional' | 'store' | 'discarded' | 'pushed' | 'error';

export interface Upstream {
  readonly outcome: Outcome;
  /** Branches to cancel because of it, with the status for the Reason. */
  readonly cancel: readonly ClientBranch[];
  readonly cause: number;
}

interface Verdict extends Upstream {
  /** Keep the reply with its branch. */
  readonly store: boolean;
  /** Branch whose reply goes up; -1 none. */
  readonly relay: number;
}

const NOBODY: readonly ClientBranch[] = [];

function verdict(outcome: Outcome, relay = -1, store = false, cancel = NOBODY, cause = 0): Verdict {
  return { outcome, relay, store, cancel, cause };
}

/** Decides about a reply of `code` on a branch and sends what is to be sent. */
export function passUpstream(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  code: number,
  reply: SipMessage | typeof FAKED,
): Upstream | Promise<Upstream> {
  return andThen(decide(tm, t, b, code, reply), (v) => {
    if (v.store) b.reply = reply;
    if (v.relay < 0) return v;
    if (t.has(T.LOCAL)) completeLocal(t, b, v, code, reply);
    else return relay(tm, t, b, v, code, reply);
    return v;
  });
}

// ------------------------------------------------------------------ decision

function decide(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  code: number,
  reply: SipMessage | typeof FAKED,
): Verdict | Promise<Verdict> {
  const success = code >= 200 && code < 300 && t.isInvite;
  if (t.status >= 200) {
    if (!success) return verdict('discarded');
    b.lastReceived = code;
    return verdict('pushed', b.index);
  }
  if (b.lastReceived >= 200 && !(success && b.lastReceived < 300)) return verdict('discarded');
  if (code >= 300) return negative(tm, t, b, code, reply);
  b.lastReceived = code;
  const relayed = code === 100 && paramsOf(t.program).relay_100 === 0 ? -1 : b.index;
  if (code < 200) return verdict('provisional', relayed);
  return verdict('completed', relayed, false, openBranches(t), code);
}

function negative(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  code: number,
  reply: SipMessage | typeof FAKED,
): Verdict | Promise<Verdict> {
  b.lastReceived = code;
  b.reply = reply;
  return andThen(runBranchFailure(tm, t, b, code), () => {
    const pick = pickBranch(t, b.index, code);
    if (pick === 'pending') return waitForOthers(t, code);
    if (pick === 'none') {
      b.reply = null;
      return verdict('discarded');
    }
    return allFailed(tm, t, b, pick.branch, code);
  });
}

/** The reply is kept; the first 6xx cancels the other branches. */
function waitForOthers(t: Transaction, code: number): Verdict {
  if (code < 600 || t.has(T.GOT_6XX) || t.has(T.DISABLE_6XX)) return verdict('store', -1, true);
  t.flags |= T.GOT_6XX;
  return verdict('store', -1, true, openBranches(t), code);
}

/** No branch is open: the failure route may reply or open new ones. */
function allFailed(tm: Tm, t: Transaction, b: ClientBranch, picked: number, code: number): Verdict | Promise<Verdict> {
  const count = t.branches.length;
  t.flags &= ~T.GOT_6XX;
  t.dropReplies = paramsOf(t.program).failure_reply_mode;
  t.pickedBranch = picked;
  return andThen(runFailure(tm, t, t.branches[picked]!), (ran) => {
    const dropped = ran && dropReplies(t, count);
    if (t.status >= 200) return verdict('completed');
    if (count < t.branches.length) return withNewBranches(tm, t, b, code, picked, dropped);
    if (dropped) return allDropped(tm, t, b);
    return verdict('completed', picked);
  });
}

/** Modes of t_drop_replies(): 1 all, 2 those of the last step, 3 all where a branch was added. */
function dropReplies(t: Transaction, count: number): boolean {
  const mode = t.dropReplies;
  if (mode === 0 || (mode === 3 && count >= t.branches.length)) return false;
  let from = 0;
  if (mode === 2) {
    from = count - 1;
    while (from > 0 && !t.branches[from]!.has(B.FIRST)) from--;
  }
  for (let i = from; i < count; i++) t.branches[i]!.reply = null;
  return true;
}

function withNewBranches(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  code: number,
  picked: number,
  dropped: boolean,
): Verdict {
  const again = pickBranch(t, dropped ? -1 : b.index, code);
  if (again === 'pending') return dropped ? verdict('discarded') : verdict('store', -1, true);
  if (again === 'none') return dropped ? allDropped(tm, t, b) : verdict('completed', picked);
  return verdict('completed', again.branch);
}

/** Nothing is left to relay: the error of the last step is the answer. */
function allDropped(tm: Tm, t: Transaction, b: ClientBranch): Verdict {
  if (t.has(T.LOCAL)) return verdict('completed', b.index);
  replyError(tm, t, t.error !== 0 ? t.error : E.UNSPEC);
  return verdict('completed');
}

// --------------------------------------------------------------------- relay

interface Built {
  readonly text: string;
  readonly code: number;
  /** null: it was made here. */
  readonly source: SipMessage | null;
}

function relay(
  tm: Tm,
  t: Transaction,
  b: ClientBranch,
  v: Verdict,
  code: number,
  reply: SipMessage | typeof FAKED,
): Upstream {
  const chosen: BranchReply = v.relay === b.index ? reply : t.branches[v.relay]!.reply;
  if (code < 300 && chosen !== FAKED && chosen !== null && wants(t, 'responseFwded')) {
    raise('responseFwded', { t, request: t.request, reply: chosen, code, branch: v.relay });
  }
  const statusOf = v.relay === b.index ? code : t.branches[v.relay]!.lastReceived;
  const built = build(tm, t, chosen, statusOf, b.index, reply);
  if (built.text === '') return replyFailed(tm, t);
  keep(tm, t, v, built);
  send(tm, t, v, built);
  return v;
}

function replyFailed(tm: Tm, t: Transaction): Upstream {
  if (t.request !== null) replyLocally(tm, t, t.request, 500, 'Reply processing error');
  return verdict('error');
}

function build(
  tm: Tm,
  t: Transaction,
  chosen: BranchReply,
  code: number,
  branch: number,
  incoming: BranchReply,
): Built {
  if (chosen === FAKED || chosen === null) return made(tm, t, t.has(T.CANCELED) ? 487 : code, branch, incoming);
  const p = paramsOf(t.program);
  if (chosen.status === 503 && p.remap_503_500 !== 0) {
    return { text: madeReply(tm, t, 500, reasonOf(503)), code: 500, source: null };
  }
  if (chosen.status === 401 || chosen.status === 407) {
    const all = p.aggregate_challenges === 0 ? [] : challengers(t, branch, incoming);
    if (all.length > 1) return aggregated(tm, t, chosen.status, all);
  }
  const socket = t.replyTo?.socket ?? chosen.received.socket;
  const stream = t.replyTo !== null && t.replyTo.proto !== 'udp';
  return { text: buildForwardedReply(chosen, { sendSocket: socket }, { stream }), code: chosen.status, source: chosen };
}

function made(tm: Tm, t: Transaction, code: number, branch: number, incoming: BranchReply): Built {
  if ((code === 401 || code === 407) && paramsOf(t.program).aggregate_challenges !== 0) {
    const all = challengers(t, branch, incoming);
    if (all.length > 1) return aggregated(tm, t, code, all);
  }
  return { text: madeReply(tm, t, code, finalReason(code)), code, source: null };
}

function aggregated(tm: Tm, t: Transaction, code: number, replies: readonly SipMessage[]): Built {
  return { text: madeReply(tm, t, code, reasonOf(code), challengeLines(replies)), code, source: null };
}

/** The reply becomes the one that answers retransmissions, but for a 2xx after the end. */
function keep(tm: Tm, t: Transaction, v: Verdict, built: Built): void {
  tm.stats.repliesSent++;
  if (built.source === null) tm.stats.repliesGenerated++;
  if (built.code >= 200 && built.code < 300 && built.source !== null) confirmable(tm, t, toOf(built.source)?.tag ?? '');
  if (v.outcome === 'pushed' && paramsOf(t.program).reply_relay_mode !== 0) return;
  t.replyText = built.text;
  t.status = built.code;
  t.replyBranch = v.relay;
}

function send(tm: Tm, t: Transaction, v: Verdict, built: Built): void {
  const event = {
    t,
    request: t.request,
    reply: built.source,
    code: built.code,
    branch: v.relay,
    text: built.text,
    to: t.replyTo,
  };
  const counts = v.outcome !== 'pushed' || paramsOf(t.program).reply_relay_mode === 0;
  if (wants(t, 'responseReady')) raise('responseReady', event);
  if (v.outcome === 'completed') startReply(tm, t);
  if (t.replyTo === null || !sendUp(tm, t, built) || !counts) return;
  if (wants(t, 'responseOut')) raise('responseOut', event);
  if (wants(t, 'responseSent')) raise('responseSent', event);
}

/** onsend_route runs for relayed replies where onsend_route_reply says so. */
function sendUp(tm: Tm, t: Transaction, built: Built): boolean {
  const to = t.replyTo!;
  if (built.source === null || !t.program.core.values.get('onsend_route_reply')) return tm.host.send(built.text, to);
  return tm.host.sendFor(transactionContext(tm, t, built.source, ROUTE.ONSEND), built.text, to);
}

// --------------------------------------------------------------------- local

/** The owner of a local transaction learns its reply. */
function completeLocal(
  t: Transaction,
  b: ClientBranch,
  v: Verdict,
  code: number,
  reply: SipMessage | typeof FAKED,
): void {
  const chosen = v.relay === b.index ? reply : t.branches[v.relay]!.reply;
  const message = chosen === FAKED ? null : chosen;
  const status = message?.status ?? (v.relay === b.index ? code : t.branches[v.relay]!.lastReceived);
  t.status = status;
  const name = status >= 200 ? 'localCompleted' : 'localResponseOut';
  raise(name, { t, request: t.request, reply: message, code: status, branch: v.relay });
}
