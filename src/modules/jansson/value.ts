/** JSON as libjansson 2.14 reads and prints it: strict, ints of 64 bits, UTF-8 checked, no name twice. Texts are latin1. */
import { isUtf8 } from 'node:buffer';

/** A number with fraction or exponent. */
export class Real {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export type Jansson = null | boolean | string | bigint | Real | Jansson[] | Map<string, Jansson>;

const MAX_DEPTH = 2048;
const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;

/** Parses an object or array that is the whole text; undefined: no such JSON. */
export function parseJansson(source: string): Jansson | undefined {
  const nul = source.indexOf('\0');
  const text = nul < 0 ? source : source.slice(0, nul);
  if (!validUtf8(text)) return undefined;
  const reader = new Reader(text);
  const first = reader.peek();
  const value = first === '{' || first === '[' ? reader.value(1) : undefined;
  return reader.peek() === '' ? value : undefined;
}

export function validUtf8(text: string): boolean {
  return !/[\x80-\xff]/.test(text) || isUtf8(Buffer.from(text, 'latin1'));
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const PLAIN = /[^"\\\x00-\x1f]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const WORDS: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next character that is no blank; '' at the end. */
  peek(): string {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
    return this.#text[this.#at] ?? '';
  }

  #take(c: string): boolean {
    if (this.peek() !== c) return false;
    this.#at++;
    return true;
  }

  value(depth: number): Jansson | undefined {
    if (depth > MAX_DEPTH) return undefined;
    const c = this.peek();
    if (c === '{') return this.#object(depth);
    if (c === '[') return this.#array(depth);
    if (c === '"') return this.#string();
    if (c === '-' || (c >= '0' && c <= '9')) return this.#number();
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at) || /[a-zA-Z]/.test(this.#text[this.#at + word.length] ?? '')) continue;
      this.#at += word.length;
      return value;
    }
    return undefined;
  }

  #object(depth: number): Map<string, Jansson> | undefined {
    const out = new Map<string, Jansson>();
    this.#at++;
    if (this.#take('}')) return out;
    do {
      if (this.peek() !== '"') return undefined;
      const key = this.#string();
      if (key === undefined || out.has(key) || !this.#take(':')) return undefined;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      out.set(key, value);
    } while (this.#take(','));
    return this.#take('}') ? out : undefined;
  }

  #array(depth: number): Jansson[] | undefined {
    const out: Jansson[] = [];
    this.#at++;
    if (this.#take(']')) return out;
    do {
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      out.push(value);
    } while (this.#take(','));
    return this.#take(']') ? out : undefined;
  }

  #string(): string | undefined {
    let out = '';
    this.#at++;
    for (;;) {
      PLAIN.lastIndex = this.#at;
      const plain = PLAIN.exec(this.#text)![0];
      out += plain;
      this.#at += plain.length;
      const c = this.#text[this.#at++];
      if (c === '"') return out;
      const piece = c === '\\' ? this.#escape() : undefined;
      if (piece === undefined) return undefined;
      out += piece;
    }
  }

  /** U+0000 and lone surrogates are no characters. */
  #escape(): string | undefined {
    const c = this.#text[this.#at++] ?? '';
    if (c !== 'u') return ESCAPES[c];
    const unit = this.#hex4();
    if (unit === undefined || unit === 0 || (unit >= 0xdc00 && unit <= 0xdfff)) return undefined;
    if (unit < 0xd800 || unit > 0xdbff) return utf8(String.fromCharCode(unit));
    if (!this.#text.startsWith('\\u', this.#at)) return undefined;
    this.#at += 2;
    const low = this.#hex4();
    return low !== undefined && low >= 0xdc00 && low <= 0xdfff ? utf8(String.fromCharCode(unit, low)) : undefined;
  }

  #hex4(): number | undefined {
    const hex = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) return undefined;
    this.#at += 4;
    return Number.parseInt(hex, 16);
  }

  #number(): bigint | Real | undefined {
    NUMBER.lastIndex = this.#at;
    const m = NUMBER.exec(this.#text);
    if (m === null) return undefined;
    this.#at += m[0].length;
    if (m[1] === undefined && m[2] === undefined) {
      const n = BigInt(m[0]);
      return n >= INT_MIN && n <= INT_MAX ? n : undefined;
    }
    const value = Number(m[0]);
    return Number.isFinite(value) ? new Real(value) : undefined;
  }
}

function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

// ------------------------------------------------------------------- printing

/** JSON text; `blanks` puts one behind `,` and `:`. */
export function printJansson(value: Jansson, blanks: boolean): string {
  if (typeof value === 'string') return quoted(value);
  if (value instanceof Real) return printReal(value.value);
  const comma = blanks ? ', ' : ',';
  if (Array.isArray(value)) return `[${value.map((v) => printJansson(v, blanks)).join(comma)}]`;
  if (!(value instanceof Map)) return String(value);
  const colon = blanks ? ': ' : ':';
  const fields = [...value].map(([key, v]) => `${quoted(key)}${colon}${printJansson(v, blanks)}`);
  return `{${fields.join(comma)}}`;
}

const NAMED: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function quoted(text: string): string {
  const body = text.replace(
    /[\x00-\x1f"\\]/g,
    (c) => NAMED[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`,
  );
  return `"${body}"`;
}

/** C's `%.17g`, made to look like a real: `3.0`, `1e30`. */
function printReal(value: number): string {
  const text = general(value, 17);
  const full = /[.e]/.test(text) ? text : `${text}.0`;
  return full.replace(/e([-+])0*/, (_, sign: string) => `e${sign === '-' ? '-' : ''}`);
}

/** C's `%.<digits>g`. */
export function general(value: number, digits: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e') as [string, string];
  const e = Number(exponent);
  const trim = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (e >= -4 && e < digits) return trim(Object.is(value, -0) ? '-0' : value.toFixed(Math.max(0, digits - 1 - e)));
  return `${trim(mantissa)}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
}
