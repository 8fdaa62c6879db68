/** Kinds of arguments of module functions, after Kamailio's fixups (sr "mod_fix"). */

import { type Header, headerMatcher } from '../sip/message.js';
import type { Context } from './context.js';
import { bindFormat, bindVariable } from './format.js';
import {
  type ArgDefinition,
  type ArgSource,
  type BindEnv,
  type BindResult,
  type BoundArg,
  FAILED,
  type PvAccessor,
} from './module.js';
import { compileRegex, type Regex, type RegexFlags } from './regex.js';
import { cachedRegex } from './regex-cache.js';
import { Dual, parseInt32, printed, toText, type Value } from './values.js';

type Arg<T> = ArgDefinition<T, false>;

function arg<T>(
  name: string,
  type: string,
  dynamic: boolean,
  bind: (source: ArgSource, env: BindEnv) => BindResult<BoundArg<T>>,
): Arg<T> {
  return { name, type, optional: false, dynamic, bind };
}

const constant = <T>(value: T): BindResult<BoundArg<T>> => ({ ok: { kind: 'constant', value } });

/** Text with variables (fixup_spve): null inside prints `<null>`. `dynamic: false` takes it only in quotes. */
export function str(name: string, options: { dynamic?: boolean } = {}): Arg<string> {
  return arg(name, 'string', options.dynamic ?? true, (source, env) => {
    if (source.kind === 'expression') return { ok: { kind: 'dynamic', get: (ctx) => printed(source.get(ctx)) } };
    const format = bindFormat(source.text, env);
    if ('error' in format) return format;
    if (format.ok.constant !== undefined) return constant(format.ok.constant);
    return { ok: { kind: 'dynamic', get: format.ok.get } };
  });
}

/** As `str`, but a lone variable that is null or fails makes the call fail with -1 (fixup of type fparam). */
export function strictStr(name: string): Arg<string> {
  return arg(name, 'string', true, (source, env) => {
    const text = (get: (ctx: Context) => Value): BoundArg<string> => ({
      kind: 'fallible',
      get: (ctx) => {
        const v = get(ctx);
        return v === null || v === undefined ? FAILED : toText(v);
      },
    });
    if (source.kind === 'expression') return { ok: text(source.get) };
    const format = bindFormat(source.text, env);
    if ('error' in format) return format;
    if (format.ok.constant !== undefined) return constant(format.ok.constant);
    return format.ok.single ? { ok: text(format.ok.single.get) } : { ok: { kind: 'dynamic', get: format.ok.get } };
  });
}

/** A value as it is: null, int or text (a lone variable keeps its type). */
export function anyValue(name: string): Arg<Value> {
  return arg(name, 'value', true, (source, env) => {
    if (source.kind === 'expression') return { ok: { kind: 'dynamic', get: source.get } };
    const format = bindFormat(source.text, env);
    if ('error' in format) return format;
    if (format.ok.constant !== undefined) return constant<Value>(format.ok.constant);
    return { ok: { kind: 'dynamic', get: format.ok.single?.get ?? format.ok.get } };
  });
}

/** The text as written, nothing expanded. */
export function raw(name: string): Arg<string> {
  return arg(name, 'text', false, (source) =>
    source.kind === 'constant' ? constant(source.text) : { error: `argument '${name}' must be a constant` },
  );
}

/** A constant that `parse` turns into what the function works with; its error refuses the start. */
export function parsed<T>(name: string, type: string, parse: (text: string, env: BindEnv) => BindResult<T>): Arg<T> {
  return arg(name, type, false, (source, env) => {
    if (source.kind !== 'constant') return { error: `argument '${name}' must be a constant` };
    const result = parse(source.text, env);
    return 'error' in result ? result : constant(result.ok);
  });
}

/** Text with variables that `parse` turns into a value: once at load where constant, else at each call (undefined fails). */
export function parsedFormat<T>(
  name: string,
  type: string,
  parse: (text: string) => T | undefined,
  refuse: (text: string) => string,
): Arg<T> {
  return arg(name, type, true, (source, env) => {
    const later = (get: (ctx: Context) => string): BindResult<BoundArg<T>> => ({
      ok: { kind: 'fallible', get: (ctx) => parse(get(ctx)) ?? FAILED },
    });
    if (source.kind === 'expression') return later((ctx) => toText(source.get(ctx)));
    const format = bindFormat(source.text, env);
    if ('error' in format) return format;
    if (format.ok.constant === undefined) return later(format.ok.get);
    const value = parse(format.ok.constant);
    return value === undefined ? { error: refuse(format.ok.constant) } : constant(value);
  });
}

