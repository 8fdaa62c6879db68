/**
 * Extended AVPs: lists of named values, where a value may be such a list again (variables.md, section 4). The same
 * list is a message's roots and the fields of one root.
 */
import type { Value } from './values.js';

export interface XavpItem {
  readonly name: string;
  /** int, text or the fields. */
  value: Value | XavpList;
}

/** Newest first over all names; items of one name are counted from 0, the newest. */
export class XavpList {
  readonly #ignoreCase: boolean;
  #items: XavpItem[] = [];

  constructor(ignoreCase = false) {
    this.#ignoreCase = ignoreCase;
  }

  /** An empty list with the same rule for names. */
  fresh(): XavpList {
    return new XavpList(this.#ignoreCase);
  }

  get size(): number {
    return this.#items.length;
  }

  [Symbol.iterator](): IterableIterator<XavpItem> {
    return this.#items.values();
  }

  #same(item: XavpItem, name: string): boolean {
    return item.name === name || (this.#ignoreCase && item.name.toLowerCase() === name.toLowerCase());
  }

  /** Place of the `index`-th item of `name`, -1 when there is none; a negative index is none. */
  #find(name: string, index: number): number {
    const items = this.#items;
    let left = index;
    for (let i = 0; i < items.length; i++) if (this.#same(items[i]!, name) && left-- === 0) return i;
    return -1;
  }

  get(name: string, index = 0): XavpItem | undefined {
    return this.#items[this.#find(name, index)];
  }

  /** Fields of the `index`-th root `name`; undefined when there is none or it holds a plain value. */
  fields(name: string, index = 0): XavpList | undefined {
    const value = this.get(name, index)?.value;
    return value instanceof XavpList ? value : undefined;
  }

  count(name: string): number {
    let n = 0;
    for (const item of this.#items) if (this.#same(item, name)) n++;
    return n;
  }

  /** All items of a name, newest first. */
  all(name: string): XavpItem[] {
    return this.#items.filter((item) => this.#same(item, name));
  }

  /** Puts a value on top. */
  add(name: string, value: Value | XavpList): XavpItem {
    const item = { name, value };
    this.#items.unshift(item);
    return item;
  }

  /** Puts a value after the oldest item of its name, on top when there is none. */
  addLast(name: string, value: Value | XavpList): void {
    const last = this.#find(name, this.count(name) - 1);
    if (last < 0) this.add(name, value);
    else this.#items.splice(last + 1, 0, { name, value });
  }

  /** Puts a value at the very end. */
  append(name: string, value: Value | XavpList): void {
    this.#items.push({ name, value });
  }

  /** Replaces in place; false when there is no such item. */
  set(name: string, index: number, value: Value | XavpList): boolean {
    const item = this.get(name, index);
    if (item === undefined) return false;
    item.value = value;
    return true;
  }

  /** Replaces the one value of a name in place, or adds it (xavu). */
  put(name: string, value: Value | XavpList): void {
    if (!this.set(name, 0, value)) this.add(name, value);
  }

  /** Sets a field of the newest root `name`: an older one of that name goes, a root with a plain value gives way. */
  setChild(name: string, field: string, value: Value): void {
    let fields = this.fields(name);
    if (fields === undefined) {
      this.remove(name, 0);
      fields = this.fresh();
      this.add(name, fields);
    }
    fields.remove(field, 0);
    fields.add(field, value);
  }

  remove(name: string, index: number): boolean {
    const at = this.#find(name, index);
    if (at < 0) return false;
    this.#items.splice(at, 1);
    return true;
  }

  /** How many there were. */
  removeAll(name: string): number {
    const before = this.#items.length;
    this.#items = this.#items.filter((item) => !this.#same(item, name));
    return before - this.#items.length;
  }

  clear(): void {
    this.#items = [];
  }

  /** A deep copy. */
  clone(): XavpList {
    const copy = this.fresh();
    copy.#items = this.#items.map(({ name, value }) => ({
      name,
      value: value instanceof XavpList ? value.clone() : value,
    }));
    return copy;
  }
}
