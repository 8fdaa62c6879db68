import type { Writable } from 'node:stream';

/** A connection that has a stream to write to. */
interface Sending {
  readonly outWriter: Writable | null;
}

/** Commands of one turn leave in one piece: each write to a socket is dear. */
export class Outbox {
  readonly #connection: Sending;
  #waiting: Buffer[] = [];

  constructor(connection: Sending) {
    this.#connection = connection;
  }

  put(data: string | Buffer): void {
    if (this.#waiting.length === 0) queueMicrotask(() => this.flush());
    this.#waiting.push(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  flush(): void {
    const [first, ...more] = this.#waiting;
    if (first === undefined) return;
    this.#waiting = [];
    const out = this.#connection.outWriter;
    if (out !== null && !out.destroyed) out.write(more.length === 0 ? first : Buffer.concat([first, ...more]));
  }
}
