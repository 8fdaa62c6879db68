/**
 * When each key was last written, on a clock that never runs behind what was heard from others (a hybrid logical clock,
 * Kulkarni et al. 2014): of two writes to one key, nodes that carry stamps keep the same one. Only what was written
 * lately is remembered; anything older loses against anything newer.
 */
import type { Clock } from '../../runtime/host.js';

/** Microseconds since the epoch. */
export type Stamp = number;

/** Writes are remembered for one to two of these, ms. */
const GENERATION = 300_000;
/** Keys of one generation: then the next begins early. */
const LIMIT = 500_000;
/** Nobody's clock is believed further ahead than this, microseconds. */
const MAX_AHEAD = 60_000_000;

export class Versions {
  readonly #clock: Clock;
  #last: Stamp = 0;
  #young = new Map<string, Stamp>();
  #old = new Map<string, Stamp>();
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** A stamp later than all before. */
  next(): Stamp {
    this.#last = Math.max(this.#clock.micros(), this.#last + 1);
    return this.#last;
  }

  /** Takes note of a stamp heard: what is written here from now on is later. */
  heard(stamp: Stamp): void {
    if (stamp > this.#last && stamp < this.#clock.micros() + MAX_AHEAD) this.#last = stamp;
  }

  of(key: string): Stamp {
    return this.#young.get(key) ?? this.#old.get(key) ?? 0;
  }

  set(key: string, stamp: Stamp): void {
    const now = this.#clock.now();
    if (now - this.#since > GENERATION || this.#young.size >= LIMIT) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#since = now;
    }
    this.#young.set(key, stamp);
  }
}
