/** `/re/replacement/flags`, as textops' subst functions, `{re.subst}` and others take it. */
import type { Context } from './context.js';
import { variableEnd } from './format/scan.js';
import { bindVariable } from './format/variable.js';
import type { BindEnv, BindResult } from './module.js';
import { compileRegex, type Regex, type RegexMatch } from './regex.js';
import { toText } from './values.js';

/** One place to replace: offsets in the text that was searched. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Substitution {
  readonly regex: Regex;
  /** Flag g. */
  readonly all: boolean;
  /** What is to be replaced, in order; empty: no match. Undefined: it fails, because the pattern matched nothing at all. */
  find(ctx: Context, text: string): Replacement[] | undefined;
  /** The text with all replacements made; null: no match, undefined: it fails. */
  apply(ctx: Context, text: string): string | null | undefined;
}

/**
 * Reads a substitution. The first character separates. Flags: i ignores case, g replaces every match, s lets `.` and
 * `[^x]` match newlines and `^`, `$` only at the ends.
 */
export function parseSubstitution(source: string, env: BindEnv): BindResult<Substitution> {
  const separator = source[0];
  if (source.length < 3 || separator === undefined) return { error: `the expression '${source}' is too short` };
  if (separator === '\\') return { error: `a backslash cannot separate the parts of '${source}'` };
  const patternEnd = endOfPattern(source, separator);
  if (patternEnd < 0) return { error: `no separator ${separator} after the pattern in '${source}'` };
  const template = parseTemplate(source, patternEnd + 1, separator, env);
  if ('error' in template) return template;
  const flags = source.slice(template.ok.end + 1);
  const unknown = /[^igs]/.exec(flags);
  if (unknown !== null) return { error: `unknown flag ${unknown[0]} in '${source}'` };
  const pattern = source.slice(1, patternEnd);
  const regex = compileRegex(pattern, { ignoreCase: flags.includes('i'), newline: !flags.includes('s') });
  if ('error' in regex) return { error: `bad regular expression '${pattern}': ${regex.error}` };
  return { ok: substitution(regex.ok, flags.includes('g'), template.ok.pieces) };
}

function endOfPattern(source: string, separator: string): number {
  for (let at = source.indexOf(separator, 1); at >= 0; at = source.indexOf(separator, at + 1)) {
    if (source[at - 1] !== '\\') return at;
  }
  return -1;
}

/** A part of the replacement: text, or what makes text of a match. */
type Piece = string | ((ctx: Context, text: string, match: RegexMatch) => string);

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\', n: '\n', r: '\r', t: '\t', $: '$' };

function parseTemplate(
  source: string,
  from: number,
  separator: string,
  env: BindEnv,
): BindResult<{ pieces: Piece[]; end: number }> {
  const pieces: Piece[] = [];
  let literal = '';
  let at = from;
  const push = (piece: Piece) => {
    if (literal !== '') pieces.push(literal);
    literal = '';
    pieces.push(piece);
  };
  for (; at < source.length && source[at] !== separator; at++) {
    const c = source[at]!;
    if (c === '\\' && at + 1 < source.length) {
      const escaped = unescaped(source[++at]!);
      if (typeof escaped === 'string') literal += escaped;
      else push(escaped);
    } else if (c === '$') {
      const end = variableEnd(source, at);
      const bound = bindVariable(source.slice(at, end < 0 ? undefined : end), env, { quoted: true });
      if ('error' in bound) return bound;
      const { get } = bound.ok;
      push((ctx) => toText(get(ctx)));
      at = end - 1;
    } else if (c !== '\\') literal += c;
  }
  if (at >= source.length) return { error: `no separator ${separator} after the replacement in '${source}'` };
  if (literal !== '') pieces.push(literal);
  return { ok: { pieces, end: at } };
}

/** What stands after a backslash: a group's number, `u` for the request URI, or a character. */
function unescaped(c: string): Piece {
  if (c >= '0' && c <= '9') return group(Number(c));
  if (c === 'u') return (ctx) => (ctx.msg.isRequest ? ctx.msg.uri : '');
  return (Object.hasOwn(ESCAPES, c) ? ESCAPES[c] : undefined) ?? c;
}

function group(n: number): Piece {
  return (_ctx, text, match) => {
    const range = match.groups[n];
    return range === undefined || range[0] < 0 ? '' : text.slice(range[0], range[1]);
  };
}

function substitution(regex: Regex, all: boolean, pieces: readonly Piece[]): Substitution {
  const [only] = pieces;
  const constant = pieces.length === 0 ? '' : pieces.length === 1 && typeof only === 'string' ? only : undefined;
  const build = (ctx: Context, text: string, match: RegexMatch): string => {
    if (constant !== undefined) return constant;
    let out = '';
    for (const piece of pieces) out += typeof piece === 'string' ? piece : piece(ctx, text, match);
    return out;
  };
  const find = (ctx: Context, text: string): Replacement[] | undefined => {
    const out: Replacement[] = [];
    let at = 0;
    do {
      const match = regex.exec(text, at, at > 0 && !afterLine(text, at));
      if (match === undefined) break;
      if (match.start === match.end) return undefined;
      out.push({ start: match.start, end: match.end, text: build(ctx, text, match) });
      at = match.end;
    } while (all);
    return out;
  };
  return {
    regex,
    all,
    find,
    apply(ctx, text) {
      const found = find(ctx, text);
      if (found === undefined) return undefined;
      return found.length === 0 ? null : applied(text, found);
    },
  };
}

/** `^` matches in the rest of the text only after a line's end. */
function afterLine(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  return before === 10 || before === 13;
}

function applied(text: string, replacements: readonly Replacement[]): string {
  let out = '';
  let at = 0;
  for (const { start, end, text: by } of replacements) {
    out += text.slice(at, start) + by;
    at = end;
  }
  return out + text.slice(at);
}
