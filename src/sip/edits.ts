/**
 * Changes to a message, kept beside its bytes and applied when it leaves (Kamailio's lumps). Offsets are those of the
 * text the edits belong to.
 */

/** What is known only when the message leaves: a Record-Route depends on the socket it leaves by. */
export interface Leaving {
  readonly sendSocket: import('./transport.js').ListenSocket;
  /** Transport where it is not the socket's: WebSocket over its streams. */
  readonly proto?: import('./transport.js').Proto;
}

export type EditText = string | ((leaving: Leaving) => string);

export interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly text: EditText;
  /** Who made it and why, for those that must find it again (remove_record_route, iterators). */
  readonly tag?: string;
}

export class Edits {
  #list: Edit[] = [];

  get size(): number {
    return this.#list.length;
  }

  get list(): readonly Edit[] {
    return this.#list;
  }

  /** Puts `text` at `at`; several at one place keep the order of the calls. */
  insert(at: number, text: EditText, tag?: string): Edit {
    return this.#add({ at, remove: 0, text, ...(tag === undefined ? {} : { tag }) });
  }

  /** Takes `length` characters off at `at`, and puts `text` there. */
  replace(at: number, length: number, text: EditText = '', tag?: string): Edit {
    return this.#add({ at, remove: length, text, ...(tag === undefined ? {} : { tag }) });
  }

  /** Puts `text` before everything already inserted at `at`. */
  insertFirst(at: number, text: EditText, tag?: string): Edit {
    const edit = { at, remove: 0, text, ...(tag === undefined ? {} : { tag }) };
    this.#list.unshift(edit);
    return edit;
  }

  /** Takes an edit made elsewhere in. */
  put(edit: Edit): Edit {
    return this.#add(edit);
  }

  #add(edit: Edit): Edit {
    this.#list.push(edit);
    return edit;
  }

  /** Puts another edit in the place of `old`, which keeps its turn; false when `old` is not there (any more). */
  swap(old: Edit, edit: Edit): boolean {
    const i = this.#list.indexOf(old);
    if (i < 0) return false;
    this.#list = this.#list.with(i, edit);
    return true;
  }

  /** Takes back edits. */
  drop(which: (edit: Edit) => boolean): void {
    this.#list = this.#list.filter((e) => !which(e));
  }

  clear(): void {
    if (this.#list.length > 0) this.#list = [];
  }

  /** A copy for one branch: what is added to it does not touch the original. */
  snapshot(): readonly Edit[] {
    return this.#list.slice();
  }

  restore(list: readonly Edit[]): void {
    this.#list = list.slice();
  }

  /** The text from `from` to `to` with the edits applied: see `applyEdits`. */
  apply(text: string, from: number, to: number, leaving: Leaving): string {
    if (this.#list.length === 0) return text.slice(from, to);
    const sorted = this.#list.filter((e) => e.at <= to).sort((a, b) => a.at - b.at);
    return applyEdits(text, sorted, from, to, leaving);
  }
}

/** Tag of edits made by functions that look at the message as a whole: replace(), subst() and their kin. */
export const WHOLE = 'whole';

/**
 * Text from `from` to `to` with edits, sorted by offset, applied as Kamailio does its lumps: what begins inside a removed part
 * is moved behind it, and a removal there takes off only what is left, so that the texts of both come out. Only inside what a
 * function on the whole message removed, a change of another kind is dropped: Kamailio keeps those in two lists.
 */
export function applyEdits(text: string, sorted: readonly Edit[], from: number, to: number, leaving: Leaving): string {
  let out = '';
  let cursor = from;
  let whole = from;
  for (const e of sorted) {
    if (e.at < from || (e.at < whole && e.tag !== WHOLE)) continue;
    if (e.at > cursor) {
      out += text.slice(cursor, e.at);
      cursor = e.at;
    }
    out += typeof e.text === 'string' ? e.text : e.text(leaving);
    cursor = Math.max(cursor, e.at + e.remove);
    if (e.tag === WHOLE) whole = cursor;
  }
  return out + text.slice(cursor, to);
}
