/** Names of the class `s` that cut, search and spell texts (variables.md, section 6). */
import { coreHash } from '../corehash.js';
import { bindVariable } from '../format/variable.js';
import type { BindEnv, BindResult, Transform } from '../module.js';
import { localTime, strftime } from '../strftime.js';
import { Dual, type Value } from '../values.js';
import { type Arg, argument, charArg, numberArg, textArg } from './arguments.js';
import { anyText, applied, type Entry, onText, plain, withOne, withTwo } from './common.js';

/** Longest text that a transformation may give (Kamailio's buffer). */
export const MAX_RESULT = 65535;

function substr(text: string, offset: number, length: number): Value {
  if (length < 0) return undefined;
  const start = offset < 0 ? text.length + offset : offset;
  if (start < 0 || start >= text.length) return undefined;
  return length === 0 ? text.slice(start) : text.slice(start, start + length);
}

function part(text: string, index: number, separator: string): string {
  if (index < 0) return partFromEnd(text, -index - 1, separator);
  let start = 0;
  for (let i = 0; i < index; i++) {
    const at = text.indexOf(separator, start);
    if (at < 0) return '';
    start = at + 1;
  }
  const end = text.indexOf(separator, start);
  return end < 0 ? text.slice(start) : text.slice(start, end);
}

function partFromEnd(text: string, index: number, separator: string): string {
  let end = text.length;
  for (let i = 0; i < index; i++) {
    end = end === 0 ? -1 : text.lastIndexOf(separator, end - 1);
    if (end < 0) return '';
  }
  return text.slice(end === 0 ? 0 : text.lastIndexOf(separator, end - 1) + 1, end);
}

const SELECT_ESCAPES: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r', '\\t': '\t' };

/** `,index,character`: the character may be a comma or a blank. */
function bindSelect(rest: string, env: BindEnv): BindResult<Transform> {
  const m = /^,[ \t\n]*([+-]? *\d+|\$.+?)[ \t\n]*,(\\?[\s\S])[ \t\n]*$/.exec(rest);
  if (m === null) return { error: 'it takes an index and one character' };
  const separator = m[2]!.length === 1 ? m[2]! : SELECT_ESCAPES[m[2]!];
  if (separator === undefined || (separator === '\\' && m[2]!.length === 1))
    return { error: `unexpected escape ${m[2]}` };
  const index = indexArg(m[1]!, env);
  if ('error' in index) return index;
  return { ok: applied(anyText, index.ok, (text, i) => part(text, i, separator)) };
}

function indexArg(text: string, env: BindEnv): BindResult<Arg<number>> {
  if (text[0] !== '$') return numberArg({ kind: 'number', text, value: Number(text.replace(/ /g, '')) });
  const bound = bindVariable(text, env, { quoted: true });
  return 'error' in bound ? bound : numberArg({ kind: 'variable', text, get: bound.ok.get });
}

function count(text: string, c: string): number {
  let n = 0;
  for (let at = text.indexOf(c); at >= 0; at = text.indexOf(c, at + 1)) n++;
  return n;
}

/** A name whose argument is one character. */
function withChar(doc: string, of: (text: string, c: string) => Value): Entry {
  return {
    doc,
    ownGrammar: true,
    bind(_args, rest, env) {
      const c = charArg(rest, env);
      return 'error' in c ? c : { ok: applied(anyText, c.ok, of) };
    },
  };
}

const before = (text: string, at: number): string => (at < 0 ? text : text.slice(0, at));
const after = (text: string, at: number): string => (at < 0 ? '' : text.slice(at + 1));

function strip(text: string, n: number): string {
  return n <= 0 ? text : text.slice(n);
}

function stripTail(text: string, n: number): string {
  return n <= 0 ? text : text.slice(0, Math.max(0, text.length - n));
}

/** An optional number: how many prefixes, how large a table. */
function optionalNumber(doc: string, of: (text: string, n: number) => Value): Entry {
  return {
    doc,
    bind(args) {
      if (args.length > 1) return { error: 'it takes one argument at most' };
      if (args.length === 0) return { ok: onText(anyText, (text) => of(text, 0)) };
      const n = numberArg(args[0]);
      return 'error' in n ? n : { ok: applied(anyText, n.ok, of) };
    },
  };
}

function prefixes(text: string, max: number, quote: string): Value {
  const n = max > 0 && max < text.length ? max : text.length;
  if (n * (Math.trunc(n / 2) + (quote === '' ? 3 : 1)) > MAX_RESULT) return undefined;
  let out = '';
  for (let i = 1; i <= n; i++) out += `${i === 1 ? '' : ','}${quote}${text.slice(0, i)}${quote}`;
  return out;
}

