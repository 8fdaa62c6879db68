/** #!subst rules: `/expression/replacement/flags` with any separator (language.md, section 3). */
import { posixRegExp } from './posix.js';

export interface SubstRule {
  readonly apply: (text: string) => string;
  /** The text between the first two separators: the name that #!substdef defines. */
  readonly name: string;
  /** The text between the second and the third separator, as written: the value that #!substdef defines. */
  readonly value: string;
}

type Evaluate = (text: string) => string | undefined;

/** The rule of a directive's string, or what is wrong with it. */
export function parseSubst(text: string, evaluate: Evaluate = () => undefined): SubstRule | { readonly error: string } {
  if (text.length < 3) return { error: `expression is too short: ${text}` };
  const separator = text.charAt(0);
  if (separator === '\\') return { error: `invalid separator char <\\> in ${text}` };
  const nameEnd = unescaped(text, separator, 1);
  if (nameEnd < 0) return { error: `no separator found: ${text}` };
  const replacement = parseReplacement(text, separator, nameEnd + 1, evaluate);
  if (!replacement) return { error: `missing separator: ${text.slice(nameEnd)}` };
  const flags = text.slice(replacement.end + 1);
  const unknown = /[^igs]/.exec(flags);
  if (unknown) return { error: `unknown flag ${unknown[0]} in ${text}` };
  const name = text.slice(1, nameEnd);
  const regexp = posixRegExp(name, {
    ignoreCase: flags.includes('i'),
    global: flags.includes('g'),
    newline: !flags.includes('s'),
  });
  if (!regexp) return { error: `bad regular expression ${name} in ${text}` };
  const { build, end } = replacement;
  return {
    name,
    value: text.slice(nameEnd + 1, end),
    // The callback also gets the offset and the whole text, behind the groups.
    apply: (token) => token.replace(regexp, (...match) => build((match as readonly unknown[]).slice(0, -2))),
  };
}

/** Index of the next separator without a backslash before it, or -1. */
function unescaped(text: string, separator: string, from: number): number {
  for (let i = text.indexOf(separator, from); i >= 0; i = text.indexOf(separator, i + 1)) {
    if (text.charAt(i - 1) !== '\\') return i;
  }
  return -1;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

interface Replacement {
  readonly build: (match: readonly unknown[]) => string;
  /** Index of the separator behind it. */
  readonly end: number;
}

function parseReplacement(text: string, separator: string, from: number, evaluate: Evaluate): Replacement | undefined {
  const parts: (string | number | { readonly variable: string })[] = [];
  let literal = '';
  const push = (part: number | { readonly variable: string }) => {
    if (literal !== '') parts.push(literal);
    literal = '';
    parts.push(part);
  };
  let i = from;
  for (; i < text.length; i += 1) {
    const c = text.charAt(i);
    if (c === separator) break;
    const next = text.charAt(i + 1);
    if (c === '\\' && next !== '') {
      if (/\d/.test(next)) push(Number(next));
      else literal += ESCAPES[next] ?? next;
      i += 1;
    } else if (c === '$') {
      const variable = /^\$(\w+\([^)]*\)|\w+|\([^)]*\))/.exec(text.slice(i))?.[0] ?? '$';
      push({ variable });
      i += variable.length - 1;
    } else literal += c;
  }
  if (literal !== '') parts.push(literal);
  if (i >= text.length) return undefined;
  const build = (match: readonly unknown[]) =>
    parts
      .map((part) => {
        if (typeof part === 'string') return part;
        if (typeof part === 'number') return typeof match[part] === 'string' ? match[part] : '';
        return evaluate(part.variable) ?? part.variable;
      })
      .join('');
  return { build, end: i };
}
