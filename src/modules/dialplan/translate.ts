/** Finds the rule for a text and makes its output. */
import type { Context } from '../../runtime/context.js';
import { type Host, LEVEL } from '../../runtime/module.js';
import type { Pcre } from '../regex/pcre.js';
import { build, type Replacement } from './replacement.js';
import type { LengthRules, Rule } from './rules.js';

export interface Translated {
  readonly rule: Rule;
  /** Empty: nothing is to be written. */
  readonly output: string;
}

/** Longest attributes of a rule. */
const MAX_ATTRS = 254;

function complain(host: Host, text: string): undefined {
  host.log.write(LEVEL.ERR, 'dialplan', `${text}\n`);
}

/** The rules for the length of the text come first, then those for any length. */
function findRule(lengths: readonly LengthRules[], input: string, ctx: Context | undefined): Rule | undefined {
  for (const { length, rules } of lengths) {
    if (length !== 0 && length !== input.length) continue;
    for (const rule of rules) if (rule.matches(input, ctx)) return rule;
  }
  return undefined;
}

/** Undefined: no rule, or one whose output cannot be made. Without `wantsOutput` only the rule is looked for. */
export function translate(
  host: Host,
  lengths: readonly LengthRules[],
  input: string,
  ctx: Context | undefined,
  wantsOutput = true,
): Translated | undefined {
  if (input === '') {
    host.log.write(LEVEL.WARN, 'dialplan', 'invalid or empty input string to be matched\n');
    return undefined;
  }
  const rule = findRule(lengths, input, ctx);
  if (rule === undefined) return undefined;
  if (rule.attrs.length > MAX_ATTRS) return complain(host, 'out of memory for attributes');
  if (!wantsOutput) return { rule, output: '' };
  const output = outputOf(host, rule, input, ctx);
  return output === undefined ? undefined : { rule, output };
}

function outputOf(host: Host, rule: Rule, input: string, ctx: Context | undefined): string | undefined {
  const { replacement, subst, lateSubst } = rule;
  if (lateSubst) return lateOutput(host, rule, input, ctx);
  if (replacement === null) return '';
  const pcre = subst?.(ctx)[0];
  return substituted(host, replacement, pcre, input, ctx) ?? complain(host, 'could not build the output');
}

/** With variables in the expression, one that does not match changes nothing and is no failure (5.6.3). */
function lateOutput(host: Host, rule: Rule, input: string, ctx: Context | undefined): string | undefined {
  const expressions = rule.subst?.(ctx) ?? [];
  if (expressions.length === 0) return undefined;
  if (rule.replacement === null) return '';
  for (const pcre of expressions) {
    const output = substituted(host, rule.replacement, pcre, input, ctx);
    if (output !== undefined) return output;
  }
  complain(host, `the string ${input} matched the match_exp ${rule.matchExp} but not the subst_exp ${rule.substExp}!`);
  return '';
}

function substituted(
  host: Host,
  replacement: Replacement,
  pcre: Pcre | undefined,
  input: string,
  ctx: Context | undefined,
): string | undefined {
  if (pcre === undefined) return replacement.source;
  if (replacement.highestGroup > pcre.groupCount)
    return complain(
      host,
      `illegal access to ${replacement.highestGroup}-th subexpr of subst expr (max ${pcre.groupCount})`,
    );
  const groups = pcre.exec(input);
  if (groups === undefined) return undefined;
  if (!replacement.hasEscapes) return replacement.source;
  return build(replacement, { ctx, input, groups }) ?? complain(host, 'overflow');
}
