/** Time that stands still until a test moves it. */
import type { Clock, TimerHandle } from '../runtime/host.js';

interface Entry {
  /** Milliseconds since the epoch. */
  at: number;
  readonly fn: () => void;
  /** 0: once. */
  readonly every: number;
}

export class VirtualClock implements Clock {
  #micros: number;
  readonly #entries = new Set<Entry>();

  /** `ms`: milliseconds since the epoch at the start. */
  constructor(ms = Date.UTC(2024, 0, 2, 3, 4, 5, 678)) {
    this.#micros = ms * 1000;
  }

  now(): number {
    return Math.floor(this.#micros / 1000);
  }

  micros(): number {
    return this.#micros;
  }

  after(ms: number, fn: () => void): TimerHandle {
    return this.#add(ms, fn, 0);
  }

  every(ms: number, fn: () => void): TimerHandle {
    return this.#add(ms, fn, Math.max(1, ms));
  }

  #add(ms: number, fn: () => void, every: number): TimerHandle {
    const entry: Entry = { at: this.now() + ms, fn, every };
    this.#entries.add(entry);
    return { cancel: () => void this.#entries.delete(entry) };
  }

  /** Moves on by `ms` and runs what falls due, in order of time. */
  advance(ms: number): void {
    for (const entry of this.#due(ms)) entry.fn();
  }

  /** As `advance`; after each timer it waits until what that began has settled. */
  async advanceSettling(ms: number, settle: () => Promise<void>): Promise<void> {
    for (const entry of this.#due(ms)) {
      entry.fn();
      await settle();
    }
  }

  *#due(ms: number): Generator<Entry> {
    const end = this.now() + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#micros = Math.max(this.#micros, next.at * 1000);
      if (next.every > 0) next.at += next.every;
      else this.#entries.delete(next);
      yield next;
    }
    this.#micros = Math.max(this.#micros, end * 1000);
  }

  /** The first entry that is due by `end`; of equals the one set first. */
  #next(end: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.at <= end && (first === undefined || entry.at < first.at)) first = entry;
    }
    return first;
  }
}
