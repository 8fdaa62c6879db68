/**
 * Transactions by a number made of what they are found by. No text is put together for it, neither to look nor to keep;
 * what has the same number is compared by whoever looks.
 */
import type { Transaction } from './transaction.js';

const NONE: readonly Transaction[] = [];

export class TransactionTable {
  readonly #byHash = new Map<number, Transaction | readonly Transaction[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(hash: number, t: Transaction): void {
    const there = this.#byHash.get(hash);
    this.#byHash.set(hash, there === undefined ? t : [...list(there), t]);
    this.#size++;
  }

  /** Does nothing where it is not there. */
  delete(hash: number, t: Transaction): void {
    const there = this.#byHash.get(hash);
    if (there === undefined) return;
    if (there === t) {
      this.#byHash.delete(hash);
      this.#size--;
      return;
    }
    const left = list(there).filter((one) => one !== t);
    this.#size -= list(there).length - left.length;
    if (left.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, left.length === 1 ? left[0]! : left);
  }

  /** The newest of a number that `is` the one. */
  find<A, B>(hash: number, is: (t: Transaction, a: A, b: B) => boolean, a: A, b: B): Transaction | undefined {
    const there = this.#byHash.get(hash);
    if (there === undefined) return undefined;
    if (!isList(there)) return is(there, a, b) ? there : undefined;
    return there.findLast((t) => is(t, a, b));
  }

  /** Oldest first. */
  *values(): IterableIterator<Transaction> {
    for (const there of this.#byHash.values()) yield* list(there);
  }
}

function isList(there: Transaction | readonly Transaction[]): there is readonly Transaction[] {
  return Array.isArray(there);
}

function list(there: Transaction | readonly Transaction[] | undefined): readonly Transaction[] {
  if (there === undefined) return NONE;
  return isList(there) ? there : [there];
}
