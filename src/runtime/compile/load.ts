/** What stands outside the route blocks: modules, their parameters, flags, globals, core parameters. */

import { nearest } from '../../parser/nearest.js';
import type { Problem } from '../../parser/problem.js';
import type { LoadModule, ModParam, Script } from '../../parser/tree.js';
import type { Catalog } from '../catalog.js';
import type { CoreSettings } from '../core/params.js';
import { isUnbuilt } from '../kamailio-modules.js';
import type { ModuleDefinition, ParamAlias, ParamDefinition, VarStore } from '../module.js';
import { problem } from './problems.js';

export type Params = Record<string, unknown>;

export interface Loaded {
  readonly params: ReadonlyMap<string, Params>;
  readonly flags: ReadonlyMap<string, number>;
  readonly avpFlags: ReadonlyMap<string, number>;
  readonly globals: ReadonlyMap<string, number | string>;
}

/** Evaluates the texts of loadmodulex and modparamx with what is loaded so far; undefined when it cannot. */
export type Evaluate = (text: string) => string | number | null | undefined;

/** Modules that others may be loaded before, although they need them: what they give is used while requests are answered. */
const ANY_ORDER: ReadonlySet<string> = new Set(['sl', 'xhttp']);

interface Need {
  readonly name: string;
  readonly needs: string;
  readonly item: LoadModule;
}

function needed(name: string, needs: string, item: LoadModule, hint: string): Problem {
  return problem('module-needs', { name, needs }, item.span, { hint });
}

export class Loader {
  readonly #catalog: Catalog;
  readonly #problems: Problem[];
  readonly #params = new Map<string, Params>();
  readonly #flags = new Map<string, number>();
  readonly #avpFlags = new Map<string, number>();
  readonly #globals = new Map<string, number | string>();
  /** Needs that any line of the script may meet. */
  readonly #anywhere: Need[] = [];

  /** `$var` of the load alone. */
  readonly #vars: VarStore;

  constructor(catalog: Catalog, problems: Problem[], vars: VarStore) {
    this.#catalog = catalog;
    this.#problems = problems;
    this.#vars = vars;
  }

