/** One variable with its key, index and transformations bound to a getter and a setter. */

import { nearest } from '../../parser/nearest.js';
import type { Context } from '../context.js';
import type {
  BindEnv,
  BindResult,
  PvAccessor,
  PvDefinition,
  PvIndex,
  PvKey,
  PvUse,
  TrArg,
  Transform,
} from '../module.js';
import type { Value } from '../values.js';
import { attribute, isAttributeOnly } from './attribute.js';
import { parseVariable, splitArguments, type TransformationText, type VariableText, variableEnd } from './scan.js';

/** Where the spelling stands: in the script itself, or in a string, where the old `$attribute` does not exist. */
export interface VariablePlace {
  readonly quoted?: boolean;
}

/** Binds the text of one variable; what follows it is an error. */
export function bindVariable(text: string, env: BindEnv, place: VariablePlace = {}): BindResult<PvAccessor> {
  if (text[0] !== '$') return { error: `'${text}' is no variable` };
  if (place.quoted !== true && env.compat !== 'KAMAILIO') {
    const attr = bindAttribute(text, env);
    if (attr !== undefined) return { ok: attr };
  }
  const end = variableEnd(text, 0);
  if (end < 0) return { error: `a parenthesis in ${text} is not closed` };
  if (end !== text.length) return { error: `'${text.slice(end)}' cannot follow the variable ${text.slice(0, end)}` };
  if (text === '$$') return { ok: { get: () => '$', type: 'string' } };
  const parsed = parseVariable(text);
  if ('error' in parsed) return { error: `Can't get from cache: ${text}`, hint: parsed.error };
  return bindParsed(text, parsed.ok, env);
}

function bindAttribute(text: string, env: BindEnv): PvAccessor | undefined {
  if (env.compat === 'SER' || isAttributeOnly(text)) return attribute(text);
  const name = /^\$([A-Za-z_]\w*)$/.exec(text)?.[1];
  return name !== undefined && env.catalog.pv(name) === undefined ? attribute(text) : undefined;
}

function bindParsed(text: string, parts: VariableText, env: BindEnv): BindResult<PvAccessor> {
  const definition = env.catalog.pv(parts.name);
  if (definition === undefined) return unknownName(text, parts.name, env);
  const wrong = checkShape(parts, definition);
  if (wrong !== undefined) return { error: `Can't get from cache: ${text}`, hint: wrong };
  const use = bindUse(parts, env, definition.keyBegins === true);
  if ('error' in use) return use;
  const bound = definition.bind(use.ok, env);
  if ('error' in bound) return bound;
  const transformed = parts.transformations.length > 0;
  env.used?.set(text, { text, use: use.ok, transformed, get: bound.ok.get });
  return transformed ? bindTransformations(bound.ok, parts.transformations, env) : bound;
}

function unknownName(text: string, name: string, env: BindEnv): BindResult<PvAccessor> {
  const error = `Can't get from cache: ${text}`;
  const module = env.catalog.moduleWithPv(name);
  if (module !== undefined)
    return { error, hint: `$${name} is a variable of the module ${module}: loadmodule "${module}.so"` };
  const near = nearest(name, env.catalog.pvNames());
  return near === undefined ? { error } : { error, hint: `did you mean $${near}?` };
}

function checkShape(parts: VariableText, definition: PvDefinition): string | undefined {
  const { name, key, index } = parts;
  if (key === undefined && definition.key === 'required') return `$${name} needs a name in parentheses: $${name}(…)`;
  if (key !== undefined && definition.key === 'none') return `$${name} takes no name in parentheses`;
  if (key === '') return `the name in parentheses of $${name} is empty`;
  if (index !== undefined && !definition.index) return `$${name} takes no index`;
  return undefined;
}

