/** Sets of bytes that escapes and classes of PCRE name, by its built-in (C locale) tables. */
import { ANY, type ByteSet, classSet, complement, SPACE, setOf, WORD } from '../../runtime/regex/charset.js';

const DIGIT = classSet('digit') ?? setOf(() => false);
const HORIZONTAL = setOf((b) => b === 9 || b === 32 || b === 0xa0);
const VERTICAL = setOf((b) => (b >= 10 && b <= 13) || b === 0x85);
const NEWLINE = setOf((b) => b === 10);

/** `\d`, `\W` … inside and outside of classes. */
const ESCAPED: Readonly<Record<string, ByteSet>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
  h: HORIZONTAL,
  H: complement(HORIZONTAL),
  v: VERTICAL,
  V: complement(VERTICAL),
};

export const NOT_NEWLINE = complement(NEWLINE);
export { ANY };

export function escapedSet(letter: string): ByteSet | undefined {
  return Object.hasOwn(ESCAPED, letter) ? ESCAPED[letter] : undefined;
}

const MORE: Readonly<Record<string, ByteSet>> = { word: WORD, ascii: setOf((b) => b < 128) };

/** `[:name:]`, `[:^name:]`. */
export function posixSet(name: string): ByteSet | undefined {
  const plain = name.replace(/^\^/, '');
  const set = Object.hasOwn(MORE, plain) ? MORE[plain] : classSet(plain);
  return set !== undefined && plain !== name ? complement(set) : set;
}

const isLetter = (b: number) => (b >= 65 && b <= 90) || (b >= 97 && b <= 122);

/** The set with both cases of each ASCII letter in it. */
export function anyCase(set: ByteSet): ByteSet {
  const out = set.slice();
  for (let b = 0; b < 256; b++) if (set[b] === 1 && isLetter(b)) out[b ^ 32] = 1;
  return out;
}

export function byteSet(byte: number): ByteSet {
  return setOf((b) => b === byte);
}

/** Bytes of one-letter escapes. */
export const CONTROL: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

/** Properties that are PCRE's own, and `L&`. */
const OWN_PROPERTIES: Readonly<Record<string, string>> = {
  'L&': '[\\p{Lu}\\p{Ll}\\p{Lt}]',
  Any: '[^]',
  Xan: '[\\p{L}\\p{N}]',
  Xsp: '[\\p{Z}\\t-\\r\\x85]',
  Xps: '[\\p{Z}\\t-\\r\\x85]',
  Xwd: '[\\p{L}\\p{N}_]',
};

/** Bytes, as Latin-1 characters, that have a Unicode property; undefined: there is no such property. */
export function propertySet(name: string): ByteSet | undefined {
  const own = Object.hasOwn(OWN_PROPERTIES, name) ? [OWN_PROPERTIES[name]!] : [];
  for (const source of [...own, `\\p{General_Category=${name}}`, `\\p{Script=${name}}`]) {
    const re = unicodeRegex(source);
    if (re !== undefined) return setOf((b) => re.test(String.fromCharCode(b)));
  }
  return undefined;
}

function unicodeRegex(source: string): RegExp | undefined {
  try {
    return new RegExp(source, 'u');
  } catch {
    // No such property: JavaScript refuses the pattern.
    return undefined;
  }
}
