/** What the classes of transformations share: a table of names, and what arguments do. */

import { nearest } from '../../parser/nearest.js';
import type { Context } from '../context.js';
import type {
  BindEnv,
  BindResult,
  TrArg,
  Transform,
  TransformationDefinition,
  TransformationExample,
} from '../module.js';
import { toText, type Value } from '../values.js';
import type { Arg } from './arguments.js';

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
  examples: Readonly<Record<string, TransformationExample>> = {},
): TransformationDefinition {
  const names = Object.keys(entries);
  return {
    doc,
    names: Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, entry.doc])),
    examples,
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
      return 'error' in arg ? arg : { ok: applied(take, arg.ok, of) };
    },
  };
}

/** What an argument does to a text, as a transformation. */
export function applied<T>(take: TakeText, arg: Arg<T>, of: (text: string, arg: T, ctx: Context) => Value): Transform {
  const { raw } = arg;
  if (raw === undefined) {
    const constant = arg.of('');
    return onText(take, (text, ctx) => (constant === undefined ? undefined : of(text, constant, ctx)));
  }
  return (value, ctx) => {
    const text = take(value);
    if (text === undefined) return undefined;
    const v = raw(ctx);
    const a = arg.of(v);
    return a === undefined ? undefined : of(seenText(value, text, v), a, ctx);
  };
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
      return { ok: appliedTwo(take, a.ok, b.ok, of) };
    },
  };
}

function appliedTwo<A, B>(
  take: TakeText,
  first: Arg<A>,
  second: Arg<B>,
  of: (text: string, a: A, b: B) => Value,
): Transform {
  return (value, ctx) => {
    const text = take(value);
    if (text === undefined) return undefined;
    const v = first.raw?.(ctx);
    const a = first.of(v);
    const w = a === undefined ? undefined : second.raw?.(ctx);
    const b = second.of(w);
    return a === undefined || b === undefined ? undefined : of(seenText(value, seenText(value, text, v), w), a, b);
  };
}

/**
 * In 5.6.3 the text of an int lives in one buffer, filled from its end: that of an int argument had later is written
 * over it (case tr/s-strip: 98765 with the argument 2 reads 98762).
 */
function seenText(value: Value, text: string, arg: Value): string {
  if (typeof value !== 'number' || typeof arg !== 'number') return text;
  const over = `${arg}`;
  return over.length >= text.length ? over.slice(over.length - text.length) : text.slice(0, -over.length) + over;
}
