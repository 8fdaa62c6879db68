/** Work that waits only when a route of the script does. */
import type { Tm } from './state.js';
import type { Transaction } from './transaction.js';

/** Goes on with `next` at once, or when `value` is there. */
export function andThen<V, R>(value: V | Promise<V>, next: (value: V) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Runs `work` now, or after what the transaction is busy with: its replies and timers never overlap. */
export function inTurn<R>(t: Transaction, work: () => R | Promise<R>): R | Promise<R> {
  if (t.busy !== null) return hold(t, t.busy.then(work));
  const result = work();
  return result instanceof Promise ? hold(t, result) : result;
}

function hold<R>(t: Transaction, work: Promise<R>): Promise<R> {
  const settled = work.then(
    () => undefined,
    () => undefined,
  );
  t.busy = settled;
  void settled.then(() => {
    if (t.busy === settled) t.busy = null;
  });
  return work;
}

/** As `inTurn`, for work whose end nobody waits for. */
export function inTurnDetached(tm: Tm, t: Transaction, what: string, work: () => unknown): void {
  const result = inTurn(t, work);
  if (result instanceof Promise) tm.host.detach(result, what);
}
