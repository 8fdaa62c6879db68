/** `@a.b[1].c`: a select and what of it is asked for. */
import type { Context } from '../context.js';
import type { BindEnv, BindResult } from '../module.js';
import { CORE_SELECTS } from '../selects/index.js';
import { closest } from '../suggest.js';
import type { Value } from '../values.js';

const PART = /\.?([A-Za-z_][A-Za-z0-9_-]*)|\[(-?\d+)\]|\["([^"]*)"\]|\.(\d+)/y;

/** Cuts a path into names and indexes; undefined where it is none. */
export function selectPath(text: string): (string | number)[] | undefined {
  const out: (string | number)[] = [];
  let at = 0;
  while (at < text.length) {
    PART.lastIndex = at;
    const m = PART.exec(text);
    if (m === null || (at === 0) !== (m[1] !== undefined && text[0] !== '.' && at === 0)) return undefined;
    if (at > 0 && m[1] !== undefined && text[at] !== '.') return undefined;
    out.push(m[2] !== undefined ? Number(m[2]) : (m[1] ?? m[3] ?? m[4] ?? ''));
    at = PART.lastIndex;
  }
  return out.length === 0 ? undefined : out;
}

/** Binds `@sel.a.b[1]` (the `@` may be missing, as in `$sel(a.b)`). */
export function bindSelect(text: string, env: BindEnv): BindResult<(ctx: Context) => Value> {
  const path = selectPath(text[0] === '@' ? text.slice(1) : text);
  const name = path?.[0];
  if (path === undefined || typeof name !== 'string') return { error: `'${text}' is no select` };
  const definition = env.catalog.select([name]) ?? CORE_SELECTS[name];
  if (definition !== undefined) return definition.bind(path.slice(1), env);
  const near = closest(name, Object.keys(CORE_SELECTS));
  return { error: `unknown select '${text}'`, ...(near === undefined ? {} : { hint: `did you mean @${near}?` }) };
}