/** `what` with its escapes read; a literal one only. */
const RM_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const unescaped = (text: string): string => text.replace(/\\([\s\S])/g, (_, c: string) => RM_ESCAPES[c] ?? c);

const replaced = (text: string, what: string, by: string): string =>
  what === '' ? text : text.replaceAll(what, () => by);

const OPENING = `([{<`;
const CLOSING = `)]}>`;

function unbracketed(text: string): string {
  const at = text.length < 2 ? -1 : OPENING.indexOf(text[0]!);
  return at >= 0 && text.endsWith(CLOSING[at]!) ? text.slice(1, -1) : text;
}

function unquoted(text: string): string {
  const quote = text[0];
  return text.length >= 2 && (quote === '"' || quote === "'") && text.endsWith(quote) ? text.slice(1, -1) : text;
}

/** Folds before each of the characters 1 to n-1, as 5.6.3 does (it was meant to fold after every n). */
function foldedLines(text: string, n: number, m: number, pad: string): Value {
  if (n <= 0 || m < 0 || text.length + Math.trunc(text.length / n) * (2 + m) > MAX_RESULT - 1) return undefined;
  const head = Math.min(n, text.length);
  // Kamailio's own check counts other folds than those it makes: this one is for what comes out.
  if (text.length + Math.max(0, head - 1) * (2 + m) > MAX_RESULT) return undefined;
  const fold = head < 2 ? '' : `\r\n${pad.repeat(m)}`;
  if (m >= text.length) return foldedInPlace(text, n, fold);
  return text.slice(0, head).split('').join(fold) + text.slice(head);
}

/** With as many blanks as the text has characters it is read from the buffer that is written. */
function foldedInPlace(text: string, n: number, fold: string): string {
  const buffer = text.split('');
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    if (i > 0 && i < n) for (const c of fold) buffer[at++] = c;
    buffer[at++] = buffer[i] ?? '';
  }
  return buffer.slice(0, at).join('');
}

function negative(...places: number[]) {
  return (args: readonly { kind: string; value?: number }[]): string | undefined =>
    places.some((i) => (args[i]?.value ?? 0) < 0) ? 'the length is negative' : undefined;
}

/** Number of a text made wholly of digits and a sign; a lone sign is 0. It keeps its spelling. */
function int(value: Value): Value {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'number') return value;
  if (value instanceof Dual) return exact(value.text, value.int);
  const m = /^([+-]?)(\d*)$/.exec(value);
  const n = m === null ? Number.NaN : Number(`${m[1] === '-' ? '-' : ''}${m[2] === '' ? 0 : m[2]}`);
  return n >= -2147483648 && n <= 2147483647 ? exact(value, n | 0) : undefined;
}

function exact(text: string, n: number): Value {
  return text === `${n}` ? n : new Dual(text, n, true);
}

function ftime(value: Value, format: string): Value {
  const seconds = typeof value === 'number' ? value : value instanceof Dual ? value.int : unsigned(value ?? null);
  return seconds === undefined ? undefined : strftime(format, localTime((seconds | 0) * 1000));
}

function unsigned(text: string | null): number | undefined {
  const m = text === null ? null : /^\+?(\d*)$/.exec(text);
  const n = m === null ? Number.NaN : Number(m[1]);
  return n <= 4294967295 ? n : undefined;
}

const WS = /[ \t\r\n]+/g;

function isBlank(c: number): boolean {
  return c === 32 || c === 9 || c === 13 || c === 10;
}

