/** `@a.b[1].c`: a select and what of it is asked for. */

import { nearest } from '../../parser/nearest.js';
import type { Context } from '../context.js';
import type { BindEnv, BindResult } from '../module.js';
import { CORE_SELECTS } from '../selects/index.js';
import type { Value } from '../values.js';

const FIRST = /[A-Za-z_]\w*/y;
const NEXT = /\.([A-Za-z_0-9]\w*)|\[(-?\d+)\]|\["([^"]*)"\]/y;

/**
 * Cuts a path into names and indexes; undefined where it is none. A `-` ends it, and what follows is not looked at
 * (case pv/selects: `msg.header.X-One` asks for X).
 */
export function selectPath(text: string): (string | number)[] | undefined {
  FIRST.lastIndex = 0;
  const first = FIRST.exec(text)?.[0];
  if (first === undefined) return undefined;
  const out: (string | number)[] = [first];
  for (let at = first.length; at < text.length && text[at] !== '-'; at = NEXT.lastIndex) {
    NEXT.lastIndex = at;
    const m = NEXT.exec(text);
    if (m === null) return undefined;
    out.push(m[2] === undefined ? (m[1] ?? m[3] ?? '') : Number(m[2]));
  }
  return out;
}

/** Binds `@sel.a.b[1]` (the `@` may be missing, as in `$sel(a.b)`). */
export function bindSelect(text: string, env: BindEnv): BindResult<(ctx: Context) => Value> {
  const path = selectPath(text[0] === '@' ? text.slice(1) : text);
  const name = path?.[0];
  if (path === undefined || typeof name !== 'string') return { error: `'${text}' is no select` };
  const definition = env.catalog.select([name]) ?? CORE_SELECTS[name];
  if (definition !== undefined) return definition.bind(path.slice(1), env);
  const near = nearest(name, Object.keys(CORE_SELECTS));
  return { error: `unknown select '${text}'`, ...(near === undefined ? {} : { hint: `did you mean @${near}?` }) };
}
