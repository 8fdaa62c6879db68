/** Runs of a script on behalf of a transaction: they see its message, its AVPs and the program it began with. */
import { Context } from '../../runtime/context.js';
import type { SipMessage } from '../../sip/message.js';
import type { Tm } from './state.js';
import type { Transaction } from './transaction.js';

/** A context for one route; without a transaction it is that of `like`. */
export function transactionContext(
  tm: Tm,
  t: Transaction | null,
  msg: SipMessage,
  routeType: number,
  like?: Context,
): Context {
  const program = t?.program ?? like?.program ?? tm.host.program;
  const env = t?.env ?? like?.env;
  const ctx =
    env === undefined
      ? new Context(tm.host, program, msg, routeType)
      : new Context(tm.host, program, msg, routeType, env);
  ctx.transaction = t;
  ctx.transactionSought = true;
  return ctx;
}
