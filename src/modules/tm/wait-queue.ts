/**
 * Transactions that have ended and are kept for a while (wt_timer), linked through themselves in the order in which they
 * fall due: nothing is made for one, and one timer serves them all. A busy proxy has a hundred thousand of them.
 */
import type { Clock } from '../../runtime/host.js';
import type { Transaction } from './transaction.js';

export class WaitQueue {
  readonly #clock: Clock;
  readonly #over: (t: Transaction) => void;
  #first: Transaction | null = null;
  #last: Transaction | null = null;
  #armed = false;
  readonly #began: number;

  /** `over` gets each transaction when its time has come; it is out of the queue then. */
  constructor(clock: Clock, over: (t: Transaction) => void) {
    this.#clock = clock;
    this.#began = clock.micros();
    this.#over = over;
  }

  /** Whole milliseconds, of the clock that is never set back: a small number, which needs no memory of its own. */
  #now(): number {
    return Math.floor((this.#clock.micros() - this.#began) / 1000) + 1;
  }

  /** Ends the wait of `t` in `ms`; one that waits already begins anew. */
  add(t: Transaction, ms: number): void {
    this.remove(t);
    t.waitDue = this.#now() + Math.ceil(ms);
    let before = this.#last;
    while (before !== null && before.waitDue > t.waitDue) before = before.waitPrevious;
    this.#link(t, before);
    if (!this.#armed || before === null) this.#arm(ms);
  }

  remove(t: Transaction): void {
    if (t.waitDue === 0) return;
    if (t.waitPrevious === null) this.#first = t.waitNext;
    else t.waitPrevious.waitNext = t.waitNext;
    if (t.waitNext === null) this.#last = t.waitPrevious;
    else t.waitNext.waitPrevious = t.waitPrevious;
    t.waitDue = 0;
    t.waitNext = null;
    t.waitPrevious = null;
  }

  #link(t: Transaction, before: Transaction | null): void {
    t.waitPrevious = before;
    t.waitNext = before === null ? this.#first : before.waitNext;
    if (t.waitNext === null) this.#last = t;
    else t.waitNext.waitPrevious = t;
    if (before === null) this.#first = t;
    else before.waitNext = t;
  }

  #arm(ms: number): void {
    this.#armed = true;
    this.#clock.after(ms, this.#run);
  }

  readonly #run = (): void => {
    this.#armed = false;
    const now = this.#now();
    for (let t = this.#first; t !== null && t.waitDue <= now; t = this.#first) {
      this.remove(t);
      this.#over(t);
    }
    if (this.#first !== null && !this.#armed) this.#arm(Math.max(this.#first.waitDue - now, 0));
  };
}
