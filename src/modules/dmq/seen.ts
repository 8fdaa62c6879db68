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

/** Words of a slot: the four of a set share one line of a processor's cache. */
const WORDS = 4;
const AT = { low: 0, high: 1, time: 2, value: 3 } as const;

export class Seen {
  readonly #now: () => number;
  readonly #began: number;
  #words: Uint32Array | undefined;

  constructor(now: () => number) {
    this.#now = now;
    this.#began = now() - KEPT - 1;
  }

  /** The number under which it is known; -1 when it is new, and then it is known by `value` from now on. */
  check(id: Transaction, value: number): number {
    this.#words ??= new Uint32Array(SETS * WAYS * WORDS);
    const time = this.#now() - this.#began;
    const slot = this.#find(this.#words, id, time);
    if (slot >= 0) return this.#words[slot + AT.value]!;
    this.#write(this.#words, id, time, value);
    return -1;
  }

  set(id: Transaction, value: number): void {
    this.#words ??= new Uint32Array(SETS * WAYS * WORDS);
    const words = this.#words;
    const { slot } = id;
    if (slot >= 0 && words[slot] === id.low && words[slot + AT.high] === id.high) words[slot + AT.value] = value;
    else this.#write(words, id, this.#now() - this.#began, value);
  }

  #find(words: Uint32Array, id: Transaction, time: number): number {
    const first = (id.low & (SETS - 1)) * WAYS * WORDS;
    const oldest = time - KEPT;
    for (let i = first; i < first + WAYS * WORDS; i += WORDS)
      if (words[i] === id.low && words[i + AT.high] === id.high && words[i + AT.time]! >= oldest) return i;
    return -1;
  }

  #write(words: Uint32Array, id: Transaction, time: number, value: number): void {
    const first = (id.low & (SETS - 1)) * WAYS * WORDS;
    let slot = first;
    for (let i = first + WORDS; i < first + WAYS * WORDS; i += WORDS)
      if (words[i + AT.time]! < words[slot + AT.time]!) slot = i;
    words[slot] = id.low;
    words[slot + AT.high] = id.high;
    words[slot + AT.time] = time;
    words[slot + AT.value] = value;
    id.slot = slot;
  }
}

/** 64 bits that stand for a transaction, and where it was put last. */
export interface Transaction {
  readonly high: number;
  readonly low: number;
  slot: number;
}

/** By two hashes of its texts (FNV-1a and its like with another prime). */
export function transaction(branch: string, ip: string, port: number): Transaction {
  let high = 0x811c9dc5 ^ port;
  let low = 0x9e3779b9 ^ port;
  for (let i = 0; i < branch.length; i++) {
    const code = branch.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x85ebca6b) ^ (low >>> 13);
  }
  high = Math.imul(high ^ 0xff, 0x01000193);
  for (let i = 0; i < ip.length; i++) {
    const code = ip.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x85ebca6b) ^ (low >>> 13);
  }
  return { high: high >>> 0, low: low >>> 0, slot: -1 };
}
