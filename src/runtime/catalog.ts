/** What the modules loaded so far offer: names of functions, variables, transformations, selects. */
import type {
  AnyFunction,
  CatalogView,
  ModuleDefinition,
  PvDefinition,
  SelectDefinition,
  TransformationDefinition,
} from './module.js';
import { type KnownModules, type ModuleSet, moduleSet } from './module-set.js';

export interface FunctionEntry {
  readonly module: ModuleDefinition;
  readonly name: string;
  readonly def: AnyFunction;
}

/** The parts that need no module. */
export interface CoreCatalog {
  readonly pvs: Readonly<Record<string, PvDefinition>>;
  readonly transformations: Readonly<Record<string, TransformationDefinition>>;
  readonly selects: Readonly<Record<string, SelectDefinition>>;
}

export class Catalog implements CatalogView {
  readonly loaded: ModuleDefinition[] = [];
  readonly #known: ModuleSet;
  readonly #functions = new Map<string, FunctionEntry>();
  readonly #pvs = new Map<string, PvDefinition>();
  readonly #transformations = new Map<string, TransformationDefinition>();
  readonly #selects = new Map<string, SelectDefinition>();

  /** `known`: every module there is, for hints. */
  constructor(core: CoreCatalog, known: KnownModules) {
    this.#known = moduleSet(known);
    for (const [n, d] of Object.entries(core.pvs)) this.#pvs.set(n, d);
    for (const [n, d] of Object.entries(core.transformations)) this.#transformations.set(n, d);
    for (const [n, d] of Object.entries(core.selects)) this.#selects.set(n, d);
  }

  load(module: ModuleDefinition): void {
    this.loaded.push(module);
    for (const [name, def] of Object.entries(module.functions ?? {})) {
      if (!this.#functions.has(name)) this.#functions.set(name, { module, name, def });
    }
    for (const [n, d] of Object.entries(module.pvs ?? {})) this.#pvs.set(n, d);
    for (const [n, d] of Object.entries(module.transformations ?? {})) this.#transformations.set(n, d);
    for (const [n, d] of Object.entries(module.selects ?? {})) this.#selects.set(n, d);
  }

  known(name: string): ModuleDefinition | undefined {
    return this.#known.get(name);
  }

  knownNames(): readonly string[] {
    return this.#known.names;
  }

  function(name: string): FunctionEntry | undefined {
    return this.#functions.get(name);
  }

  functionNames(): Iterable<string> {
    return this.#functions.keys();
  }

  pv(name: string): PvDefinition | undefined {
    return this.#pvs.get(name);
  }

  pvNames(): Iterable<string> {
    return this.#pvs.keys();
  }

  transformation(cls: string): TransformationDefinition | undefined {
    return this.#transformations.get(cls);
  }

  /** Longest registered path that `path` begins with; paths are joined by dots. */
  select(path: readonly string[]): SelectDefinition | undefined {
    for (let n = path.length; n > 0; n--) {
      const found = this.#selects.get(path.slice(0, n).join('.'));
      if (found) return found;
    }
    return undefined;
  }

  /** Modules that the script names and that could not be loaded. */
  readonly failed = new Set<string>();

  moduleWithFunction(name: string): string | undefined {
    return this.#first((m) => m.functions !== undefined && name in m.functions);
  }

  /** The module of Kamailio that has the function although it is not built here, by the `missing` lists. */
  moduleMissing(name: string): string | undefined {
    return this.#first((m) => m.missing?.includes(name) === true);
  }

  moduleWithPv(name: string): string | undefined {
    return this.#first((m) => m.pvs !== undefined && name in m.pvs);
  }

  #first(has: (module: ModuleDefinition) => boolean): string | undefined {
    for (const module of this.#known) if (has(module)) return module.name;
    return undefined;
  }
}
