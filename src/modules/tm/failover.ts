/** DNS failover (RFC 3263, 4.3): the next address of a host where one does not answer or says 503. */

import { ROUTE } from '../../runtime/context.js';
import { carrier } from '../../runtime/host.js';
import { ownVia } from '../../sip/build.js';
import type { Destination } from '../../sip/transport.js';
import { sendBranch, viaLine } from './branch.js';
import { inTurnDetached } from './later.js';
import { paramsOf } from './params.js';
import { fakeFinal } from './receive-reply.js';
import { transactionContext } from './routes.js';
import type { Tm } from './state.js';
import { startBranch, stopBranch } from './timers.js';
import { B, ClientBranch, T, type Transaction } from './transaction.js';

/** Opens a branch to the next address, if there is one and failover is on; true when it was sent. */
export function tryNextTarget(tm: Tm, t: Transaction, b: ClientBranch): boolean {
  const [next0, ...rest] = b.targets;
  const to = next0 === undefined ? undefined : fromSocket(tm, t, next0);
  if (to === undefined || !allowed(t) || tm.host.clock.now() >= t.endOfLife) return false;
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
  const { request } = t;
  const via = request === null ? localVia(tm, t, next.index, to) : viaLine(tm, t, next.index, request, to);
  next.via = via;
  next.text = b.text.replace(b.via, () => via);
  b.targets = [];
  t.addBranch(next);
  if (request === null) return sendLocal(tm, t, next, to) || tryNextTarget(tm, t, next);
  if (sendBranch(tm, t, next, transactionContext(tm, t, request, ROUTE.REQUEST))) return true;
  return tryNextTarget(tm, t, next);
}

function localVia(tm: Tm, t: Transaction, index: number, to: Destination): string {
  return ownVia(to.socket, `${t.viaBranch}${index.toString(16)}`, { transport: carrier(tm.host, to) });
}

/** A request that began here; false where it cannot be sent. */
function sendLocal(tm: Tm, t: Transaction, b: ClientBranch, to: Destination): boolean {
  const lost = (): unknown => {
    if (b.lastReceived >= 200 || t.has(T.GONE)) return undefined;
    stopBranch(b);
    tryNextTarget(tm, t, b);
    return fakeFinal(tm, t, b, 477);
  };
  const onFailure = (): void => inTurnDetached(tm, t, 'tm: send', lost);
  if (tm.host.send(b.text, to, undefined, onFailure)) {
    startBranch(tm, t, b);
    return true;
  }
  b.lastReceived = 477;
  b.flags |= B.SEND_FAILED;
  return false;
}

/** dns_reuse_rcv_socket: from the socket that the request came by. */
function fromSocket(tm: Tm, t: Transaction, to: Destination): Destination {
  if (t.request === null || paramsOf(t.program).dns_reuse_rcv_socket === 0) return to;
  const socket = tm.host.socketFor(to.proto, to.ip, t.request.received.socket);
  return socket === undefined ? to : { ...to, socket };
}

function allowed(t: Transaction): boolean {
  if (t.method === 'ACK' || t.has(T.DISABLE_FAILOVER) || t.has(T.CANCELED) || t.status >= 200) return false;
  return t.program.core.values.get('use_dns_failover') === 1;
}
