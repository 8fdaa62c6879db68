/** Cuts documents out of a stream of JSON by its braces, as the FIFO of jsonrpcs takes them. */

const MAX_DOCUMENT = 65_536;

export class JsonCutter {
  readonly #onDocument: (text: string) => void;
  #text = '';
  #depth = 0;
  /** The quote that a string began with; '' outside strings. */
  #quote = '';

  constructor(onDocument: (text: string) => void) {
    this.#onDocument = onDocument;
  }

  push(data: string): void {
    let start = 0;
    for (let i = 0; i < data.length; i++) {
      if (!this.#endsAt(data, i)) continue;
      this.#emit(this.#text + data.slice(start, i + 1));
      start = i + 1;
    }
    this.#text += data.slice(start);
    if (this.#text.length > MAX_DOCUMENT) this.#reset();
  }

  /** Is the character the last of a document? */
  #endsAt(data: string, i: number): boolean {
    const c = data[i] ?? '';
    if (this.#quote !== '') {
      const before = i > 0 ? data[i - 1] : this.#text.at(-1);
      if (c === this.#quote && before !== '\\') this.#quote = '';
      return false;
    }
    if (c === '"' || c === "'") this.#quote = c;
    else if (c === '{') this.#depth++;
    else if (c === '}' && this.#depth > 0) return --this.#depth === 0;
    return false;
  }

  #emit(text: string): void {
    this.#reset();
    this.#onDocument(text.trim());
  }

  #reset(): void {
    this.#text = '';
    this.#depth = 0;
    this.#quote = '';
  }
}
