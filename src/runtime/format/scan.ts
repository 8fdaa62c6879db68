/** The spelling of variables: where one ends in a text, and of what parts it is made. Knows no names. */

/** One `{class.name,…}`, as written. */
export interface TransformationText {
  readonly cls: string;
  readonly name: string;
  /** What follows the name, from the first comma on, without the closing brace. */
  readonly rest: string;
}

/** `$(name(key)[index]{class.name,rest}…)` taken apart. */
export interface VariableText {
  readonly name: string;
  readonly key?: string;
  readonly index?: string;
  readonly transformations: readonly TransformationText[];
}

export type Scanned<T> = { readonly ok: T } | { readonly error: string };

const DOLLAR = 36;
const OPEN = 40;
const CLOSE = 41;

function isNameChar(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c === 46 || c === 63;
}

function nameEnd(text: string, at: number): number {
  let i = at;
  while (i < text.length && isNameChar(text.charCodeAt(i))) i++;
  return i;
}

/** Offset after the bracket that closes the one at `at`; -1 when nothing does. */
export function matching(text: string, at: number, open: number, close: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === open) depth++;
    else if (c === close && --depth === 0) return i + 1;
  }
  return -1;
}

/**
 * Offset after the variable that begins with the `$` at `at`; -1 when its parenthesis never closes or nothing stands
 * behind the `$`. Parentheses are counted wherever they stand, as Kamailio counts them: in keys and arguments too.
 */
export function variableEnd(text: string, at: number): number {
  const next = text.charCodeAt(at + 1);
  if (Number.isNaN(next)) return -1;
  if (next === DOLLAR) return at + 2;
  if (next === OPEN) return matching(text, at + 1, OPEN, CLOSE);
  const end = nameEnd(text, at + 1);
  return text.charCodeAt(end) === OPEN ? matching(text, end, OPEN, CLOSE) : end;
}

/** Takes apart the text of exactly one variable, as `variableEnd` cut it out. */
export function parseVariable(text: string): Scanned<VariableText> {
  if (text.charCodeAt(1) !== OPEN) return parsePlain(text);
  const inner = text.slice(2, -1);
  let at = nameEnd(inner, 0);
  const name = inner.slice(0, at);
  let key: string | undefined;
  let index: string | undefined;
  if (inner[at] === '(') {
    const end = matching(inner, at, OPEN, CLOSE);
    if (end < 0) return { error: 'a parenthesis is not closed' };
    key = inner.slice(at + 1, end - 1);
    at = end;
  }
  if (inner[at] === '[') {
    const end = matching(inner, at, 91, 93);
    if (end < 0) return { error: 'a bracket is not closed' };
    index = inner.slice(at + 1, end - 1);
    if (index === '') return { error: 'the index is empty' };
    at = end;
  }
  const transformations = parseTransformations(inner, at);
  if ('error' in transformations) return transformations;
  return {
    ok: {
      name,
      ...(key === undefined ? {} : { key }),
      ...(index === undefined ? {} : { index }),
      transformations: transformations.ok,
    },
  };
}

function parsePlain(text: string): Scanned<VariableText> {
  const at = nameEnd(text, 1);
  const name = text.slice(1, at);
  if (name === '') return { error: 'a name must follow the $ (a $ itself is written $$)' };
  if (at === text.length) return { ok: { name, transformations: [] } };
  return { ok: { name, key: text.slice(at + 1, -1), transformations: [] } };
}

function parseTransformations(inner: string, from: number): Scanned<TransformationText[]> {
  const out: TransformationText[] = [];
  let at = from;
  while (at < inner.length) {
    if (inner[at] !== '{') return { error: `'${inner[at]}' cannot stand here` };
    const end = matching(inner, at, 123, 125);
    if (end < 0) return { error: 'a brace is not closed' };
    const one = parseTransformation(inner.slice(at + 1, end - 1));
    if ('error' in one) return one;
    out.push(one.ok);
    at = end;
    while (at < inner.length && (inner[at] === ' ' || inner[at] === '\t')) at++;
  }
  return { ok: out };
}

function parseTransformation(text: string): Scanned<TransformationText> {
  const dot = text.indexOf('.');
  if (dot <= 0) return { error: `a transformation is written {class.name}, not {${text}}` };
  const comma = text.indexOf(',', dot);
  const stop = comma < 0 ? text.length : comma;
  return { ok: { cls: text.slice(0, dot), name: text.slice(dot + 1, stop).trim(), rest: text.slice(stop) } };
}

/** One argument of a transformation as written: a variable, or text without its leading blanks. */
export interface ArgText {
  readonly variable: boolean;
  readonly text: string;
}

/** Cuts `,a,$var(b)` into arguments: a text ends at a comma, tab or newline (variables.md, section 6). */
export function splitArguments(rest: string): Scanned<ArgText[]> {
  const out: ArgText[] = [];
  let at = 0;
  while (at < rest.length) {
    if (rest[at] !== ',') return { error: `'${rest.slice(at)}' cannot follow an argument` };
    at = skipBlanks(rest, at + 1);
    const variable = rest[at] === '$';
    const end = variable ? variableEnd(rest, at) : textEnd(rest, at);
    if (end < 0) return { error: `a variable in '${rest}' is not closed` };
    out.push({ variable, text: rest.slice(at, end) });
    at = skipBlanks(rest, end);
  }
  return { ok: out };
}

function skipBlanks(s: string, from: number): number {
  let at = from;
  while (at < s.length && (s[at] === ' ' || s[at] === '\t' || s[at] === '\n')) at++;
  return at;
}

function textEnd(s: string, from: number): number {
  let at = from;
  while (at < s.length && s[at] !== ',' && s[at] !== '\t' && s[at] !== '\n') at++;
  return at;
}
