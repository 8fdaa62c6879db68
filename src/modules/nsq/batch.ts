/**
 * Events on their way from a worker to the script thread. Structured clone is dear for many small objects: a batch is one
 * text and one list of numbers, and the names of event routes cross once.
 */

import type { EventParts } from './event-routes.js';
import { routeName } from './event-routes.js';
import type { EventItem } from './protocol.js';

export interface PackedEvents {
  /** Handle of the first event; the others count on. */
  readonly first: number;
  /** All payloads, one behind the other. */
  readonly text: string;
  /** For each event: index of its names, length of its payload, attempts, expiry. */
  readonly cells: readonly number[];
  readonly nsqd: string;
  /** Pairs of candidates that are new in the table of names. */
  readonly names: readonly (readonly [string, string])[];
  /** The table begins anew with `names`. */
  readonly reset: boolean;
}

const CELLS = 4;
/** Names kept on both sides; most messages repeat a few. */
const MAX_NAMES = 1000;

/** The worker's side. */
export class Packer {
  readonly #send: (packed: PackedEvents) => void;
  readonly #indices = new Map<string, number>();
  #names: (readonly [string, string])[] = [];
  #reset = false;
  #texts: string[] = [];
  #cells: number[] = [];
  #nsqd = '';
  #first: number;

  /** `first`: handle of the first event. */
  constructor(first: number, send: (packed: PackedEvents) => void) {
    this.#first = first;
    this.#send = send;
  }

  get empty(): boolean {
    return this.#texts.length === 0;
  }

  /** Adds an event; gives its handle. */
  add(parts: EventParts, text: string, attempts: number, expires: number, nsqd: string): number {
    if (nsqd !== this.#nsqd || this.#indices.size >= MAX_NAMES) this.#turnOver(nsqd);
    const handle = this.#first + this.#texts.length;
    this.#texts.push(text);
    this.#cells.push(this.#indexOf(parts), text.length, attempts, expires);
    return handle;
  }

  #turnOver(nsqd: string): void {
    this.flush();
    this.#nsqd = nsqd;
    if (this.#indices.size < MAX_NAMES) return;
    this.#indices.clear();
    this.#reset = true;
  }

  #indexOf({ category, name }: EventParts): number {
    const key = `${category}\0${name}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = this.#indices.size;
    this.#indices.set(key, index);
    this.#names.push([routeName(category, name), routeName(category)]);
    return index;
  }

  flush(): void {
    if (this.empty) return;
    this.#send({
      first: this.#first,
      text: this.#texts.join(''),
      cells: this.#cells,
      nsqd: this.#nsqd,
      names: this.#names,
      reset: this.#reset,
    });
    this.#first += this.#texts.length;
    this.#texts = [];
    this.#cells = [];
    this.#names = [];
    this.#reset = false;
  }
}

/** The script thread's side: one for each worker. */
export class Unpacker {
  #names: (readonly [string, string])[] = [];

  unpack(packed: PackedEvents): EventItem[] {
    this.#names = packed.reset
      ? [...packed.names]
      : packed.names.length > 0
        ? [...this.#names, ...packed.names]
        : this.#names;
    const { cells, text, nsqd } = packed;
    const out: EventItem[] = [];
    let from = 0;
    for (let i = 0, handle = packed.first; i < cells.length; i += CELLS, handle++) {
      const [first, second] = this.#names[cells[i]!]!;
      const to = from + cells[i + 1]!;
      out.push({
        handle,
        first,
        second,
        text: text.slice(from, to),
        attempts: cells[i + 2]!,
        expires: cells[i + 3]!,
        nsqd,
      });
      from = to;
    }
    return out;
  }
}
