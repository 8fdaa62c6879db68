/** No final reply in time (RFC 3261, 16.8): the next address, else 408 and, where the branch rang, a CANCEL. */

import { avoidSilent } from './blocklist.js';
import { wants } from './callbacks.js';
import { cancelBranch } from './cancel.js';
import { tryNextTarget } from './failover.js';
import { andThen, inTurnDetached } from './later.js';
import { paramsOf } from './params.js';
import { fakeFinal } from './receive-reply.js';
import type { Tm } from './state.js';
import { putOnWait } from './timers.js';
import { B, type ClientBranch, T, type Transaction } from './transaction.js';

export function branchTimeout(tm: Tm, t: Transaction, b: ClientBranch): void {
  inTurnDetached(tm, t, 'tm: timeout', () => {
    if (t.has(T.GONE) || b.lastReceived >= 200) return undefined;
    if (silent(t, b)) {
      putOnWait(tm, t);
      return undefined;
    }
    if (b.lastReceived === 0 && !b.blind) {
      avoidSilent(tm, t, b);
      tryNextTarget(tm, t, b);
    }
    return timedOut(tm, t, b);
  });
}

/** An INVITE without any reply may be forgotten without a word (noisy_ctimer 0). */
function silent(t: Transaction, b: ClientBranch): boolean {
  if (paramsOf(t.program).noisy_ctimer !== 0 || t.has(T.LOCAL) || !t.isInvite) return false;
  if (t.settings.frMs > 0 || t.settings.frInvMs > 0) return false;
  if (t.branches.length !== 1 || t.settings.onFailure !== '' || b.lastReceived !== 0) return false;
  return !wants(t, 'onFailure') && !wants(t, 'onFailureRo');
}

function timedOut(tm: Tm, t: Transaction, b: ClientBranch): unknown {
  const rang = t.isInvite && b.lastReceived >= 100 && b.cancelText === '';
  b.flags |= B.TIMEOUT | B.CANCELED;
  return andThen(fakeFinal(tm, t, b, 408), () => {
    if (!rang) return;
    const received = b.lastReceived;
    b.lastReceived = 180;
    cancelBranch(tm, t, b, '', 'wait');
    b.lastReceived = received;
  });
}
