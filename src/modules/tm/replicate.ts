/** Copies of a request to several places at once, whose replies go nowhere (dmq_t_replicate()). */
import type { Context } from '../../runtime/context.js';
import type { ListenSocket } from '../../sip/transport.js';
import { addBranch, sendBranch } from './branch.js';
import { transactionOf } from './match.js';
import { newTransaction, saveEdits } from './relay.js';
import { tmOf } from './state.js';
import { release } from './timers.js';
import { B, T } from './transaction.js';

/** Where one copy goes: a SIP URI, and the socket to send from. */
export interface CopyTarget {
  readonly uri: string;
  readonly socket: ListenSocket | null;
}

/**
 * One branch for each target, the request URI unchanged and no route followed. The number of copies sent; 0 where the
 * request is a retransmission, -1 where there can be no transaction.
 */
export function sendCopies(ctx: Context, targets: readonly CopyTarget[]): number {
  const tm = tmOf(ctx.host);
  if (transactionOf(ctx) === null) {
    const made = newTransaction(tm, ctx);
    if (made <= 0) return made === 0 ? 0 : -1;
  }
  const t = transactionOf(ctx);
  if (t === null) return -1;
  const { msg } = ctx;
  t.flags |= T.LOCAL;
  saveEdits(t, msg);
  let sent = 0;
  for (const { uri, socket } of targets) {
    const b = addBranch(
      tm,
      t,
      { ctx, forced: undefined, proto: socket?.proto, route: '' },
      {
        uri: msg.uri,
        dstUri: uri,
        path: null,
        socket,
        flags: 0,
        instance: null,
        ruid: null,
        locationUa: null,
        connection: 0,
      },
    );
    if (typeof b === 'number') continue;
    if (t.branches.length === 1) b.flags |= B.FIRST;
    if (sendBranch(tm, t, b, ctx)) sent++;
  }
  if (sent === 0) release(tm, t);
  else t.handled = true;
  return sent > 0 ? sent : -1;
}
