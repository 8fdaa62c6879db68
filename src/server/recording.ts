/** The last things that a server took and sent: what `kamscript record` writes down and `reload --shadow` plays. */
import type { Recorder } from '../runtime/host.js';
import type { RpcDefinition } from '../runtime/module.js';
import type { Destination, Proto, Received } from '../sip/transport.js';
import { bracketed } from '../sip/transport.js';

/** One thing that a server took or sent; texts are latin1. Times are milliseconds since the epoch. */
export type Recorded =
  | {
      readonly kind: 'in';
      readonly at: number;
      readonly text: string;
      /** `ip:port` */
      readonly from: string;
      /** Listening socket that got it: `udp:127.0.0.1:5060`. */
      readonly socket: string;
    }
  | { readonly kind: 'out'; readonly at: number; readonly text: string; readonly to: string; readonly proto: Proto }
  | {
      readonly kind: 'nsq';
      readonly at: number;
      readonly payload: string;
      readonly topic: string;
      readonly channel: string;
      readonly attempts: number;
    }
  | { readonly kind: 'published'; readonly at: number; readonly topic: string; readonly payload: string };

type Item =
  | { readonly kind: 'in'; readonly at: number; readonly text: string; readonly from: Received }
  | { readonly kind: 'out'; readonly at: number; readonly text: string; readonly to: Destination }
  | Extract<Recorded, { kind: 'nsq' | 'published' }>;

/** Messages of this size and more are not kept. */
const MAX_TEXT = 65_536;

/** A ring: nothing is copied, and the oldest goes as a new one comes. */
export class Recording implements Recorder {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #items: Item[] = [];
  /** Number of all that was ever kept: the next one's index. */
  #count = 0;

  constructor(limit: number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  received(text: string, from: Received): void {
    if (text.length < MAX_TEXT) this.#add({ kind: 'in', at: this.#now(), text, from });
  }

  sent(data: string, to: Destination): void {
    if (data.length < MAX_TEXT) this.#add({ kind: 'out', at: this.#now(), text: data, to });
  }

  event(payload: string, of: { readonly topic: string; readonly channel: string; readonly attempts: number }): void {
    if (payload.length < MAX_TEXT) this.#add({ kind: 'nsq', at: this.#now(), payload, ...of });
  }

  published(topic: string, payload: string): void {
    if (payload.length < MAX_TEXT) this.#add({ kind: 'published', at: this.#now(), topic, payload });
  }

  #add(item: Item): void {
    this.#items[this.#count++ % this.#limit] = item;
  }

  /** What is kept from index `since` on, at most `max`, oldest first; `next` is where to go on. */
  read(since: number, max: number): { readonly entries: Recorded[]; readonly next: number } {
    const from = Math.max(since, this.#count - this.#items.length);
    const to = Math.min(this.#count, from + max);
    const entries: Recorded[] = [];
    for (let i = from; i < to; i++) entries.push(plain(this.#items[i % this.#limit]!));
    return { entries, next: to };
  }

  /** All from the `n`th last message or event that came in, oldest first. */
  sinceInput(n: number): Recorded[] {
    const { entries } = this.read(0, this.#limit);
    const inputs = entries.flatMap((e, i) => (e.kind === 'in' || e.kind === 'nsq' ? [i] : []));
    return entries.slice(inputs.slice(-Math.max(1, n))[0] ?? entries.length);
  }
}

function plain(item: Item): Recorded {
  if (item.kind === 'in') {
    const { at, text, from } = item;
    return { kind: 'in', at, text, from: `${bracketed(from.srcIp)}:${from.srcPort}`, socket: from.socket.text };
  }
  if (item.kind === 'out') {
    const { at, text, to } = item;
    return { kind: 'out', at, text, to: `${bracketed(to.ip)}:${to.port}`, proto: to.proto };
  }
  return item;
}

/** Entries of one answer: it stays far below what a control socket takes. */
const PAGE = 100;

/** `kamscript.recorded SINCE`: one page of the ring as JSON. */
export function recordingRpc(recording: Recording): Readonly<Record<string, RpcDefinition>> {
  return {
    'kamscript.recorded': {
      doc: 'The messages and events that the server took and sent last, from an index on: JSON with `entries` and `next`, the index to go on from.',
      run: (_host, [since]) => asciiJson(recording.read(Number(since) || 0, PAGE)),
    },
  };
}

/** JSON whose text is the same in every encoding. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
