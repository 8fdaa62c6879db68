/** Variables and texts with variables, read from outside a script: by tests and by `kamscript eval`. */
import { NOWHERE } from '../parser/problem.js';
import { Catalog } from './catalog.js';
import type { Context } from './context.js';
import { CORE_CATALOG } from './core/catalog.js';
import { bindFormat, bindVariable } from './format.js';
import type { BindEnv, ModuleDefinition } from './module.js';
import type { Program } from './program.js';
import { printed, type Value } from './values.js';
import type { VarStore } from './var-store.js';

export type Evaluated = { readonly ok: Value } | { readonly error: string; readonly hint?: string };

/**
 * Reads `text` on `ctx` as a script of `program` would: one variable gives its value, anything else is a text in which
 * variables are replaced. `known`: every module there is, for hints.
 */
export function evaluate(
  text: string,
  ctx: Context,
  program: Program,
  vars: VarStore,
  known: readonly ModuleDefinition[] = program.modules,
): Evaluated {
  const env = environment(program, vars, known);
  if (text.startsWith('$')) {
    const variable = bindVariable(text, env);
    if ('ok' in variable) return { ok: variable.ok.get(ctx) };
    if (!/\s/.test(text)) return variable;
  }
  const format = bindFormat(text, env);
  return 'ok' in format ? { ok: printed(format.ok.get(ctx)) } : format;
}

/** Reads variables of one program by their text, each bound once. */
export class VariableReader {
  readonly #env: BindEnv;
  readonly #bound = new Map<string, ((ctx: Context) => Value) | undefined>();

  constructor(program: Program, vars: VarStore) {
    this.#env = environment(program, vars);
  }

  /** Undefined: no such variable, or one that has no value now. */
  read(text: string, ctx: Context): Value | undefined {
    if (!this.#bound.has(text)) {
      const variable = bindVariable(text, this.#env);
      this.#bound.set(text, 'ok' in variable ? variable.ok.get : undefined);
    }
    return this.#bound.get(text)?.(ctx);
  }
}

/** Writes one variable; the text of the problem when it cannot. */
export function assign(text: string, value: Value, ctx: Context, program: Program, vars: VarStore): string | undefined {
  const variable = bindVariable(text, environment(program, vars));
  if (!('ok' in variable)) return variable.error;
  if (variable.ok.set === undefined) return `${text} cannot be written`;
  return variable.ok.set(ctx, value) === false ? `${text} refused the value` : undefined;
}

/** What pieces of a script of `program` are bound in when they come from elsewhere, such as a database. */
export function environment(
  program: Program,
  vars: VarStore,
  known: readonly ModuleDefinition[] = program.modules,
): BindEnv {
  const catalog = new Catalog(CORE_CATALOG, known);
  for (const module of program.modules) catalog.load(module);
  return {
    catalog,
    defines: program.script.defines,
    flags: program.flags,
    avpFlags: program.avpFlags,
    compat: 'KAMAILIO',
    vars,
    span: NOWHERE,
    routeName: '',
    params: (module) => program.params(module),
  };
}
