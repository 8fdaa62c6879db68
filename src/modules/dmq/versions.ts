/**
 * When each key was last written, on a clock that never runs behind what was heard from others (a hybrid logical clock,
 * Kulkarni et al. 2014): of two writes to one key, nodes that carry stamps keep the same one. A cell carries its stamp;
 * of what was deleted the stamps are remembered for a while.
 */
import type { Clock } from '../../runtime/host.js';
import type { Table } from '../htable/table.js';

/** Microseconds since the epoch. */
export type Stamp = number;

/** Deletions are remembered for one to two of these, ms. */
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

  /** When the key was last written or deleted; 0 where that is long ago. */
  of(table: Table, key: string): Stamp {
    const cell = table.cells.get(key);
    return cell === undefined ? this.#deleted(table, key) : cell.stamp;
  }

  #deleted(table: Table, key: string): Stamp {
    if (this.#young.size === 0 && this.#old.size === 0) return 0;
    const name = `${table.name}\0${key}`;
    return this.#young.get(name) ?? this.#old.get(name) ?? 0;
  }

  /** Call it when the change is done. */
  set(table: Table, key: string, stamp: Stamp): void {
    const cell = table.cells.get(key);
    if (cell === undefined) this.#bury(`${table.name}\0${key}`, stamp);
    else cell.stamp = stamp;
  }

  #bury(key: string, stamp: Stamp): void {
    const now = this.#clock.now();
    if (now - this.#since > GENERATION || this.#young.size >= LIMIT) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#since = now;
    }
    this.#young.set(key, stamp);
  }
}
