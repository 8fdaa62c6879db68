/**
 * Requests that were carried out lately, by their transaction: what a lost reply makes the sender repeat is answered again,
 * and not done again. (Kamailio does it again, and an old value can come back over a newer one.)
 */

/** A sender repeats for 30 s at most (fr_timer); kept for one to two of these, ms. */
const GENERATION = 20_000;
const LIMIT = 100_000;

/** Undefined while it is not answered yet. */
export type Answer<T> = { readonly reply: T | undefined };

export class Seen<T> {
  readonly #now: () => number;
  #young = new Map<string, Answer<T>>();
  #old = new Map<string, Answer<T>>();
  #since: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  get(id: string): Answer<T> | undefined {
    return this.#young.get(id) ?? this.#old.get(id);
  }

  set(id: string, reply: T | undefined): void {
    const now = this.#now();
    if (now - this.#since > GENERATION || this.#young.size >= LIMIT) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#since = now;
    }
    this.#young.set(id, { reply });
  }
}
