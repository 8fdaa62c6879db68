/**
 * When things were last written, on a clock that never runs behind what was heard from others (a hybrid logical clock,
 * Kulkarni et al. 2014): of two writes to one key, nodes that carry stamps keep the same one.
 */
import type { Clock } from '../../runtime/host.js';

/** Microseconds since the epoch. */
export type Stamp = number;

/** Nobody's clock is believed further ahead than this, microseconds. */
const MAX_AHEAD = 60_000_000;

export class StampClock {
  readonly #clock: Clock;
  #last: Stamp = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
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
}

/** Entries are remembered for one to two of these, ms. */
const GENERATION = 300_000;
/** Entries of one generation: then the next begins early. */
const LIMIT = 500_000;

/** Values by name, forgotten after a while. */
export class Recent<V> {
  readonly #clock: Clock;
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  get isEmpty(): boolean {
    return this.#young.size === 0 && this.#old.size === 0;
  }

  get(name: string): V | undefined {
    return this.#young.get(name) ?? this.#old.get(name);
  }

  set(name: string, value: V): void {
    const now = this.#clock.now();
    if (now - this.#since > GENERATION || this.#young.size >= LIMIT) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#since = now;
    }
    this.#young.set(name, value);
  }
}