function bindUse(parts: VariableText, env: BindEnv, keyBegins: boolean): BindResult<PvUse> {
  const key = parts.key === undefined ? undefined : bindKey(parts.key, env, keyBegins);
  if (key !== undefined && 'error' in key) return key;
  const index = parts.index === undefined ? undefined : bindIndex(parts.index, env);
  if (index !== undefined && 'error' in index) return index;
  return { ok: { name: parts.name, ...(key ? { key: key.ok } : {}), ...(index ? { index: index.ok } : {}) } };
}

/** A key is dynamic where it is one variable, or begins with one and that is enough; the rest is for the variable's own `bind`. */
function bindKey(text: string, env: BindEnv, begins: boolean): BindResult<PvKey> {
  const end = text[0] === '$' && text[1] !== '$' ? variableEnd(text, 0) : -1;
  if (end <= 0 || (end !== text.length && !begins)) return { ok: { kind: 'text', text } };
  const inner = bindVariable(text.slice(0, end), env, { quoted: true });
  return 'error' in inner ? inner : { ok: { kind: 'dynamic', text, get: inner.ok.get } };
}

function bindIndex(text: string, env: BindEnv): BindResult<PvIndex> {
  if (text === '*') return { ok: '*' };
  if (text[0] === '$') {
    const inner = bindVariable(text, env, { quoted: true });
    return 'error' in inner ? inner : { ok: { get: inner.ok.get } };
  }
  if (!/^-?\d*$/.test(text)) return { error: `invalid index [${text}]` };
  return { ok: text === '-' ? 0 : Number(text) };
}

// ------------------------------------------------------------ transformations

/** Modules that bring a class, for a hint where it is not loaded. */
const CLASS_MODULES: Readonly<Record<string, string>> = {
  s: 'pv',
  uri: 'pv',
  param: 'pv',
  nameaddr: 'pv',
  tobody: 'pv',
  line: 'pv',
  urialias: 'pv',
  re: 'textops',
  sock: 'corex',
  json: 'json',
};

function bindTransformations(
  base: PvAccessor,
  texts: readonly TransformationText[],
  env: BindEnv,
): BindResult<PvAccessor> {
  let get = base.get;
  for (const text of texts) {
    const bound = bindTransformation(text, env);
    if ('error' in bound) return bound;
    get = applied(get, bound.ok);
  }
  return { ok: { get } };
}

/** A read that fails stays failed: what follows it is not run. */
function applied(get: (ctx: Context) => Value, transform: Transform): (ctx: Context) => Value {
  return (ctx) => {
    const v = get(ctx);
    return v === undefined ? undefined : transform(v, ctx);
  };
}

function bindTransformation(text: TransformationText, env: BindEnv): BindResult<Transform> {
  const definition = env.catalog.transformation(text.cls);
  if (definition === undefined) {
    const module = CLASS_MODULES[text.cls];
    const error = `unknown transformation: [${text.cls}]`;
    return module === undefined
      ? { error }
      : { error, hint: `the class ${text.cls} comes with loadmodule "${module}.so"` };
  }
  const own = definition.ownGrammar?.includes(text.name.toLowerCase()) ?? false;
  const args = own ? { ok: [] } : bindArguments(text.rest, env);
  if ('error' in args) return { error: `invalid transformation {${text.cls}.${text.name}${text.rest}}: ${args.error}` };
  return definition.bind(text.name, args.ok, env, text.rest);
}

function bindArguments(rest: string, env: BindEnv): BindResult<TrArg[]> {
  const texts = splitArguments(rest);
  if ('error' in texts) return texts;
  const out: TrArg[] = [];
  for (const { variable, text } of texts.ok) {
    if (!variable) {
      out.push(literal(text));
      continue;
    }
    const bound = bindVariable(text, env, { quoted: true });
    if ('error' in bound) return bound;
    out.push({ kind: 'variable', text, get: bound.ok.get });
  }
  return { ok: out };
}

function literal(text: string): TrArg {
  const number = /^([+-]?) *(\d+)\s*$/.exec(text);
  if (number === null) return { kind: 'text', text };
  const value = Number(number[2]);
  return { kind: 'number', text, value: number[1] === '-' ? -value : value };
}
