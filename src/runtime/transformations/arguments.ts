/** Arguments of transformations: constants, and variables that are read when they are needed. */
import type { Context } from '../context.js';
import { variableEnd } from '../format/scan.js';
import { bindVariable } from '../format/variable.js';
import type { BindEnv, BindResult, TrArg } from '../module.js';
import { Dual, toText, type Value } from '../values.js';

export interface Arg<T> {
  /** Reads the variable; missing for a constant. */
  readonly raw?: (ctx: Context) => Value;
  /** What was read as a T; undefined: it cannot be had, and the transformation fails. A constant ignores it. */
  readonly of: (value: Value) => T | undefined;
}

export function constant<T>(value: T): Arg<T> {
  return { of: () => value };
}

/** The argument of this run. */
export function argument<T>(arg: Arg<T>, ctx: Context): T | undefined {
  return arg.of(arg.raw?.(ctx));
}

const numberOf = (v: Value): number | undefined => (typeof v === 'number' ? v : v instanceof Dual ? v.int : undefined);

const textOf = (v: Value): string | undefined => {
  const text = toText(v);
  return text === '' ? undefined : text;
};

/** A number, or a variable with a number. */
export function numberArg(arg: TrArg | undefined): BindResult<Arg<number>> {
  if (arg === undefined) return { error: 'an argument is missing' };
  if (arg.kind === 'text') return { error: `'${arg.text}' is no number` };
  return { ok: arg.kind === 'number' ? constant(arg.value) : { raw: arg.get, of: numberOf } };
}

/** Text as written, or that of a variable, which must not be empty. */
export function textArg(arg: TrArg | undefined): BindResult<Arg<string>> {
  if (arg === undefined) return { error: 'an argument is missing' };
  return { ok: arg.kind === 'variable' ? { raw: arg.get, of: textOf } : constant(arg.text) };
}

/** The argument of `count`, `before` and the like, whose first character counts: a comma may stand there too. */
export function charArg(rest: string, env: BindEnv): BindResult<Arg<string>> {
  if (rest === '') return { error: 'an argument is missing' };
  const text = rest.slice(1).replace(/^[ \t\n]+/, '');
  if (text[0] === '$') {
    const end = variableEnd(text, 0);
    const bound = bindVariable(end < 0 ? text : text.slice(0, end), env, { quoted: true });
    if ('error' in bound) return bound;
    if (text.slice(end).trim() !== '') return { error: 'it takes one argument' };
    return { ok: { raw: bound.ok.get, of: (v) => textOf(v)?.[0] } };
  }
  const literal = /^[^,\t\n]*,?/.exec(text)?.[0] ?? '';
  if (text.slice(literal.length).trim() !== '') return { error: 'it takes one argument' };
  // Where nothing stands, Kamailio sees the brace behind it.
  return { ok: constant(literal[0] ?? '}') };
}
