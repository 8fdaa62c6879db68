/** One hash table: a fast map, with Kamailio's order of slots where something walks over it (ht_api.c). */
import { coreCaseHash } from '../../runtime/corehash.js';

export class Cell {
  readonly key: string;
  value: number | string;
  /** Second since the epoch after which it is gone; 0: never. Counts only in a table with autoexpire. */
  expire: number;
  /** Order of insertion. */
  readonly serial: number;
  /** When it was last written, on the clock of module dmq (versions.ts); 0 where nobody asks. */
  stamp = 0;
  /** Still in its table? */
  live = true;
  /** Hash of the key, -1 until wanted. */
  #hash = -1;

  constructor(key: string, value: number | string, expire: number, serial: number) {
    this.key = key;
    this.value = value;
    this.expire = expire;
    this.serial = serial;
  }

  get hash(): number {
    if (this.#hash < 0) this.#hash = coreCaseHash(this.key);
    return this.#hash;
  }
}

/** What `modparam("htable", "htable", "name=>…")` says. */
export interface TableSpec {
  readonly name: string;
  /** Power of two: `size=4` is 16 slots. */
  readonly slots: number;
  /** Seconds; 0: cells stay. */
  readonly autoexpire: number;
  readonly initval: number | null;
  /** A write renews the lifetime. */
  readonly updateexpire: boolean;
  readonly dmqreplicate: number;
  /** Table of the database; empty: none. */
  readonly dbtable: string;
  /** Not 0: goes back to the database when the server ends. */
  readonly dbmode: number;
  /** Columns of the database, of which the first is the key; empty: those of the parameters. */
  readonly cols: readonly string[];
}

/**
 * A change that the script or a management command makes, told before it is done; what a peer, a reset or a timer does is
 * not told.
 */
export type TableChange =
  | {
      readonly action: 'set';
      readonly table: string;
      readonly key: string;
      readonly value: number | string;
      readonly type: 'int' | 'str';
    }
  /** `expiry`: seconds from now, 0 for never. */
  | { readonly action: 'expire'; readonly table: string; readonly key: string; readonly expiry: number }
  | { readonly action: 'delete'; readonly table: string; readonly key: string }
  /** All cells whose name or (text) value matches a regular expression or begins with a text. */
  | {
      readonly action: 'delete-re' | 'delete-prefix';
      readonly table: string;
      readonly by: 'name' | 'value';
      readonly value: string;
    };

export type ChangeListener = (change: TableChange) => void;

export class Table {
  spec: TableSpec;
  readonly cells = new Map<string, Cell>();
  /** Told of changes: module dmq subscribes here. */
  readonly onChange: ChangeListener[] = [];
  /** Grows with every new cell; who walks over the table sees by it that its order is out of date. */
  serial = 0;

  constructor(spec: TableSpec) {
    this.spec = spec;
  }

  get name(): string {
    return this.spec.name;
  }

  /** The cell if it has not expired. `now` in seconds. */
  get(key: string, now: number): Cell | undefined {
    const cell = this.cells.get(key);
    return cell === undefined || this.isExpired(cell, now) ? undefined : cell;
  }

  isExpired(cell: Cell, now: number): boolean {
    return this.spec.autoexpire > 0 && cell.expire !== 0 && cell.expire < now;
  }

  /** Writes a value; `lifetime` in seconds where it is positive, else the table's own rule. */
  set(key: string, value: number | string, now: number, lifetime = 0): Cell {
    return this.put(this.cells.get(key), key, value, now, lifetime);
  }

  /** As `set`, by who has looked the cell up. */
  put(cell: Cell | undefined, key: string, value: number | string, now: number, lifetime: number): Cell {
    if (cell === undefined) {
      const made = new Cell(key, value, this.#expiry(now, lifetime), ++this.serial);
      this.cells.set(key, made);
      return made;
    }
    cell.value = value;
    if (lifetime > 0 || this.spec.updateexpire) cell.expire = this.#expiry(now, lifetime);
    return cell;
  }

  #expiry(now: number, lifetime: number): number {
    const seconds = lifetime > 0 ? lifetime : this.spec.autoexpire;
    return this.spec.autoexpire === 0 || seconds === 0 ? 0 : now + seconds;
  }

  delete(key: string): boolean {
    const cell = this.cells.get(key);
    if (cell === undefined) return false;
    cell.live = false;
    return this.cells.delete(key);
  }

  /** Adds to a number; undefined where there is a text, or nothing and no initial value. */
  add(key: string, step: number, now: number): number | undefined {
    const { initval, updateexpire } = this.spec;
    const cell = this.cells.get(key);
    if (cell === undefined) {
      if (initval === null) return undefined;
      const value = (initval + step) | 0;
      this.set(key, value, now);
      return value;
    }
    if (this.isExpired(cell, now)) {
      if (initval === null) return undefined;
      cell.value = initval;
    }
    if (typeof cell.value !== 'number') return undefined;
    cell.value = (cell.value + step) | 0;
    if (updateexpire) cell.expire = this.#expiry(now, 0);
    return cell.value;
  }

  /** Sets the lifetime in seconds, 0 or less for ever. Nothing in a table without autoexpire. */
  setLifetime(key: string, seconds: number, now: number): void {
    const cell = this.spec.autoexpire === 0 ? undefined : this.cells.get(key);
    if (cell !== undefined) cell.expire = seconds > 0 ? now + seconds : 0;
  }

  /** Seconds left; 0 for an absent key and in a table without autoexpire. */
  lifetime(key: string, now: number): number {
    const cell = this.spec.autoexpire === 0 ? undefined : this.cells.get(key);
    return cell === undefined ? 0 : cell.expire - now;
  }

  deleteWhere(test: (cell: Cell) => boolean): void {
    for (const cell of this.cells.values()) if (test(cell)) this.delete(cell.key);
  }

  clear(): void {
    for (const cell of this.cells.values()) cell.live = false;
    this.cells.clear();
  }

  slotOf(cell: Cell): number {
    return (cell.hash & (this.spec.slots - 1)) >>> 0;
  }

  /** Order of two cells: by slot, by hash, by insertion. */
  compare(a: Cell, b: Cell): number {
    return this.slotOf(a) - this.slotOf(b) || a.hash - b.hash || a.serial - b.serial;
  }

  /** All cells, expired ones too, as one walks over Kamailio's slots. */
  inOrder(): Cell[] {
    return [...this.cells.values()].sort((a, b) => this.compare(a, b));
  }
}
