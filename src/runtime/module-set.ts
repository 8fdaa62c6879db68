/** The modules that a script may load. */
import type { ModuleDefinition } from './module.js';

/** By name; each may be made when it is first asked for. Going through it makes all of them. */
export interface ModuleSet extends Iterable<ModuleDefinition> {
  readonly names: readonly string[];
  get(name: string): ModuleDefinition | undefined;
}

export type KnownModules = readonly ModuleDefinition[] | ModuleSet;

export function moduleSet(known: KnownModules): ModuleSet {
  if (!Array.isArray(known)) return known as ModuleSet;
  const list: readonly ModuleDefinition[] = known;
  return {
    names: list.map((m) => m.name),
    get: (name) => list.find((m) => m.name === name),
    [Symbol.iterator]: () => list[Symbol.iterator](),
  };
}

/** A set of which each module is made by its function, once. */
export function lazyModules(makers: Readonly<Record<string, () => ModuleDefinition>>): ModuleSet {
  const made = new Map<string, ModuleDefinition>();
  const names = Object.keys(makers);
  const get = (name: string): ModuleDefinition | undefined => {
    let module = made.get(name);
    if (module === undefined && Object.hasOwn(makers, name)) {
      module = makers[name]!();
      made.set(name, module);
    }
    return module;
  };
  return {
    names,
    get,
    *[Symbol.iterator]() {
      for (const name of names) yield get(name)!;
    },
  };
}
