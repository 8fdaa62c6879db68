/** Where the command writes: standard output and error as latin1 bytes, log lines gathered and written in batches. */
import { writeSync } from 'node:fs';

/** Gathers lines and writes them at the end of the turn, or at once when many have gathered. */
export class LineWriter {
  readonly #fd: number;
  #text = '';
  #planned = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  readonly write = (text: string): void => {
    this.#text += text;
    if (this.#text.length > 32768) return this.flush();
    if (this.#planned) return;
    this.#planned = true;
    // At the end of the task, not of the event loop's turn: what a log line tells of is soon acted upon (an NSQ message is
    // finished, a reply sent), and a server that is killed then should have told it.
    process.nextTick(() => this.flush());
  };

  flush(): void {
    this.#planned = false;
    let rest = Buffer.from(this.#text, 'latin1');
    this.#text = '';
    while (rest.length > 0) {
      const written = writeSome(this.#fd, rest);
      if (written === undefined) return;
      rest = rest.subarray(written);
    }
  }
}

/** Bytes written; undefined when nobody reads any more. A full pipe is waited for: log lines are not lost. */
function writeSome(fd: number, data: Buffer): number | undefined {
  try {
    return writeSync(fd, data);
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'EAGAIN') return 0;
    if (code === 'EPIPE' || code === 'EBADF') return undefined;
    throw e;
  }
}
