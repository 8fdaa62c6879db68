/** Expressions of rules: made when the rules are loaded, or, with `match_dynamic`, from variables at each use. */
import type { Context } from '../../runtime/context.js';
import { variableEnd } from '../../runtime/format/scan.js';
import { bindFormat, bindVariable } from '../../runtime/format.js';
import { allAvps, avpKey } from '../../runtime/message-env.js';
import { type BindEnv, LEVEL, toText } from '../../runtime/module.js';
import { PcreCache } from '../regex/cache.js';
import type { Pcre, PcreFlags } from '../regex/pcre.js';

export const FLAGS: PcreFlags = {
  ignoreCase: false,
  multiline: false,
  dotAll: false,
  extended: false,
  ungreedy: false,
};

/** Expressions of which one has to match; none: the rule is passed over. `ctx` is missing for an RPC command. */
export type Pattern = (ctx: Context | undefined) => readonly Pcre[];

/** `$(avp(name)[+])`: the expression is made with each value of the AVP. */
const EACH_VALUE = /\$\(avp\(([^()]*)\)\[\+\]\)/g;

/** Does a variable stand in the text? */
export function hasVariables(text: string, env: BindEnv): boolean {
  if (text.search(EACH_VALUE) >= 0) return true;
  for (let at = text.indexOf('$'); at >= 0; at = text.indexOf('$', at + 1)) {
    const end = variableEnd(text, at);
    if (end > 0 && 'ok' in bindVariable(text.slice(at, end), env, { quoted: true })) return true;
  }
  return false;
}

/** A lone `$` at the very end stays what it is for PCRE. */
function withLastDollar(text: string): string {
  return /[^$]\$$/.test(text) ? `${text}$` : text;
}

export function patternWithVariables(source: string, env: BindEnv): Pattern {
  const cache = new PcreCache(FLAGS);
  const text = withLastDollar(source);
  const each = [...text.matchAll(EACH_VALUE)];
  const key = each.length === 1 ? avpKey(each[0]![1]!) : undefined;
  const parts = key === undefined ? [text] : text.split(each[0]![0]);
  const formats = parts.map((part) => bindFormat(part, env));
  const gets = formats.flatMap((f) => ('ok' in f ? [f.ok.get] : []));
  if (gets.length < parts.length) return () => [];
  const compiled = (ctx: Context, expression: string): Pcre[] => {
    const made = cache.compile(expression);
    if ('ok' in made) return [made.ok];
    ctx.host.log.write(LEVEL.ERR, 'dialplan', `failed to compile pcre expression: ${source} (${expression})\n`);
    return [];
  };
  return (ctx) => {
    if (ctx === undefined) return [];
    const texts = gets.map((get) => get(ctx));
    if (key === undefined) return compiled(ctx, texts[0]!);
    // the oldest value comes first
    const values = allAvps(ctx.env, key).map((avp) => texts.join(toText(avp.value)));
    return values.reverse().flatMap((value) => compiled(ctx, value));
  };
}
