/** Functions of modules that a test answers itself. */
import type { Context } from '../runtime/context.js';
import type { AnyFunction, ModuleDefinition } from '../runtime/module.js';
import { toText, type Value } from '../runtime/values.js';
import { fromServer, toServer } from './text.js';

/** One call of a function by the script. */
export interface Call {
  readonly name: string;
  /** Texts and numbers as the function gets them; a variable to be written is an `OutVariable`. */
  readonly args: readonly unknown[];
  /** Code that it gave; undefined: it still waits. */
  code: number | undefined;
}

/** A variable that the script handed to a function. */
export interface OutVariable {
  get(): string | number | null;
  set(value: string | number | null): void;
}

/** The code that a mocked function gives: always the same, or what a function of the arguments says (false: -1; no number: 1). */
export type MockBehaviour = number | ((...args: readonly unknown[]) => unknown);

export interface Mock {
  readonly name: string;
  readonly calls: readonly Call[];
}

class MockFunction implements Mock {
  readonly name: string;
  readonly behaviour: MockBehaviour;
  readonly calls: Call[] = [];

  constructor(name: string, behaviour: MockBehaviour) {
    this.name = name;
    this.behaviour = behaviour;
  }

  answer(call: Call): number {
    this.calls.push(call);
    if (typeof this.behaviour === 'number') return this.behaviour;
    const code = this.behaviour(...call.args);
    if (typeof code === 'number') return code;
    return code === false ? -1 : 1;
  }
}

/** Thrown by a test that asks for what cannot be, or leaves a mock unused. */
export class ScriptTestError extends Error {
  override readonly name = 'ScriptTestError';
}

export class Mocks {
  readonly #mocks = new Map<string, MockFunction>();
  readonly #names: ReadonlySet<string>;
  readonly #onCall: (call: Call) => void;
  readonly #silent: ReadonlySet<string>;
  /** The modules with functions that look here first. */
  readonly modules: readonly ModuleDefinition[];

  /** `silent`: functions that are true and do nothing where the test does not answer them. */
  constructor(
    modules: readonly ModuleDefinition[],
    onCall: (call: Call) => void,
    silent: ReadonlySet<string> = new Set(),
  ) {
    this.#onCall = onCall;
    this.#silent = silent;
    this.modules = modules.map((m) => this.#watched(m));
    this.#names = new Set(modules.flatMap((m) => Object.keys(m.functions ?? {})));
  }

  set(name: string, behaviour: MockBehaviour): Mock {
    if (!this.#names.has(name)) throw new ScriptTestError(`mock: no module has a function ${name}()`);
    const mock = new MockFunction(name, behaviour);
    this.#mocks.set(name, mock);
    return mock;
  }

  /** Names of the mocks that the script never called. */
  unused(): string[] {
    return [...this.#mocks.values()].filter((m) => m.calls.length === 0).map((m) => m.name);
  }

  #watched(module: ModuleDefinition): ModuleDefinition {
    if (module.functions === undefined) return module;
    const functions = Object.entries(module.functions).map(([name, def]) => [name, this.#wrapped(name, def)] as const);
    return { ...module, functions: Object.fromEntries(functions) };
  }

  #own(def: AnyFunction, name: string, ctx: Context, params: unknown, args: unknown[]): number | Promise<number> {
    return this.#silent.has(name) ? 1 : def.run(ctx, params, ...args);
  }

  #wrapped(name: string, def: AnyFunction): AnyFunction {
    const run = (ctx: Context, params: unknown, ...args: unknown[]): number | Promise<number> => {
      const call: Call = { name, args: args.map((a) => shown(a, ctx)), code: undefined };
      this.#onCall(call);
      const mock = this.#mocks.get(name);
      const code = mock === undefined ? this.#own(def, name, ctx, params, args) : mock.answer(call);
      if (typeof code === 'number') {
        call.code = code;
        return code;
      }
      return code.then((c) => {
        call.code = c;
        return c;
      });
    };
    return { ...def, run, ...(def.forms ? { forms: def.forms.map((form) => this.#wrapped(name, form)) } : {}) };
  }
}

/** An argument as a test sees it. */
function shown(arg: unknown, ctx: Context): unknown {
  if (typeof arg === 'string') return fromServer(arg);
  if (typeof arg !== 'object' || arg === null || !('get' in arg) || typeof arg.get !== 'function') return arg;
  const { get } = arg as { get: (ctx: Context) => Value };
  const set =
    'set' in arg && typeof arg.set === 'function' ? (arg.set as (c: Context, v: Value) => unknown) : undefined;
  return {
    get: () => plainValue(get(ctx)),
    set: (value: string | number | null) => void set?.(ctx, typeof value === 'string' ? toServer(value) : value),
  } satisfies OutVariable;
}

/** A value of the script as a test compares it: text, number or null. */
export function plainValue(v: Value): string | number | null {
  if (v === undefined || v === null) return null;
  return typeof v === 'number' ? v : fromServer(toText(v));
}