  get loaded(): Loaded {
    return { params: this.#params, flags: this.#flags, avpFlags: this.#avpFlags, globals: this.#globals };
  }

  run(script: Script, evaluate: Evaluate): void {
    for (const item of script.items) {
      if (item.kind === 'loadmodule') this.#load(item, evaluate);
      else if (item.kind === 'modparam') this.#set(item, evaluate);
      else if (item.kind === 'flags' || item.kind === 'avpflags')
        declare(item.flags, item.kind === 'flags' ? this.#flags : this.#avpFlags);
      else if (item.kind === 'global') {
        const group = item.instance === undefined ? item.group : `${item.group}[${item.instance}]`;
        this.#globals.set(`${group}.${item.name}`, item.value);
      }
    }
    for (const { name, needs, item } of this.#anywhere) {
      if (!this.#isLoaded(needs)) this.#problems.push(needed(name, needs, item, `add loadmodule "${needs}.so"`));
    }
  }

  #isLoaded(name: string): boolean {
    return this.#catalog.loaded.some((m) => m.name === name);
  }

  #load(item: LoadModule, evaluate: Evaluate): void {
    const path = item.dynamic ? `${evaluate(item.path) ?? item.path}` : item.path;
    const name = path.replace(/^.*\//, '').replace(/\.so$/, '');
    const module = this.#catalog.known(name);
    if (module === undefined) {
      const near = isUnbuilt(name) ? undefined : nearest(name, this.#catalog.knownNames());
      const hint = isUnbuilt(name)
        ? `${name} of Kamailio 5.6.3 is not built in kamscript; docs/modules.md lists what is`
        : near
          ? `did you mean "${near}.so"?`
          : 'kamscript has no module of that name; docs/modules.md lists those it has';
      this.#catalog.failed.add(name);
      this.#problems.push(problem('unknown-module', { name: path }, item.span, { hint }));
      return;
    }
    if (this.#catalog.loaded.includes(module)) {
      this.#problems.push(problem('module-loaded-twice', { name: path }, item.span));
      return;
    }
    for (const needs of module.needs ?? []) {
      if (this.#isLoaded(needs)) continue;
      if (ANY_ORDER.has(needs)) this.#anywhere.push({ name, needs, item });
      else this.#problems.push(needed(name, needs, item, `add loadmodule "${needs}.so" before this line`));
    }
    this.#catalog.load(module);
    this.#params.set(name, defaults(module));
  }

  #set(item: ModParam, evaluate: Evaluate): void {
    const text = (s: string) => (item.dynamic ? `${evaluate(s) ?? s}` : s);
    const modules = text(item.modules);
    const found = this.#catalog.loaded.filter(nameMatcher(modules));
    // Of a module that could not be loaded that alone is told.
    if (found.length === 0 && !this.#catalog.failed.has(modules)) {
      const hint = this.#catalog.known(modules) ? `add loadmodule "${modules}.so" before this line` : undefined;
      this.#problems.push(problem('no-module-for-parameter', { name: modules }, item.span, hint ? { hint } : {}));
    }
    const value = this.#value(item, evaluate);
    for (const module of found) this.#assign(module, text(item.param), value, item);
  }

  #value(item: ModParam, evaluate: Evaluate): number | string {
    if (typeof item.value === 'object') {
      const v = evaluate(item.value.text);
      return typeof v === 'number' ? v : `${v ?? ''}`;
    }
    if (typeof item.value === 'string' && item.dynamic) return `${evaluate(item.value) ?? item.value}`;
    return item.value;
  }

  #assign(module: ModuleDefinition, param: string, value: number | string, item: ModParam): void {
    const target = definitionOf(module, param);
    const { name } = module;
    if (target === undefined) {
      const missing = module.missing?.includes(param);
      const near = nearest(param, Object.keys(module.params ?? {}));
      const code = missing
        ? problem('not-built', { name: `parameter ${param}`, module: name }, item.paramSpan)
        : undefined;
      const hint = near ? { hint: `did you mean "${near}"?` } : {};
      this.#problems.push(code ?? problem('unknown-parameter', { name, param }, item.paramSpan, hint));
      return;
    }
    if (target.def.type === 'str' && target.def.number && typeof value === 'number') value = `${value}`;
    const got = typeof value === 'number' ? 'int' : 'string';
    const want = target.def.type === 'int' ? 'int' : 'string';
    if (got !== want) {
      const hint = want === 'int' ? 'write the number without quotes' : `write it in quotes: "${value}"`;
      this.#problems.push(problem('parameter-type', { name, param, want, got }, item.valueSpan, { hint }));
      return;
    }
    const why = check(target.def, value);
    if (why !== undefined) {
      this.#problems.push(problem('parameter-value', { name, param, why }, item.valueSpan));
      return;
    }
    const params = this.#params.get(name)!;
    module.early?.(target.key, value, this.#vars);
    params[target.key] = target.def.type === 'list' ? [...(params[target.key] as string[]), value] : value;
  }
}

function check(def: ParamDefinition, value: number | string): string | undefined {
  return def.type === 'int' ? def.check?.(value as number) : def.check?.(value as string);
}

function definitionOf(module: ModuleDefinition, param: string): { key: string; def: ParamDefinition } | undefined {
  const own = module.params ?? {};
  const def: ParamDefinition | ParamAlias | undefined = Object.hasOwn(own, param) ? own[param] : undefined;
  if (def === undefined) return undefined;
  return def.type === 'alias' ? definitionOf(module, def.of) : { key: param, def };
}

function defaults(module: ModuleDefinition): Params {
  const out: Params = {};
  for (const [name, def] of Object.entries(module.params ?? {})) if (def.type !== 'alias') out[name] = def.default;
  return out;
}

/** `modules` of modparam is a regular expression over whole names, case ignored. */
function nameMatcher(modules: string): (m: ModuleDefinition) => boolean {
  try {
    const re = new RegExp(`^(?:${modules})$`, 'i');
    return (m) => re.test(m.name);
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e;
    return () => false;
  }
}

/** Numbers for flags that have none: the next free one from 0. */
function declare(
  flags: readonly { readonly name: string; readonly number?: number }[],
  into: Map<string, number>,
): void {
  for (const f of flags) {
    let n = f.number;
    if (n === undefined) {
      const taken = new Set(into.values());
      n = 0;
      while (taken.has(n)) n++;
    }
    into.set(f.name, n);
  }
}

/** Core parameters in force: the last of each wins; `defaults` gives those not set. */
export function coreSettings(script: Script, defaultValues: ReadonlyMap<string, number | string>): CoreSettings {
  const values = new Map(defaultValues);
  const listen: import('../../parser/tree.js').ListenAddress[] = [];
  const alias: import('../../parser/tree.js').ListenAddress[] = [];
  for (const item of script.items) {
    if (item.kind !== 'param') continue;
    if (item.value.kind === 'addresses') (item.name === 'alias' ? alias : listen).push(...item.value.value);
    else values.set(item.name, item.value.value);
  }
  const int = (name: string, otherwise: number) => {
    const v = values.get(name);
    return typeof v === 'number' ? v : otherwise;
  };
  return {
    debug: int('debug', 0),
    listen,
    alias,
    maxWhileLoops: int('max_while_loops', 100),
    maxRecursiveLevel: int('max_recursive_level', 256),
    maxBranches: int('max_branches', 12),
    values,
  };
}
