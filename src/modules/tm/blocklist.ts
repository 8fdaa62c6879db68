/** use_dst_blocklist in transactions: next hops that failed are avoided, those that are avoided are not tried. */
import { BLOCKED, block, isBlocked, retryAfter, usesBlocklist } from '../../runtime/blocklist.js';
import { methodId } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { paramsOf } from './params.js';
import type { Tm } from './state.js';
import type { ClientBranch, Transaction } from './transaction.js';

/** Is the next hop of the branch avoided, for requests of this method? */
export function isAvoided(tm: Tm, t: Transaction, b: ClientBranch): boolean {
  if (b.to === null || !usesBlocklist(t.program)) return false;
  return (methodId(t.method) & paramsOf(t.program).blst_methods_lookup) !== 0 && isBlocked(tm.host, t.program, b.to);
}

/** It could not be sent. */
export function avoidUnsent(tm: Tm, t: Transaction, b: ClientBranch): void {
  if (b.to !== null) block(tm.host, t.program, BLOCKED.SEND, b.to, ignoredBy(t));
}

/** No reply came in time. */
export function avoidSilent(tm: Tm, t: Transaction, b: ClientBranch): void {
  if (b.to === null || t.request === null || !usesBlocklist(t.program)) return;
  if ((methodId(t.method) & paramsOf(t.program).blst_methods_add) === 0) return;
  block(tm.host, t.program, BLOCKED.TIMEOUT, b.to, ignoredBy(t));
}

/** The source of a 503 is avoided for as long as it asks, within bounds (blst_503). */
export function avoidBusy(tm: Tm, t: Transaction, reply: SipMessage): void {
  const p = paramsOf(t.program);
  if (p.blst_503 === 0 || !usesBlocklist(t.program)) return;
  const asked = retryAfter(reply);
  const seconds =
    asked === undefined
      ? p.blst_503_def_timeout
      : Math.min(Math.max(asked, p.blst_503_min_timeout), p.blst_503_max_timeout);
  if (seconds <= 0) return;
  const { proto, srcIp: ip, srcPort: port } = reply.received;
  const ignore = ignoredBy(t) | reply.blocklistIgnore;
  block(tm.host, t.program, BLOCKED.REPLY_503, { proto, ip, port }, ignore, seconds);
}

const ignoredBy = (t: Transaction): number => t.request?.blocklistIgnore ?? 0;
