/** What the classes of transformations share: a table of names, and how arguments are had. */
import type { Context } from '../context.js';
import { nearest } from '../format/nearest.js';
import { variableEnd } from '../format/scan.js';
import { bindVariable } from '../format/variable.js';
import type { BindEnv, BindResult, TrArg, Transform, TransformationDefinition } from '../module.js';
import { Dual, toText, type Value } from '../values.js';

/** One name of a class. */
export interface Entry {
  readonly doc: string;
  /** `bind` reads `rest` itself. */
  readonly ownGrammar?: boolean;
  bind(args: readonly TrArg[], rest: string, env: BindEnv): BindResult<Transform>;
}

/** A class out of its names; they ignore case. */
export function transformationClass(
  cls: string,
  doc: string,
  entries: Readonly<Record<string, Entry>>,
): TransformationDefinition {
  const names = Object.keys(entries);
  return {
    doc,
    names: Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, entry.doc])),
    ownGrammar: names.filter((name) => entries[name]?.ownGrammar === true),
    bind(name, args, env, rest) {
      const lower = name.toLowerCase();
      const entry = Object.hasOwn(entries, lower) ? entries[lower] : undefined;
      if (entry === undefined) return unknown(cls, lower, names);
      const bound = entry.bind(args, rest, env);
      return 'error' in bound
        ? { ...bound, error: `invalid transformation {${cls}.${name}${rest}}: ${bound.error}` }
        : bound;
    },
  };
}

function unknown(cls: string, name: string, names: readonly string[]): BindResult<Transform> {
  const near = nearest(name, names);
  const error = `unknown transformation: {${cls}.${name}}`;
  return near === undefined ? { error } : { error, hint: `did you mean {${cls}.${near}}?` };
}

/** Result of a text; undefined fails. */
export type OfText = (text: string, ctx: Context) => Value;

/** How a class takes its value: as text, or not at all (undefined). */
export type TakeText = (value: Value) => string | undefined;

/** Anything but null. */
export const anyText: TakeText = (value) => (value === null || value === undefined ? undefined : toText(value));

/** A text that is not empty. */
export const someText: TakeText = (value) => {
  const text = value === null || value === undefined ? '' : toText(value);
  return text === '' ? undefined : text;
};

export function onText(take: TakeText, of: OfText): Transform {
  return (value, ctx) => {
    const text = take(value);
    return text === undefined ? undefined : of(text, ctx);
  };
}

/** A name without arguments. */
export function plain(doc: string, take: TakeText, of: OfText): Entry {
  const transform = onText(take, of);
  return { doc, bind: (args) => (args.length > 0 ? { error: 'it takes no argument' } : { ok: transform }) };
}

// ------------------------------------------------------------------ arguments

/** An argument at a run; undefined: it cannot be had, and the transformation fails. */
export type Arg<T> = (ctx: Context) => T | undefined;

/** A number, or a variable with a number. */
export function numberArg(arg: TrArg | undefined): BindResult<Arg<number>> {
  if (arg === undefined) return { error: 'an argument is missing' };
  if (arg.kind === 'text') return { error: `'${arg.text}' is no number` };
  if (arg.kind === 'number') {
    const { value } = arg;
    return { ok: () => value };
  }
  const { get } = arg;
  return {
    ok(ctx) {
      const v = get(ctx);
      return typeof v === 'number' ? v : v instanceof Dual ? v.int : undefined;
    },
  };
}

/** Text as written, or that of a variable, which must not be empty. */
export function textArg(arg: TrArg | undefined): BindResult<Arg<string>> {
  if (arg === undefined) return { error: 'an argument is missing' };
  if (arg.kind !== 'variable') {
    const { text } = arg;
    return { ok: () => text };
  }
  const { get } = arg;
  return { ok: (ctx) => someText(get(ctx)) };
}

/** One argument of a kind, and what it does to a text. */
export function withOne<T>(
  doc: string,
  take: TakeText,
  kind: (arg: TrArg | undefined) => BindResult<Arg<T>>,
  of: (text: string, arg: T, ctx: Context) => Value,
): Entry {
  return {
    doc,
    bind(args) {
      if (args.length > 1) return { error: 'it takes one argument' };
      const arg = kind(args[0]);
      if ('error' in arg) return arg;
      return { ok: onText(take, (text, ctx) => with1(arg.ok(ctx), (a) => of(text, a, ctx))) };
    },
  };
}

function with1<T>(arg: T | undefined, of: (arg: T) => Value): Value {
  return arg === undefined ? undefined : of(arg);
}

/** Two arguments; `check` refuses constant ones at load. */
export function withTwo<A, B>(
  doc: string,
  take: TakeText,
  first: (arg: TrArg | undefined) => BindResult<Arg<A>>,
  second: (arg: TrArg | undefined) => BindResult<Arg<B>>,
  of: (text: string, a: A, b: B) => Value,
  check?: (args: readonly TrArg[]) => string | undefined,
): Entry {
  return {
    doc,
    bind(args) {
      if (args.length > 2) return { error: 'it takes two arguments' };
      const wrong = check?.(args);
      if (wrong !== undefined) return { error: wrong };
      const a = first(args[0]);
      if ('error' in a) return a;
      const b = second(args[1]);
      if ('error' in b) return b;
      return {
        ok: onText(take, (text, ctx) => with1(a.ok(ctx), (x) => with1(b.ok(ctx), (y) => of(text, x, y)))),
      };
    },
  };
}

/**
 * The argument of `count`, `before` and the like, whose first character counts: a comma may stand there too. `end` is
 * what stands where no character does.
 */
export function charArg(rest: string, env: BindEnv): BindResult<Arg<string>> {
  if (rest === '') return { error: 'an argument is missing' };
  const text = rest.slice(1).replace(/^[ \t\n]+/, '');
  if (text[0] === '$') {
    const end = variableEnd(text, 0);
    const bound = bindVariable(end < 0 ? text : text.slice(0, end), env, { quoted: true });
    if ('error' in bound) return bound;
    if (text.slice(Math.max(end, 0)).trim() !== '') return { error: 'it takes one argument' };
    return { ok: (ctx) => someText(bound.ok.get(ctx))?.[0] };
  }
  const literal = /^[^,\t\n]*,?/.exec(text)?.[0] ?? '';
  if (text.slice(literal.length).trim() !== '') return { error: 'it takes one argument' };
  // Where nothing stands, Kamailio sees the brace behind it.
  const c = literal[0] ?? '}';
  return { ok: () => c };
}
