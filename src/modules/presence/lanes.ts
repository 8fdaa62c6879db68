/** Work in order: what concerns one presentity happens one after the other, whatever it waits for. */
export class Lanes {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` once all that came before it in this lane has ended; gives what it gives. */
  async run<T>(lane: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(lane);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(lane, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(lane) === mine) this.#last.delete(lane);
    }
  }
}
