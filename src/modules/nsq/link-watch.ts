/** One end, one connect timer, and no exception out of a data event: what nsqjs's connections lack. */
import type { EventEmitter } from 'node:events';
import type { LinkEvents } from './link.js';

/** Milliseconds from the call to a connection that is ready. */
const CONNECT_TIMEOUT = 5000;
const HTTP = Buffer.from('HTTP/');
const HTTP_PORT = "it answers in HTTP: is this nsqd's HTTP port (4151)? The TCP port is usually 4150";

/** The part of nsqjs's connections that is called here. */
interface Watched extends EventEmitter {
  /** Null before connect() took effect. */
  readonly conn: object | null;
  connect(): void;
  destroy(): void;
  clearIdentifyTimeout(): void;
}

/** What both kinds share: one end, one connect timer, no exception out of a data event. */
export class Watch {
  readonly #events: LinkEvents;
  readonly #timer: NodeJS.Timeout;
  #connection: Watched | undefined;
  #last = 'connection closed';
  open = true;
  ready = false;

  constructor(events: LinkEvents) {
    this.#events = events;
    this.#timer = setTimeout(() => this.end(`no answer in ${CONNECT_TIMEOUT} ms`), CONNECT_TIMEOUT);
  }

  over(connection: Watched): void {
    this.#connection = connection;
    connection.on('ready', () => {
      clearTimeout(this.#timer);
      if (!this.open) return;
      this.ready = true;
      this.#events.ready();
    });
    connection.on('connection_error', (error: Error) => this.failed(error));
    connection.on('closed', () => this.end(this.#last));
    connection.connect();
  }

  /** Notes an error; the connection's own end follows, or is made to. */
  failed(error: unknown): void {
    this.#last = messageOf(error);
    setImmediate(() => this.end(this.#last));
  }

  end(reason: string): void {
    if (!this.open) return;
    this.open = false;
    clearTimeout(this.#timer);
    const connection = this.#connection;
    connection?.clearIdentifyTimeout();
    // nsqjs connects in the next tick; before that there is nothing to destroy.
    if (connection?.conn) connection.destroy();
    else setImmediate(() => connection?.conn && connection.destroy());
    this.#events.closed(reason);
  }
}

export const messageOf = (error: unknown): string => {
  const text =
    error instanceof Error ? error.message || ((error as NodeJS.ErrnoException).code ?? error.name) : String(error);
  return text.replace(/^Error: /, '');
};

/** The first bytes of a connection tell whether it speaks V2 at all. */
function speaksHttp(first: Buffer): boolean {
  return first.length >= HTTP.length && first.compare(HTTP, 0, HTTP.length, 0, HTTP.length) === 0;
}

/** Feeds nsqjs, which throws on malformed frames, and names an HTTP server for what it is. */
export function guarded(watch: Watch, data: Buffer, isFirst: boolean, receive: (data: Buffer) => void): void {
  if (!watch.open) return;
  try {
    if (isFirst && speaksHttp(data)) throw new Error(HTTP_PORT);
    receive(data);
  } catch (error) {
    watch.failed(error);
  }
}
