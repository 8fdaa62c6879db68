/** Timers of transactions (RFC 3261, 17: A, B, E, F, G, H, I, J, K) on the host's timer wheel. */
import type { Destination } from '../../sip/transport.js';
import { raise, wants } from './callbacks.js';
import { paramsOf } from './params.js';
import type { Tm } from './state.js';
import { B, type ClientBranch, FAKED, T, type Transaction } from './transaction.js';

/** Kamailio's clock ticks 16 times a second and rounds up: 200 ms are 250. */
const TICK = 62.5;

export function ticks(ms: number): number {
  return Math.ceil(ms / TICK) * TICK;
}

/** Does the transport repeat by itself what is lost? */
export function reliable(to: Destination): boolean {
  return to.proto !== 'udp';
}

// ------------------------------------------------------------------ branches

/** After a branch's request went out: retransmissions and the final response timer. */
export function startBranch(tm: Tm, t: Transaction, b: ClientBranch): void {
  const p = paramsOf(t.program);
  if (b.to !== null && !reliable(b.to)) {
    b.retrMs = t.settings.retr1Ms || p.retr_timer1;
    armRetransmission(tm, t, b);
  }
  setFinalTimer(tm, t, b, t.settings.frMs || p.fr_timer);
}

function armRetransmission(tm: Tm, t: Transaction, b: ClientBranch): void {
  b.retr = tm.host.clock.after(ticks(b.retrMs), () => retransmit(tm, t, b));
}

function retransmit(tm: Tm, t: Transaction, b: ClientBranch): void {
  b.retr = null;
  if (b.lastReceived >= 200 || b.to === null || b.text === '') return;
  tm.host.send(b.text, b.to);
  b.retrMs = Math.min(b.retrMs * 2, t.settings.retr2Ms || paramsOf(t.program).retr_timer2);
  armRetransmission(tm, t, b);
}

/** A provisional reply to a request other than INVITE: it is repeated at the longest interval only. */
export function slowDown(t: Transaction, b: ClientBranch): void {
  b.retrMs = t.settings.retr2Ms || paramsOf(t.program).retr_timer2;
}

/** The branch fails after `ms` from now, or at the end of the transaction's life. */
export function setFinalTimer(tm: Tm, t: Transaction, b: ClientBranch, ms: number): void {
  const now = tm.host.clock.now();
  const deadline = Math.min(now + ticks(ms), t.endOfLife);
  const later = b.fr !== null && deadline >= b.frDeadline;
  b.frDeadline = deadline;
  if (later) return;
  b.fr?.cancel();
  b.fr = tm.host.clock.after(Math.max(deadline - now, 0), () => finalTimer(tm, t, b));
}

function finalTimer(tm: Tm, t: Transaction, b: ClientBranch): void {
  const left = b.frDeadline - tm.host.clock.now();
  b.fr = null;
  if (t.has(T.GONE)) return;
  if (left > 1) {
    b.fr = tm.host.clock.after(left, () => finalTimer(tm, t, b));
    return;
  }
  stopRetransmission(b);
  tm.branchTimeout(t, b);
}

export function stopRetransmission(b: ClientBranch): void {
  b.retr?.cancel();
  b.retr = null;
}

export function stopBranch(b: ClientBranch): void {
  stopRetransmission(b);
  b.fr?.cancel();
  b.fr = null;
}

export function stopBranches(t: Transaction): void {
  for (const b of t.branches) stopBranch(b);
}

// ------------------------------------------------------------------- CANCELs

/** Repeats a branch's CANCEL until it is answered or fr_timer is over. */
export function startCancel(tm: Tm, t: Transaction, b: ClientBranch): void {
  const p = paramsOf(t.program);
  b.cancelDeadline = tm.host.clock.now() + (t.settings.frMs || p.fr_timer);
  if (b.to !== null && !reliable(b.to)) repeatCancel(tm, t, b, t.settings.retr1Ms || p.retr_timer1);
}

function repeatCancel(tm: Tm, t: Transaction, b: ClientBranch, ms: number): void {
  b.cancelRetr = tm.host.clock.after(ticks(ms), () => {
    b.cancelRetr = null;
    if (b.to === null || tm.host.clock.now() >= b.cancelDeadline) return;
    tm.host.send(b.cancelText, b.to);
    repeatCancel(tm, t, b, Math.min(ms * 2, t.settings.retr2Ms || paramsOf(t.program).retr_timer2));
  });
}

