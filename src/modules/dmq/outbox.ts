/**
 * What one node still has to be told by a peer whose data are cells under keys. Not messages wait here but keys: when its
 * turn comes, what the key holds *then* is sent. So nothing stale is ever sent or repeated, two messages about one key are
 * never under way together (their order would be lost), memory is bounded by the number of keys, and a node that was
 * away gets on its return what it missed. At most `window` messages are unanswered.
 */

/** Bits of what is to be told about a key. */
export const TELL = {
  VALUE: 1,
  EXPIRY: 2,
  /** The cell was deleted in between: the other side has to forget it first. */
  AFRESH: 4,
} as const;

/** One message: its text, what it carries, and when it was written. */
export interface Outgoing {
  readonly body: string;
  readonly stamp: number;
}

/** What became of a message: it was answered (however), or it may not have arrived. */
export type Outcome = 'answered' | 'lost';

export interface OutboxLink {
  /** Is the node there? */
  isUp(): boolean;
  /** Sends; false: it cannot be sent at all, and is given up. */
  send(message: Outgoing, then: (outcome: Outcome) => void): boolean;
  /** Messages about a key, in the order in which they have to arrive; none: nothing (any more) to be told. */
  messages(key: string, tell: number): readonly Outgoing[];
  /** Is an older state of the key under way in a message that is not the outbox's own? Then it waits. */
  isBusy(key: string): boolean;
  /** Are such messages under way at all? */
  readonly busy: boolean;
  /** Too much was missed: all has to be sent again when the node is back. */
  overflowed(): void;
  /** Runs `fn` after a pause: what could not be sent is not tried again at once. */
  later(fn: () => void): void;
}

/** A message that concerns many keys (a removal by expression): all before it must have arrived, all behind it wait. */
interface Barrier {
  readonly message: Outgoing;
}

interface Segment {
  readonly keys: Map<string, number>;
  /** Sent when the keys before it are done. */
  barrier: Barrier | undefined;
}

const WINDOW = 100;
/** What is kept for a node that is away. */
const MAX_KEYS = 200_000;
const MAX_BARRIERS = 64;

export class Outbox {
  readonly #link: OutboxLink;
  readonly #window: number;
  #segments: Segment[] = [{ keys: new Map(), barrier: undefined }];
  /** Keys that a message under way is about. */
  readonly #held = new Set<string>();
  #open = 0;
  #planned = false;
  #waiting = 0;
  /** When it last had nothing to tell, on the monotonic clock. */
  #since = 0;

  constructor(link: OutboxLink, window = WINDOW) {
    this.#link = link;
    this.#window = window;
  }

  /** Does a message wait that nothing may overtake? */
  get blocked(): boolean {
    return this.#segments[0]!.barrier !== undefined;
  }

  /** Keys that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Messages unanswered. */
  get open(): number {
    return this.#open;
  }

  /** Milliseconds for which the node has not known all. */
  get lag(): number {
    return this.isIdle ? 0 : performance.now() - this.#since;
  }

  #begin(): void {
    if (this.isIdle) this.#since = performance.now();
  }

  get isIdle(): boolean {
    return this.#waiting === 0 && this.#open === 0;
  }

  /** Is there something about the key that the node has not answered yet? */
  owes(key: string): boolean {
    return this.#held.has(key) || this.#segments.some((s) => s.keys.has(key));
  }

  /** The key changed. */
  tell(key: string, what: number): void {
    this.#begin();
    let before = 0;
    for (const s of this.#segments.slice(0, -1)) {
      before |= s.keys.get(key) ?? 0;
      if (s.keys.delete(key)) this.#waiting--;
    }
    const { keys } = this.#segments.at(-1)!;
    const known = keys.get(key);
    if (known === undefined) this.#waiting++;
    keys.set(key, (known ?? 0) | before | what);
    if (this.#waiting > MAX_KEYS && !this.#link.isUp()) this.#overflow();
    this.#plan();
  }

  /** A message behind all that waits, and before all that comes. */
  barrier(message: Outgoing): void {
    this.#begin();
    this.#segments.at(-1)!.barrier = { message };
    this.#segments.push({ keys: new Map(), barrier: undefined });
    if (this.#segments.length > MAX_BARRIERS && !this.#link.isUp()) this.#overflow();
    this.#plan();
  }

  /** Takes over what waits in another one: the same node, listed anew. */
  inherit(old: Outbox): void {
    this.#segments = old.#segments;
    this.#waiting = old.#waiting;
    for (const key of old.#held) this.tell(key, TELL.VALUE | TELL.EXPIRY);
    old.clear();
  }

  /** Forgets what waits: all will be sent anyway. */
  clear(): void {
    this.#segments = [{ keys: new Map(), barrier: undefined }];
    this.#waiting = 0;
  }

  /** The node is there (again). */
  wake(): void {
    this.#plan();
  }

  #overflow(): void {
    this.clear();
    this.#link.overflowed();
  }

  /** After the run of the script that changes things: what it writes several times is sent once. */
  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (!this.#link.isUp()) return;
    while (this.#flushFirst());
  }

  /** Sends what can be sent of the first segment; true when the next one may begin. */
  #flushFirst(): boolean {
    const first = this.#segments[0]!;
    for (const [key, what] of first.keys) {
      if (this.#open >= this.#window) return false;
      if (this.#held.has(key) || this.#link.isBusy(key)) continue;
      first.keys.delete(key);
      this.#waiting--;
      this.#inTurn(key, what, this.#link.messages(key, what), 0);
    }
    const { barrier } = first;
    if (barrier === undefined || first.keys.size > 0 || this.#open > 0 || this.#link.busy) return false;
    first.barrier = undefined;
    this.#open++;
    const again = () => {
      this.#open--;
      if (this.#segments[0] === first) first.barrier = barrier;
      this.#flush();
    };
    const sent = this.#link.send(barrier.message, (outcome) => {
      if (outcome === 'lost') return this.#link.later(again);
      this.#open--;
      this.#passed(first);
      this.#flush();
    });
    if (!sent) {
      this.#open--;
      this.#passed(first);
    }
    return !sent;
  }

  #passed(segment: Segment): void {
    if (this.#segments[0] === segment && this.#segments.length > 1) this.#segments.shift();
  }

  /** Sends the messages about one key, each when the one before was answered. */
  #inTurn(key: string, what: number, messages: readonly Outgoing[], at: number): void {
    const message = messages[at];
    if (message === undefined) return;
    this.#held.add(key);
    this.#open++;
    const again = () => {
      this.#held.delete(key);
      this.tell(key, what);
      this.#open--;
    };
    const done = (outcome: Outcome) => {
      if (outcome === 'lost') return this.#link.later(again);
      this.#open--;
      this.#held.delete(key);
      this.#inTurn(key, what, messages, at + 1);
      this.#flush();
    };
    if (this.#link.send(message, done)) return;
    this.#open--;
    this.#held.delete(key);
  }
}
