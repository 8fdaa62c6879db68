/** What is to be done on the script thread, in order, a few milliseconds at a time: SIP is served in between. */

/** ms of one go. */
const BUDGET = 2;

export class ApplyQueue<T> {
  readonly #apply: (item: T) => void;
  #items: T[] = [];
  #at = 0;
  #planned = false;

  constructor(apply: (item: T) => void) {
    this.#apply = apply;
  }

  get length(): number {
    return this.#items.length - this.#at;
  }

  push(item: T): void {
    this.#items.push(item);
    if (!this.#planned) this.#plan();
  }

  #plan(): void {
    this.#planned = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    const end = performance.now() + BUDGET;
    const items = this.#items;
    while (this.#at < items.length) {
      this.#apply(items[this.#at++]!);
      if (performance.now() > end) break;
    }
    if (this.#at < items.length) return this.#plan();
    this.#items = [];
    this.#at = 0;
    this.#planned = false;
  }
}