/** Number or variable with a number (fixup_igp). */
export function int(name: string): Arg<number> {
  return arg(name, 'integer', true, (source, env) => {
    // The value of an expression is taken as if it stood there as text; a variable in quotes must hold an int (seen).
    const later = (get: (ctx: Context) => Value): BindResult<BoundArg<number>> => ({
      ok: { kind: 'fallible', get: (ctx) => intOnly(get(ctx)) },
    });
    if (source.kind === 'expression') return { ok: { kind: 'fallible', get: (ctx) => asInt(source.get(ctx)) } };
    if (source.text.includes('$')) {
      const format = bindFormat(source.text, env);
      if ('error' in format) return format;
      return later(format.ok.single?.get ?? format.ok.get);
    }
    // digits with a sign, no hexadecimal; an empty text is 0 (seen)
    const n = /^[+-]?\d*$/.test(source.text) ? parseInt32(source.text || '0') : undefined;
    return n === undefined ? { error: `'${source.text}' is no number` } : constant(n);
  });
}

function intOnly(v: Value): number | typeof FAILED {
  if (typeof v === 'number') return v;
  return v instanceof Dual ? v.int : FAILED;
}

function asInt(v: Value): number | typeof FAILED {
  if (typeof v === 'number') return v;
  if (typeof v === 'string') return parseInt32(v) ?? FAILED;
  return v === null || v === undefined ? FAILED : v.int;
}

/** The name of a variable to read or write: `"$var(x)"` or `$var(x)`. `writable` refuses read-only ones at load. */
export function variable(name: string, options: { writable?: boolean } = {}): Arg<PvAccessor> {
  return arg(name, 'variable', true, (source, env) => {
    if (source.kind === 'expression') {
      if (source.variable === undefined) return { error: `argument '${name}' must be a variable` };
      return writableOr(source.variable, options);
    }
    const found = bindVariable(source.text.trim(), env, { quoted: true });
    return 'error' in found ? found : writableOr(found.ok, options);
  });
}

function writableOr(accessor: PvAccessor, options: { writable?: boolean }): BindResult<BoundArg<PvAccessor>> {
  if (options.writable && accessor.set === undefined) return { error: 'the variable is read-only' };
  return constant(accessor);
}

/**
 * A regular expression (fixup_regexp): `$` in it is no variable. Constant ones are compiled at load and refuse the start, those
 * of an expression at the call.
 */
export function regex(name: string, flags: RegexFlags = {}, options: { dynamic?: boolean } = {}): Arg<Regex> {
  return arg(name, 'regular expression', options.dynamic ?? true, (source) => {
    if (source.kind === 'constant') {
      const made = compileRegex(source.text, flags);
      return 'error' in made ? { error: `Bad regular expression "${source.text}"` } : constant(made.ok);
    }
    return { ok: { kind: 'fallible', get: (ctx) => cachedRegex(toText(source.get(ctx)), flags) ?? FAILED } };
  });
}

/** A regular expression in a text with variables (fixup_spve): a bad one makes the call fail, never the start. */
export function lateRegex(name: string, flags: RegexFlags = {}): Arg<Regex | undefined> {
  return arg(name, 'regular expression', true, (source, env) => {
    const text = str(name).bind(source, env);
    if ('error' in text) return text;
    const bound = text.ok;
    if (bound.kind === 'constant') return constant(cachedRegex(bound.value, flags));
    if (bound.kind === 'fallible') return { error: 'not a text' };
    return { ok: { kind: 'dynamic', get: (ctx) => cachedRegex(bound.get(ctx), flags) } };
  });
}

/** The text as it is, nothing expanded in it, a non-constant expression allowed (a parameter without a fixup). */
export function literal(name: string): Arg<string> {
  return arg(name, 'text', true, (source) =>
    source.kind === 'constant'
      ? constant(source.text)
      : { ok: { kind: 'dynamic', get: (ctx) => toText(source.get(ctx)) } },
  );
}

/** The same argument where Kamailio's fixup cannot be undone: no non-constant expression may stand here. */
export function quoted<T, O extends boolean>(kind: ArgDefinition<T, O>): ArgDefinition<T, O> {
  return { ...kind, dynamic: false };
}

/** A header name: gives the test for it, made once where the name is constant. */
export function headerName(name: string): Arg<(h: Header) => boolean> {
  return parsedFormat(
    name,
    'header name',
    (text) => (isHeaderName(text) ? headerMatcher(text) : undefined),
    (text) => `'${text}' is no header name`,
  );
}

function isHeaderName(text: string): boolean {
  return text.length > 0 && text.length <= 252 && /^[!-9;-~]+$/.test(text);
}
