/** DNS failover (RFC 3263, 4.3): the next address of a host where one does not answer or says 503. */

import { ROUTE } from '../../runtime/context.js';
import type { Destination } from '../../sip/transport.js';
import { sendBranch, viaLine } from './branch.js';
import { paramsOf } from './params.js';
import { transactionContext } from './routes.js';
import type { Tm } from './state.js';
import { ClientBranch, T, type Transaction } from './transaction.js';

/** Opens a branch to the next address, if there is one and failover is on; true when it was sent. */
export function tryNextTarget(tm: Tm, t: Transaction, b: ClientBranch): boolean {
  const [next0, ...rest] = b.targets;
  const to = next0 === undefined ? undefined : fromSocket(tm, t, next0);
  if (to === undefined || t.request === null || !allowed(t) || tm.host.clock.now() >= t.endOfLife) return false;
  const next = new ClientBranch(t.branches.length, b.uri);
  Object.assign(next, {
    path: b.path,
    ruid: b.ruid,
    instance: b.instance,
    locationUa: b.locationUa,
    branchFlags: b.branchFlags,
    onReply: b.onReply,
    onFailure: b.onFailure,
    onBranchFailure: b.onBranchFailure,
    to,
    targets: rest,
  });
  next.via = viaLine(t, next.index, t.request, to);
  next.text = b.text.replace(b.via, () => next.via);
  b.targets = [];
  t.branches.push(next);
  if (sendBranch(tm, t, next, transactionContext(tm, t, t.request, ROUTE.REQUEST))) return true;
  return tryNextTarget(tm, t, next);
}

/** dns_reuse_rcv_socket: from the socket that the request came by. */
function fromSocket(tm: Tm, t: Transaction, to: Destination): Destination {
  if (t.request === null || paramsOf(t.program).dns_reuse_rcv_socket === 0) return to;
  const socket = tm.host.socketFor(to.proto, to.ip, t.request.received.socket);
  return socket === undefined ? to : { ...to, socket };
}

function allowed(t: Transaction): boolean {
  if (t.has(T.DISABLE_FAILOVER) || t.has(T.CANCELED) || t.status >= 200) return false;
  return t.program.core.values.get('use_dns_failover') === 1;
}
