/** Selects are trees: a place gives a text, and what is asked of it (`uri`, then `user`) is a place below. */

import { nearest } from '../../parser/nearest.js';
import type { Context } from '../context.js';
import type { BindResult, SelectDefinition } from '../module.js';

/** Text at a place; null where there is none. */
export type Get = (ctx: Context) => string | null;
export type Path = readonly (string | number)[];
/** Binds what is left of a path. */
export type Place = (path: Path) => BindResult<Get>;

/** A place with nothing below it. */
export function leaf(get: Get): Place {
  return (path) => (path.length === 0 ? { ok: get } : { error: `nothing is below: '${path.join('.')}' cannot follow` });
}

/** A place with others below; without `get` one of them must be named. */
export function tree(get: Get | undefined, below: Readonly<Record<string, Place>>): Place {
  return (path) => {
    const [name, ...rest] = path;
    if (name === undefined)
      return get === undefined ? { error: `one of ${Object.keys(below).join(', ')} must follow` } : { ok: get };
    const place = typeof name === 'string' && Object.hasOwn(below, name) ? below[name] : undefined;
    if (place !== undefined) return place(rest);
    const near = nearest(String(name), Object.keys(below));
    return { error: `unknown select part '${name}'`, ...(near === undefined ? {} : { hint: `did you mean ${near}?` }) };
  };
}

/** A place that takes a name, as `params.transport`; `_` stands for `-`. */
export function named(get: (ctx: Context, name: string) => string | null): Place {
  return (path) => {
    const [name, ...rest] = path;
    if (typeof name !== 'string') return { error: 'a name must follow' };
    const wanted = name[0] + name.slice(1).replaceAll('_', '-');
    return leaf((ctx) => get(ctx, wanted))(rest);
  };
}

/** As `named`, and the whole without a name. */
export function namedOr(whole: Get, get: (ctx: Context, name: string) => string | null): Place {
  const one = named(get);
  return (path) => (path.length === 0 ? { ok: whole } : one(path));
}

/** A place that may take an index. */
export function indexed(place: (index: number | undefined) => Place): Place {
  return (path) => (typeof path[0] === 'number' ? place(path[0])(path.slice(1)) : place(undefined)(path));
}

export function select(doc: string, place: Place): SelectDefinition {
  return { doc, bind: (path) => place(path) };
}

/** `get`, then what `of` makes of the text. */
export function mapped(get: Get, of: (text: string) => string | null): Get {
  return (ctx) => {
    const text = get(ctx);
    return text === null ? null : of(text);
  };
}