/** Offset after the blanks that a text begins with. */
function blankEnd(text: string): number {
  let at = 0;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Offset of the blanks that a text ends with. */
function blankStart(text: string): number {
  let at = text.length;
  while (at > 0 && isBlank(text.charCodeAt(at - 1))) at--;
  return at;
}

export const S_TEXT: Readonly<Record<string, Entry>> = {
  len: plain('Length in bytes, an int.', anyText, (text) => text.length),
  int: {
    doc: 'The text as an int; it must be wholly a number, with a sign perhaps. It prints as it was spelt.',
    bind: (args) => (args.length > 0 ? { error: 'it takes no argument' } : { ok: int }),
  },
  tolower: plain('ASCII letters in lower case.', anyText, (text) => text.replace(/[A-Z]+/g, (s) => s.toLowerCase())),
  toupper: plain('ASCII letters in upper case.', anyText, (text) => text.replace(/[a-z]+/g, (s) => s.toUpperCase())),
  numeric: plain('The digits of the text, the rest left out.', anyText, (text) => text.replace(/[^0-9]+/g, '')),
  substr: withTwo(
    'Part of the text from an offset on, so many bytes long; a negative offset counts from the end, length 0 is the rest. An offset outside the text fails.',
    anyText,
    numberArg,
    numberArg,
    substr,
    negative(1),
  ),
  select: {
    doc: 'The i-th of the parts that a character separates, from 0; a negative index counts from the end. The character may be `\\t`, `\\n`, `\\r`, `\\\\`. Empty when there is no such part.',
    ownGrammar: true,
    bind: (_args, rest, env) => bindSelect(rest, env),
  },
  strip: withOne('Without its first n bytes.', anyText, numberArg, strip),
  striptail: withOne('Without its last n bytes.', anyText, numberArg, stripTail),
  stripto: withOne('From the first such character on; empty when it is absent.', anyText, textArg, (text, c) => {
    const at = text.indexOf(c[0] ?? '}');
    return at < 0 ? '' : text.slice(at);
  }),
  prefixes: optionalNumber('All prefixes of the text, with commas between: `1,12,123`; at most n of them.', (text, n) =>
    prefixes(text, n, ''),
  ),
  'prefixes.quoted': optionalNumber("As `prefixes`, each in single quotes: `'1','12'`.", (text, n) =>
    prefixes(text, n, "'"),
  ),
  replace: withTwo('Every occurrence of one text replaced by another.', anyText, textArg, textArg, replaced),
  rm: {
    doc: 'Every occurrence of a text taken out; `\\t`, `\\n`, `\\r` and `\\\\` are known in it.',
    bind(args) {
      if (args.length > 1) return { error: 'it takes one argument' };
      const [arg] = args;
      const literal =
        arg !== undefined && arg.kind !== 'variable' ? ({ kind: 'text', text: unescaped(arg.text) } as const) : arg;
      const what = textArg(literal);
      return 'error' in what ? what : { ok: applied(anyText, what.ok, (text, t) => replaced(text, t, '')) };
    },
  },
  rmws: plain('Without blanks, tabs and line ends.', anyText, (text) => text.replace(WS, '')),
  trim: plain('Without blanks, tabs and line ends around it.', anyText, (text) =>
    text.slice(blankEnd(text), Math.max(blankEnd(text), blankStart(text))),
  ),
  ltrim: plain('Without blanks, tabs and line ends before it.', anyText, (text) => text.slice(blankEnd(text))),
  rtrim: plain('Without blanks, tabs and line ends behind it.', anyText, (text) => text.slice(0, blankStart(text))),
  ftime: {
    doc: 'Seconds since the epoch as local time, by a format of strftime(3).',
    bind(args) {
      if (args.length > 1) return { error: 'it takes one argument' };
      const format = textArg(args[0]);
      if ('error' in format) return format;
      return {
        ok(value, ctx) {
          const text = value === null || value === undefined ? undefined : argument(format.ok, ctx);
          return text === undefined ? undefined : ftime(value, text);
        },
      };
    },
  },
  corehash: optionalNumber(
    "The server's hash of the text, unsigned; with a size, its place in a table of that size.",
    (text, size) => `${coreHash(text, undefined, size >>> 0)}`,
  ),
  unquote: plain('Without one pair of equal quotes around it.', anyText, unquoted),
  unbracket: plain('Without one pair of brackets `()`, `[]`, `{}` or `<>` around it.', anyText, unbracketed),
  count: withChar('How often a character occurs, an int.', count),
  before: withChar('What stands before the first such character; all when it is absent.', (text, c) =>
    before(text, text.indexOf(c)),
  ),
  after: withChar('What stands behind the first such character; empty when it is absent.', (text, c) =>
    after(text, text.indexOf(c)),
  ),
  rbefore: withChar('What stands before the last such character; all when it is absent.', (text, c) =>
    before(text, text.lastIndexOf(c)),
  ),
  rafter: withChar('What stands behind the last such character; empty when it is absent.', (text, c) =>
    after(text, text.lastIndexOf(c)),
  ),
  fmtlines: withTwo(
    'Line ends and m blanks put before the second to n-th character.',
    anyText,
    numberArg,
    numberArg,
    (text, n, m) => foldedLines(text, n, m, ' '),
    negative(0, 1),
  ),
  fmtlinet: withTwo(
    'As `fmtlines`, with tabs.',
    anyText,
    numberArg,
    numberArg,
    (text, n, m) => foldedLines(text, n, m, '\t'),
    negative(0, 1),
  ),
};
