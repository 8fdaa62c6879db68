/**
 * Keeps runs that may wait apart. Such a run goes on in the microtasks of the turn of the event loop in which it began; a
 * second one that began in the same turn (the next message of a TCP chunk or of a batch of datagrams, the next timer of a
 * tick) would share its `$var` in the middle, which no process of Kamailio does.
 */
export class Turns {
  #taken = false;
  readonly #waiting: (() => void)[] = [];

  /** Must what begins now wait for a turn of its own? */
  get busy(): boolean {
    return this.#taken;
  }

  /** Told when a run has become one that goes on in microtasks. */
  take(): void {
    if (this.#taken) return;
    this.#taken = true;
    setImmediate(this.#next);
  }

  /** Runs `work` now, or in a later turn, in the order of the calls. It must not throw. */
  run(work: () => void): void {
    if (this.#taken) this.#waiting.push(work);
    else work();
  }

  readonly #next = (): void => {
    this.#taken = false;
    let done = 0;
    while (done < this.#waiting.length && !this.#taken) this.#waiting[done++]!();
    this.#waiting.splice(0, done);
    // Its own next turn comes if a run took this one; else all that waited has run.
  };
}