export function stopCancel(b: ClientBranch): void {
  b.cancelRetr?.cancel();
  b.cancelRetr = null;
}

// ------------------------------------------------------------------- replies

/** A negative final reply to INVITE is repeated over UDP until its ACK comes, fr_timer at most; call before waiting. */
export function startReply(tm: Tm, t: Transaction): void {
  if (!t.isInvite || t.status < 300 || t.has(T.LOCAL) || t.replyTo === null) return;
  const p = paramsOf(t.program);
  t.replyDeadline = tm.host.clock.now() + ticks(t.settings.frMs || p.fr_timer);
  t.replyRetrMs = t.settings.retr1Ms || p.retr_timer1;
  if (reliable(t.replyTo)) t.replyRetrMs = t.settings.frMs || p.fr_timer;
  armReply(tm, t);
}

function armReply(tm: Tm, t: Transaction): void {
  const left = t.replyDeadline - tm.host.clock.now();
  t.replyRetr = tm.host.clock.after(Math.min(ticks(t.replyRetrMs), Math.max(left, 0)), () => repeatReply(tm, t));
}

function repeatReply(tm: Tm, t: Transaction): void {
  t.replyRetr = null;
  if (t.replyTo === null || tm.host.clock.now() >= t.replyDeadline) return;
  tm.host.send(t.replyText, t.replyTo);
  t.replyRetrMs = Math.min(t.replyRetrMs * 2, t.settings.retr2Ms || paramsOf(t.program).retr_timer2);
  armReply(tm, t);
}

export function stopReply(t: Transaction): void {
  t.replyRetr?.cancel();
  t.replyRetr = null;
}

// ----------------------------------------------------------------------- end

/**
 * What waits is kept small: nobody reads it but a repeat, a late reply or an ACK. What was sent is needed for the ACK of
 * a negative reply only.
 */
export function compact(t: Transaction): void {
  if (t.busy !== null || t.has(T.GONE)) return;
  t.packRequest();
  for (const b of t.branches) {
    b.reply = null;
    if (!t.isInvite) b.shed();
  }
}

/** The transaction has ended: it is kept for wt_timer, for what comes again, and then forgotten. */
export function putOnWait(tm: Tm, t: Transaction): void {
  if (t.has(T.WAITING)) return;
  t.flags |= T.WAITING;
  tm.stats.waiting++;
  tm.compactLater(t);
  tm.waiting.add(t, ticks(paramsOf(t.program).wt_timer));
}

/** A negative reply still waits for its ACK, a CANCEL for its reply: they keep the transaction. */
export function waitOver(tm: Tm, t: Transaction): void {
  if (t.replyRetr !== null || t.busy !== null) tm.waiting.add(t, ticks(paramsOf(t.program).wt_timer));
  else destroy(tm, t);
}

/** Stops all its timers and forgets it. */
export function destroy(tm: Tm, t: Transaction): void {
  if (t.has(T.GONE)) return;
  if (t.has(T.WAITING)) tm.stats.waiting--;
  t.flags |= T.GONE;
  tm.waiting.remove(t);
  stopBranches(t);
  for (const b of t.branches) stopCancel(b);
  stopReply(t);
  tm.forget(t);
  countEnd(tm, t);
  if (wants(t, 'destroy')) raise('destroy', { t, request: t.request, reply: null, code: t.status, branch: -1 });
}

function countEnd(tm: Tm, t: Transaction): void {
  tm.stats.deleted++;
  const cls = Math.floor(t.status / 100);
  if (cls >= 2 && cls <= 6) tm.stats.completed[cls]!++;
}

/** t_release(): no more timers but the last one. */
export function release(tm: Tm, t: Transaction): void {
  t.handled = true;
  stopReply(t);
  stopBranches(t);
  putOnWait(tm, t);
}

/** Marks a branch as failed by itself: no message came for it. */
export function failBranch(b: ClientBranch, code: number): void {
  b.lastReceived = code;
  b.reply = FAKED;
  b.flags |= B.SEND_FAILED;
  stopBranch(b);
}
