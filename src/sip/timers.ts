/**
 * A hashed timer wheel: many short timers, most of them cancelled. One underlying timeout wakes it for the next slot in
 * use; nothing runs while there are no timers. Structurally it gives the `after` and `every` of the runtime's Clock.
 */

export interface Timer {
  cancel(): void;
}

/** Where time comes from: real by default, a virtual one in tests. */
export interface TimeSource {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls `fn` once after `ms`; gives what cancels it. */
  wake(ms: number, fn: () => void): () => void;
}

export const REAL_TIME: TimeSource = {
  now: () => performance.now(),
  wake(ms, fn) {
    const handle = setTimeout(fn, ms);
    return () => clearTimeout(handle);
  },
};

/** Milliseconds a slot: finer than Kamailio's 1/16 s, so that short timers are not early. */
const TICK = 5;
const SLOTS = 4096;
const MASK = SLOTS - 1;

/** What says that the rest of a tick's timers must wait for a later turn of the event loop, and runs it then. */
export interface TimerTurns {
  readonly busy: boolean;
  run(work: () => void): void;
}

const AT_ONCE: TimerTurns = { busy: false, run: (work) => work() };

class Entry implements Timer {
  /** Tick at which it is due. */
  due: number;
  fn: (() => void) | null;
  /** Milliseconds between runs; 0: once. */
  readonly period: number;
  readonly wheel: TimerWheel;
  /** Is it in a slot? */
  queued = false;
  previous: Entry | null = null;
  next: Entry | null = null;
  /** Exact time of the next run of a periodic one, so that it does not drift. */
  at: number;

  constructor(wheel: TimerWheel, at: number, fn: () => void, period: number) {
    this.wheel = wheel;
    this.at = at;
    this.due = Math.ceil(at / TICK);
    this.fn = fn;
    this.period = period;
  }

  cancel(): void {
    this.fn = null;
    if (this.queued) this.wheel.remove(this);
  }
}

export class TimerWheel {
  readonly #turns: TimerTurns;
  readonly #time: TimeSource;
  readonly #onError: (error: unknown) => void;
  readonly #slots: (Entry | null)[] = new Array<Entry | null>(SLOTS).fill(null);
  /** Ticks up to and with this one have run. */
  #tick: number;
  #size = 0;
  /** Tick at which the underlying timeout fires; Infinity: none is set. */
  #wakeTick = Number.POSITIVE_INFINITY;
  #unwake: (() => void) | null = null;
  #running = false;

  /** `onError` gets what a callback throws; the others run on. */
  constructor(
    time: TimeSource = REAL_TIME,
    onError: (error: unknown) => void = (e) => reportError(e),
    turns: TimerTurns = AT_ONCE,
  ) {
    this.#turns = turns;
    this.#time = time;
    this.#onError = onError;
    this.#tick = Math.floor(time.now() / TICK);
  }

  /** Number of pending timers. */
  get size(): number {
    return this.#size;
  }

  /** Runs `fn` once after `ms`. */
  after(ms: number, fn: () => void): Timer {
    return this.#add(ms, fn, 0);
  }

  /** Runs `fn` every `ms`, the first time after `ms`. */
  every(ms: number, fn: () => void): Timer {
    return this.#add(ms, fn, Math.max(ms, 1));
  }

  /** Ends all timers. */
  stop(): void {
    for (let i = 0; i < SLOTS; i++) {
      for (let e = this.#slots[i] ?? null; e !== null; e = e.next) {
        e.fn = null;
        e.queued = false;
      }
      this.#slots[i] = null;
    }
    this.#size = 0;
    this.#sleep();
  }

  #add(ms: number, fn: () => void, period: number): Entry {
    const entry = new Entry(this, this.#time.now() + (Number.isFinite(ms) ? Math.max(ms, 0) : 0), fn, period);
    this.#insert(entry);
    return entry;
  }

  #insert(entry: Entry): void {
    if (entry.due <= this.#tick) entry.due = this.#tick + 1;
    const slot = entry.due & MASK;
    const head = this.#slots[slot] ?? null;
    entry.next = head;
    if (head !== null) head.previous = entry;
    this.#slots[slot] = entry;
    entry.queued = true;
    this.#size++;
    if (entry.due < this.#wakeTick && !this.#running) this.#wakeAt(entry.due);
  }

  /** Takes an entry out of its slot; for `Entry.cancel`. */
  remove(entry: Entry): void {
    if (entry.previous !== null) entry.previous.next = entry.next;
    else if (this.#slots[entry.due & MASK] === entry) this.#slots[entry.due & MASK] = entry.next;
    if (entry.next !== null) entry.next.previous = entry.previous;
    entry.previous = null;
    entry.next = null;
    entry.queued = false;
    this.#size--;
    if (this.#size === 0 && !this.#running) this.#sleep();
  }

  #wakeAt(tick: number): void {
    this.#unwake?.();
    this.#wakeTick = tick;
    const ms = Math.max(tick * TICK - this.#time.now(), 0);
    this.#unwake = this.#time.wake(ms, () => {
      this.#unwake = null;
      this.#wakeTick = Number.POSITIVE_INFINITY;
      this.#run();
    });
  }

  #sleep(): void {
    this.#unwake?.();
    this.#unwake = null;
    this.#wakeTick = Number.POSITIVE_INFINITY;
  }

  #run(): void {
    const now = Math.floor(this.#time.now() / TICK);
    const due: Entry[] = [];
    // after a long sleep one round over the wheel sees every slot
    const first = Math.max(this.#tick + 1, now - SLOTS + 1);
    for (let t = first; t <= now; t++) this.#collect(t & MASK, now, due);
    if (now > this.#tick) this.#tick = now;
    due.sort((a, b) => a.at - b.at);
    this.#running = true;
    for (const entry of due) {
      if (this.#turns.busy) this.#turns.run(() => this.#fire(entry));
      else this.#fire(entry);
    }
    this.#running = false;
    if (this.#size > 0) this.#wakeAt(this.#nextTick());
  }

  #collect(slot: number, now: number, due: Entry[]): void {
    let entry = this.#slots[slot] ?? null;
    while (entry !== null) {
      const next: Entry | null = entry.next;
      if (entry.due <= now) {
        this.remove(entry);
        due.push(entry);
      }
      entry = next;
    }
  }

  #fire(entry: Entry): void {
    const { fn } = entry;
    if (fn === null) return;
    if (entry.period === 0) {
      entry.fn = null;
    } else {
      entry.at = Math.max(entry.at + entry.period, this.#time.now());
      entry.due = Math.ceil(entry.at / TICK);
      this.#insert(entry);
    }
    try {
      fn();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** The next tick at which something is due, at most one round ahead. */
  #nextTick(): number {
    for (let t = this.#tick + 1; t <= this.#tick + SLOTS; t++) {
      for (let e = this.#slots[t & MASK] ?? null; e !== null; e = e.next) if (e.due <= t) return t;
    }
    return this.#tick + SLOTS;
  }
}

function reportError(error: unknown): void {
  // the process must see it, and the wheel go on
  queueMicrotask(() => {
    throw error;
  });
}
