/** Cancelling branches, for a CANCEL from upstream and of our own accord (RFC 3261, 9 and 16.10). */
import type { Context } from '../../runtime/context.js';
import type { SipMessage } from '../../sip/message.js';
import { raise, wants } from './callbacks.js';
import { replyLocally } from './local-reply.js';
import { paramsOf } from './params.js';
import { fakeFinal } from './receive-reply.js';
import { cancelText, givenReason, localReason } from './requests.js';
import type { Tm } from './state.js';
import { startCancel, stopBranch, stopRetransmission } from './timers.js';
import { B, type ClientBranch, T, type Transaction } from './transaction.js';

/**
 * What becomes of a branch that has had no reply: `kill` gives it up, the others are `cancel_b_method`: `fake` takes it
 * as answered with 487, `wait` keeps sending the INVITE and cancels at its first reply, `force` cancels at once; `stop`
 * stops sending it, to be cancelled at its first reply too (management, t_cancel_callid()).
 */
export type CancelMode = 'kill' | 'fake' | 'wait' | 'force' | 'stop';
const MODES: readonly CancelMode[] = ['fake', 'wait', 'force'];

export function cancelMode(t: Transaction): CancelMode {
  return MODES[paramsOf(t.program).cancel_b_method] ?? 'wait';
}

/** Branches without a final reply that were not cancelled yet; one that only waits (t_suspend) is none of them. */
export function openBranches(t: Transaction): ClientBranch[] {
  return t.branches.filter((b) => b.lastReceived < 200 && b.cancelText === '' && !b.blind);
}

/** Cancels branches of our own accord; `cause` is the status for the Reason header, 0 none. */
export function cancelBranches(
  tm: Tm,
  t: Transaction,
  branches: readonly ClientBranch[],
  cause: number,
  mode: CancelMode,
): void {
  for (const b of branches) cancelBranch(tm, t, b, localReason(t, cause), mode);
}

/** Cancels one branch; `reason` are whole Reason lines or ''. False when nothing remains open there. */
export function cancelBranch(tm: Tm, t: Transaction, b: ClientBranch, reason: string, mode: CancelMode): boolean {
  b.flags |= B.CANCELED;
  if (mode === 'kill') stopBranch(b);
  if (b.lastReceived < 100 && mode !== 'force') return unanswered(tm, t, b, mode);
  stopRetransmission(b);
  sendCancel(tm, t, b, reason);
  return mode !== 'kill';
}

/** A branch without any reply must not be cancelled yet (RFC 3261, 9.1). */
function unanswered(tm: Tm, t: Transaction, b: ClientBranch, mode: CancelMode): boolean {
  if (mode === 'kill') return false;
  if (mode === 'wait') return true;
  if (mode === 'stop') {
    stopRetransmission(b);
    return true;
  }
  stopBranch(b);
  fakeFinal(tm, t, b, 487);
  return false;
}

/** Builds and sends the CANCEL, once; later calls repeat it. */
export function sendCancel(tm: Tm, t: Transaction, b: ClientBranch, reason: string): void {
  if (b.to === null) return;
  if (b.cancelText !== '') {
    tm.host.send(b.cancelText, b.to);
    tellSent(t, b, b.cancelText);
    return;
  }
  const text = cancelText(t, b, reason);
  if (text === undefined) return;
  b.cancelText = text;
  tm.host.send(text, b.to);
  tellSent(t, b, text);
  startCancel(tm, t, b);
}

/** What went out on a branch beside its request. */
export function tellSent(t: Transaction, b: ClientBranch, text: string): void {
  if (!wants(t, 'requestSent')) return;
  raise('requestSent', { t, request: t.request, reply: null, code: 0, branch: b.index, text, to: b.to });
}

/** A provisional reply on a cancelled branch: the CANCEL goes out now, or again. */
export function cancelAtLast(tm: Tm, t: Transaction, b: ClientBranch): void {
  const reason = t.cancelReason !== '' ? t.cancelReason : localReason(t, t.status >= 200 ? t.status : 0, false);
  sendCancel(tm, t, b, reason);
}

const CANCELED = 'Request canceled';
const DONE = 'ok -- no more pending branches';
const PROCEEDING = 'canceling';

/** A CANCEL for `invite` was received in transaction `t`: cancels the branches and answers both. */
export function endToEndCancel(tm: Tm, cancel: SipMessage, t: Transaction, invite: Transaction, ctx: Context): void {
  if (wants(invite, 'e2eCancelIn')) {
    raise('e2eCancelIn', { t: invite, request: cancel, reply: null, code: 0, branch: -1, ctx });
  }
  invite.flags |= T.CANCELED;
  const open = openBranches(invite);
  if (open.length === 0) {
    if (invite.request !== null) replyLocally(tm, invite, invite.request, 487, CANCELED);
    replyLocally(tm, t, cancel, 200, DONE, { ctx });
    return;
  }
  if (invite.cancelReason === '' && !invite.has(T.NO_E2E_CANCEL_REASON)) invite.cancelReason = givenReason(cancel);
  const pending = open.filter((b) => cancelBranch(tm, invite, b, invite.cancelReason, cancelMode(invite)));
  replyLocally(tm, t, cancel, 200, pending.length > 0 ? PROCEEDING : DONE, { ctx });
}
