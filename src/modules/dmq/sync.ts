/**
 * All that a peer has, sent to one node: in messages of bounded size, few of them unanswered at a time, on again after a
 * loss. The bodies are written on the script thread: handing the data over to the pool costs more than writing them.
 */
import type { Clock } from '../../runtime/host.js';
import type { DmqNode } from './nodes.js';
import { type Outbox, type Outcome, TELL } from './outbox.js';

/** One message and what it is about. */
export interface Chunk {
  readonly body: string;
  /** Items in it. */
  readonly size: number;
  /** When what it says was written; missing: the items say it themselves. */
  readonly stamp?: number;
  /** Is the key of the outbox among them? */
  has(key: string): boolean;
  keys(): Iterable<string>;
}

export interface SyncSource {
  /** The next message; undefined at the end. */
  next(): Chunk | undefined;
  /** Sent when there was nothing; '' nothing. */
  readonly empty: string;
}

export interface SyncLink {
  readonly node: DmqNode;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Messages unanswered. */
  readonly window: number;
  /** Pause after so many items. */
  readonly pause?: { readonly after: number; readonly ms: number };
  send(body: string, stamp: number | undefined, then: (outcome: Outcome) => void): boolean;
}

/** Tries of one message before its items are left to the outbox. */
const TRIES = 3;
/** ms until a walk that a removal holds up looks again. */
const HELD_UP = 50;
/** Messages written in one go: then SIP has its turn. */
const BURST = 8;
const ALL = TELL.VALUE | TELL.EXPIRY;

interface Open {
  readonly chunk: Chunk;
  tries: number;
}

export class Sync {
  readonly #link: SyncLink;
  readonly #source: SyncSource;
  /** Written, and not answered yet. */
  readonly #open = new Set<Open>();
  /** Lost, to be sent again; they are among #open. */
  readonly #again: Open[] = [];
  #messages = 0;
  #sincePause = 0;
  #pausing = false;
  #stopped = false;
  #planned = false;
  sent = 0;
  done = false;

  constructor(link: SyncLink, source: SyncSource) {
    this.#link = link;
    this.#source = source;
  }

  /** Messages not answered yet. */
  get open(): number {
    return this.#open.size;
  }

  /** Is an older state of the key under way? */
  isBusy(key: string): boolean {
    for (const { chunk } of this.#open) if (chunk.has(key)) return true;
    return false;
  }

  stop(): void {
    this.#stopped = true;
    this.#open.clear();
  }

  /** Sends as much as the window lets. */
  pump(): void {
    for (let n = 0; n < BURST && !this.#stopped && !this.done; n++) {
      if (this.#link.node.status !== 'active' || this.#pausing) return;
      const again = this.#again.shift();
      if (again !== undefined) this.#send(again);
      else if (this.#open.size >= this.#link.window) return;
      else if (this.#link.outbox.blocked) {
        this.#link.clock.after(HELD_UP, () => this.pump());
        return;
      } else if (!this.#next()) return;
    }
    this.#plan();
  }

  #plan(): void {
    if (this.#planned || this.done || this.#stopped) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.pump();
    });
  }

  /** Writes and sends the next message; false when there is none. */
  #next(): boolean {
    const chunk = this.#source.next();
    if (chunk !== undefined) {
      const open: Open = { chunk, tries: 0 };
      this.#open.add(open);
      this.#send(open);
      this.#rest(chunk.size);
      return true;
    }
    if (this.#open.size > 0) return false;
    this.done = true;
    if (this.#messages === 0 && this.#source.empty !== '')
      this.#link.send(this.#source.empty, undefined, () => undefined);
    return false;
  }

  #rest(items: number): void {
    const { pause, clock } = this.#link;
    this.#sincePause += items;
    if (pause === undefined || this.#sincePause < pause.after) return;
    this.#sincePause = 0;
    this.#pausing = true;
    clock.after(pause.ms, () => {
      this.#pausing = false;
      this.pump();
    });
  }

  #send(open: Open): void {
    open.tries++;
    this.#messages++;
    const sent = this.#link.send(open.chunk.body, open.chunk.stamp, (outcome) => {
      if (this.#stopped) return;
      if (outcome === 'answered') {
        this.sent += open.chunk.size;
        this.#over(open);
      } else if (open.tries < TRIES) {
        // Sent again as it was: nothing newer about its keys has gone out meanwhile.
        this.#again.push(open);
      } else {
        this.#over(open);
        this.#leave(open.chunk);
      }
      this.pump();
    });
    if (sent) return;
    // Too big for the transport, together: each by itself, and what is too big alone stays here.
    this.#over(open);
    if (open.chunk.size > 1) this.#leave(open.chunk);
    this.#plan();
  }

  #leave(chunk: Chunk): void {
    for (const key of chunk.keys()) this.#link.outbox.tell(key, ALL);
  }

  #over(open: Open): void {
    this.#open.delete(open);
    this.#link.outbox.wake();
  }
}
