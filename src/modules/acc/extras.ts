/** Values of the script beside the fixed ones: log_extra, db_extra, multi_leg_info. */
import type { Context } from '../../runtime/context.js';
import { variableEnd } from '../../runtime/format/scan.js';
import { bindVariable } from '../../runtime/format.js';
import { allAvps, avpKey } from '../../runtime/message-env.js';
import { type BindEnv, type BindResult, toText, type Value } from '../../runtime/module.js';

export interface Extra {
  readonly name: string;
  readonly get: (ctx: Context) => Value;
  /** What stands in the variable's parentheses: the dialog variable that a record without message takes. */
  readonly key: string;
}

/** One value of each call leg: the AVP of that key has one for each. */
export interface Leg {
  readonly name: string;
  readonly key: string;
}

interface Pair {
  readonly name: string;
  readonly variable: string;
}

/** `name=$variable;name=$variable`, blanks around each part; no semicolon at the end. */
function parsePairs(text: string): BindResult<readonly Pair[]> {
  const out: Pair[] = [];
  let at = 0;
  while (at < text.length) {
    const head = HEAD.exec(text.slice(at));
    if (head === null) return { error: `'${text.slice(at)}' does not begin with name=$variable` };
    const start = at + head[0].length;
    const end = variableEnd(text, start);
    if (end < 0) return { error: `a parenthesis in '${text.slice(start)}' is not closed` };
    out.push({ name: head[1]!, variable: text.slice(start, end) });
    const rest = text.slice(end);
    const blanks = rest.length - rest.trimStart().length;
    at = end + blanks;
    if (at === text.length) break;
    if (text[at] !== ';' || at + 1 === text.length) return { error: `unexpected '${text.slice(at)}'` };
    at++;
  }
  return { ok: out };
}

const HEAD = /^\s*([^\s=]+)\s*=\s*(?=\$)/;

export function bindExtras(text: string, env: BindEnv): BindResult<readonly Extra[]> {
  const pairs = parsePairs(text);
  if ('error' in pairs) return pairs;
  const out: Extra[] = [];
  for (const { name, variable } of pairs.ok) {
    const bound = bindVariable(variable, env, { quoted: true });
    if ('error' in bound) return bound;
    out.push({ name, get: bound.ok.get, key: /^\$\(?\w+\(([^()]*)\)/.exec(variable)?.[1] ?? '' });
  }
  return { ok: out };
}

const MAX_LEGS = 16;

export function bindLegs(text: string): BindResult<readonly Leg[]> {
  const pairs = parsePairs(text);
  if ('error' in pairs) return pairs;
  if (pairs.ok.length > MAX_LEGS) return { error: `more than ${MAX_LEGS} values` };
  const out: Leg[] = [];
  for (const { name, variable } of pairs.ok) {
    const key = avpKey(/^\$avp\((.+)\)$/.exec(variable)?.[1] ?? '');
    if (key === undefined) return { error: `${variable} is no AVP` };
    out.push({ name, key });
  }
  return { ok: out };
}

/** A name, and its text or null. */
export type Field = readonly [name: string, value: string | null];

export function readExtras(extras: readonly Extra[], ctx: Context): Field[] {
  return extras.map(({ name, get }) => {
    const value = get(ctx);
    return [name, value === null || value === undefined ? null : toText(value)];
  });
}

/** The legs of the call: one at least where there are names of values, be they all null. */
export function readLegs(legs: readonly Leg[], ctx: Context): Field[][] {
  if (legs.length === 0) return [];
  const values = legs.map(({ key }) => allAvps(ctx.env, key));
  const count = Math.max(1, ...values.map((list) => list.length));
  return Array.from({ length: count }, (_, i) =>
    legs.map(({ name }, n): Field => {
      const value = values[n]![i]?.value;
      return [name, value === undefined || value === null ? null : toText(value)];
    }),
  );
}
