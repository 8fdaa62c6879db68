/** Texts that hold variables, bound to one getter. */
import type { Context } from '../context.js';
import type { BindEnv, BindResult, PvAccessor } from '../module.js';
import { printed, type Value } from '../values.js';
import { variableEnd } from './scan.js';
import { bindVariable } from './variable.js';

export interface Format {
  /** The text when nothing in it varies. */
  readonly constant?: string;
  /** The text; null inside prints `<null>`, a failed read as nothing. */
  readonly get: (ctx: Context) => string;
  /** The one variable that is the whole text. */
  readonly single?: PvAccessor;
}

/** Binds a text with variables; `$$` is one `$`. */
export function bindFormat(text: string, env: BindEnv): BindResult<Format> {
  const texts: string[] = [];
  const variables: PvAccessor[] = [];
  let literal = '';
  let at = 0;
  for (;;) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) break;
    literal += text.slice(at, dollar);
    const end = variableEnd(text, dollar);
    if (end < 0) return unfinished(text, dollar);
    at = end;
    if (text[dollar + 1] === '$') {
      literal += '$';
      continue;
    }
    const bound = bindVariable(text.slice(dollar, end), env, { quoted: true });
    if ('error' in bound) return bound;
    texts.push(literal);
    variables.push(bound.ok);
    literal = '';
  }
  texts.push(literal + text.slice(at));
  return { ok: formatOf(texts, variables) };
}

function unfinished(text: string, dollar: number): { error: string; hint: string } {
  const alone = dollar === text.length - 1;
  return {
    error: alone
      ? "a '$' stands alone at the end of the text"
      : `a parenthesis is not closed in '${text.slice(dollar)}'`,
    hint: 'a $ itself is written $$',
  };
}

function formatOf(texts: readonly string[], variables: readonly PvAccessor[]): Format {
  const [first, second] = texts;
  const single = variables[0];
  if (single === undefined || first === undefined) {
    const constant = first ?? '';
    return { constant, get: () => constant };
  }
  const get = getter(
    texts,
    variables.map((v) => v.get),
  );
  return variables.length === 1 && first === '' && second === '' ? { get, single } : { get };
}

type Get = (ctx: Context) => Value;

/** `texts` is one longer than `gets`. The usual sizes are written out: no loop and no array while a message runs. */
function getter(texts: readonly string[], gets: readonly Get[]): (ctx: Context) => string {
  const [t0 = '', t1 = '', t2 = '', t3 = '', t4 = ''] = texts;
  const [g0, g1, g2, g3] = gets;
  if (g0 === undefined) return () => t0;
  if (g1 === undefined) return t0 === '' && t1 === '' ? (ctx) => printed(g0(ctx)) : (ctx) => t0 + printed(g0(ctx)) + t1;
  if (g2 === undefined) return (ctx) => t0 + printed(g0(ctx)) + t1 + printed(g1(ctx)) + t2;
  if (g3 === undefined) return (ctx) => t0 + printed(g0(ctx)) + t1 + printed(g1(ctx)) + t2 + printed(g2(ctx)) + t3;
  const head = (ctx: Context) =>
    t0 + printed(g0(ctx)) + t1 + printed(g1(ctx)) + t2 + printed(g2(ctx)) + t3 + printed(g3(ctx)) + t4;
  if (gets.length === 4) return head;
  const tail = getter(['', ...texts.slice(5)], gets.slice(4));
  return (ctx) => head(ctx) + tail(ctx);
}
