/**
 * Requests that were carried out lately, by their transaction: what a lost reply makes the sender repeat is answered again,
 * and not done again. (Kamailio does it again, and an old value can come back over a newer one.)
 *
 * A table of fixed size without objects: a flood makes no work for the garbage collector. Transactions are told apart by
 * 64 bits of hash; four that share a slot push the oldest one out.
 */

/** A sender repeats for 30 s at most (fr_timer); ms. */
const KEPT = 40_000;
const WAYS = 4;
const SETS = 1 << 15;

/** `known` where it was seen, with the number that `set` was given. */
export class Seen {
  readonly #now: () => number;
  readonly #began: number;
  #high: Uint32Array | undefined;
  #low = new Uint32Array(0);
  #at = new Uint32Array(0);
  #value = new Uint8Array(0);

  constructor(now: () => number) {
    this.#now = now;
    this.#began = now() - KEPT - 1;
  }

  /** The number under which it is known; -1 when it is new, and then it is known by `value` from now on. */
  check(id: HashPair, value: number): number {
    const slot = this.#find(id);
    if (slot >= 0) return this.#value[slot]!;
    this.#write(id, value);
    return -1;
  }

  set(id: HashPair, value: number): void {
    const slot = this.#find(id);
    if (slot >= 0) this.#value[slot] = value;
    else this.#write(id, value);
  }

  #find({ high, low }: HashPair): number {
    if (this.#high === undefined) this.#make();
    const first = (low & (SETS - 1)) * WAYS;
    const oldest = this.#now() - this.#began - KEPT;
    for (let i = first; i < first + WAYS; i++)
      if (this.#low[i] === low && this.#high![i] === high && this.#at[i]! >= oldest) return i;
    return -1;
  }

  #write({ high, low }: HashPair, value: number): void {
    const first = (low & (SETS - 1)) * WAYS;
    let slot = first;
    for (let i = first + 1; i < first + WAYS; i++) if (this.#at[i]! < this.#at[slot]!) slot = i;
    this.#high![slot] = high;
    this.#low[slot] = low;
    this.#at[slot] = this.#now() - this.#began;
    this.#value[slot] = value;
  }

  #make(): void {
    this.#high = new Uint32Array(SETS * WAYS);
    this.#low = new Uint32Array(SETS * WAYS);
    this.#at = new Uint32Array(SETS * WAYS);
    this.#value = new Uint8Array(SETS * WAYS);
  }
}

/** 64 bits in two numbers. */
export interface HashPair {
  readonly high: number;
  readonly low: number;
}

/** Two hashes of texts (FNV-1a and its like with another prime). */
export function hashOf(a: string, b: string, c: number): HashPair {
  let high = 0x811c9dc5 ^ c;
  let low = 0x9e3779b9 ^ c;
  for (const text of [a, b]) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low ^ code, 0x85ebca6b) ^ (low >>> 13);
    }
    high = Math.imul(high ^ 0xff, 0x01000193);
  }
  return { high: high >>> 0, low: low >>> 0 };
}
