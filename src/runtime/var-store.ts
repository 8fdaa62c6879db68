/** The `$var` of a server: cells by name, bound once at compile time, so that they outlive a reload. */
import type { Value } from './values.js';

export interface VarCell {
  readonly name: string;
  v: Value;
}

export class VarStore {
  readonly #vars = new Map<string, VarCell>();
  /** `$vn`: a name space of its own, absent is null. */
  readonly #nullable = new Map<string, VarCell>();

  /** Cell of `$var(name)` and `$vz(name)`: 0 at first. */
  cell(name: string): VarCell {
    return cellIn(this.#vars, name, 0);
  }

  nullableCell(name: string): VarCell {
    return cellIn(this.#nullable, name, null);
  }

  /** All values of now, to be put back after a wait: a run that waits keeps its own, as a Kamailio process does. */
  save(): readonly (readonly [VarCell, Value])[] {
    const out: [VarCell, Value][] = [];
    for (const c of this.#vars.values()) out.push([c, c.v]);
    for (const c of this.#nullable.values()) out.push([c, c.v]);
    return out;
  }

  restore(saved: readonly (readonly [VarCell, Value])[]): void {
    for (const [cell, v] of saved) cell.v = v;
  }

  entries(): IterableIterator<[string, VarCell]> {
    return this.#vars.entries();
  }
}

function cellIn(map: Map<string, VarCell>, name: string, first: Value): VarCell {
  const known = map.get(name);
  if (known !== undefined) return known;
  const cell = { name, v: first };
  map.set(name, cell);
  return cell;
}
