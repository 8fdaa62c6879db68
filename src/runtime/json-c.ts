/**
 * JSON as json-c 0.16 reads and prints it in its default (lenient) mode: what the modules json and nsq rest on. Texts are
 * latin1, one character a byte, so UTF-8 passes through untouched.
 */

/** A number with the spelling that json-c prints: a fraction as written, an int in plain decimal. */
export class JsonNumber {
  readonly text: string;
  readonly isInt: boolean;
  constructor(text: string, isInt: boolean) {
    this.text = text;
    this.isInt = isInt;
  }
  get value(): number {
    return Number(this.text);
  }
}

export type JsonObject = Map<string, JsonC>;
export type JsonC = null | boolean | string | JsonNumber | JsonC[] | JsonObject;

/** json-c's default: a value inside 32 containers is refused. */
const MAX_DEPTH = 32;

/**
 * Parses the first value of `text`, which ends at a NUL; what follows the value is ignored. Single quotes, comments, NaN,
 * Infinity, a comma before the closing bracket and literals in any case pass. Undefined: no JSON.
 */
export function parseLenient(text: string): JsonC | undefined {
  const nul = text.indexOf('\0');
  const reader = new Reader(nul < 0 ? text : text.slice(0, nul));
  const value = reader.value(0);
  return value === undefined || !reader.blanks(true) ? undefined : value;
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SP = 32;
const DQUOTE = 34;
const SQUOTE = 39;
const COMMA = 44;
const MINUS = 45;
const SLASH = 47;
const COLON = 58;
const LBRACKET = 91;
const BACKSLASH = 92;
const RBRACKET = 93;
const LBRACE = 123;
const RBRACE = 125;

/** The characters that json-c takes for a number; whether they are one is seen afterwards. */
const NUMBER = /-?[0-9]*(?:\.[-+]?[0-9]*)?(?:[eE][-+]?[0-9]*)?/y;
const DOUBLE = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;
const AFTER_NUMBER = ',]}/Ii \t\r\n';
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
};
/** U+FFFD in UTF-8: what a lone surrogate becomes. */
const REPLACEMENT = '\xef\xbf\xbd';

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Skips blanks and comments. `last`: the value is complete, so an unfinished comment does no harm. */
  blanks(last = false): boolean {
    const text = this.#text;
    for (;;) {
      let c = text.charCodeAt(this.#at);
      while (c === SP || c === TAB || c === LF || c === CR) c = text.charCodeAt(++this.#at);
      if (c !== SLASH) return true;
      const kind = text[this.#at + 1];
      if (kind !== '*' && kind !== '/') return false;
      const end = kind === '*' ? text.indexOf('*/', this.#at + 2) : text.indexOf('\n', this.#at + 2);
      if (end < 0) return last;
      this.#at = end + (kind === '*' ? 2 : 0);
    }
  }

  value(depth: number): JsonC | undefined {
    if (depth >= MAX_DEPTH || !this.blanks()) return undefined;
    const c = this.#text.charCodeAt(this.#at);
    switch (c) {
      case LBRACE:
        return this.#object(depth);
      case LBRACKET:
        return this.#array(depth);
      case DQUOTE:
      case SQUOTE:
        return this.#string(c);
      default:
        return c === MINUS || (c >= 48 && c <= 57) ? this.#number(depth) : this.#literal();
    }
  }

  #object(depth: number): JsonObject | undefined {
    const out: JsonObject = new Map();
    this.#at++;
    for (;;) {
      if (!this.blanks()) return undefined;
      const quote = this.#text.charCodeAt(this.#at);
      if (quote === RBRACE) {
        this.#at++;
        return out;
      }
      if (quote !== DQUOTE && quote !== SQUOTE) return undefined;
      const key = this.#string(quote);
      if (key === undefined || !this.blanks() || this.#text.charCodeAt(this.#at) !== COLON) return undefined;
      this.#at++;
      const value = this.value(depth + 1);
      if (value === undefined || !this.blanks()) return undefined;
      out.set(cString(key), value);
      if (!this.#separator(RBRACE)) return undefined;
    }
  }

  #array(depth: number): JsonC[] | undefined {
    const out: JsonC[] = [];
    this.#at++;
    for (;;) {
      if (!this.blanks()) return undefined;
      if (this.#text.charCodeAt(this.#at) === RBRACKET) {
        this.#at++;
        return out;
      }
      const value = this.value(depth + 1);
      if (value === undefined || !this.blanks()) return undefined;
      out.push(value);
      if (!this.#separator(RBRACKET)) return undefined;
    }
  }

  /** Steps over a comma; stays at the closing bracket. */
  #separator(close: number): boolean {
    const c = this.#text.charCodeAt(this.#at);
    if (c === COMMA) this.#at++;
    return c === COMMA || c === close;
  }

  #string(quote: number): string | undefined {
    const text = this.#text;
    let from = ++this.#at;
    let out = '';
    for (let at = from; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === quote) {
        this.#at = at + 1;
        return out + text.slice(from, at);
      }
      if (c !== BACKSLASH) continue;
      out += text.slice(from, at);
      this.#at = at + 1;
      const piece = this.#escape();
      if (piece === undefined) return undefined;
      out += piece;
      from = this.#at;
      at = from - 1;
    }
    return undefined;
  }

  /** What follows a backslash; `#at` goes behind it. */
  #escape(): string | undefined {
    const c = this.#text[this.#at];
    if (c === undefined) return undefined;
    this.#at++;
    return c === 'u' ? this.#unicode() : ESCAPES[c];
  }

  #unicode(): string | undefined {
    const unit = this.#hex4();
    if (unit === undefined) return undefined;
    if (unit >= 0xdc00 && unit <= 0xdfff) return REPLACEMENT;
    if (unit < 0xd800 || unit > 0xdbff) return utf8(unit);
    if (!this.#text.startsWith('\\u', this.#at)) return REPLACEMENT;
    const mark = this.#at;
    this.#at += 2;
    const low = this.#hex4();
    if (low === undefined) return undefined;
    if (low >= 0xdc00 && low <= 0xdfff) return utf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
    this.#at = mark;
    return REPLACEMENT;
  }

  #hex4(): number | undefined {
    const hex = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) return undefined;
    this.#at += 4;
    return Number.parseInt(hex, 16);
  }

  #number(depth: number): JsonNumber | undefined {
    NUMBER.lastIndex = this.#at;
    const text = NUMBER.exec(this.#text)?.[0] ?? '';
    this.#at += text.length;
    const next = this.#text[this.#at];
    if (text === '-' && (next === 'i' || next === 'I')) return this.#infinity('-');
    if (depth > 0 && (next === undefined || !AFTER_NUMBER.includes(next))) return undefined;
    if (!/[.eE]/.test(text)) return intNumber(text);
    const trimmed = text.replace(/[-+eE]+$/, '');
    return DOUBLE.test(trimmed) ? new JsonNumber(trimmed, false) : undefined;
  }

  #literal(): JsonC | undefined {
    const at = this.#at;
    const word = (text: string) => this.#text.slice(at, at + text.length).toLowerCase() === text;
    const found = (text: string, value: JsonC) => {
      this.#at += text.length;
      return value;
    };
    if (word('true')) return found('true', true);
    if (word('false')) return found('false', false);
    if (word('null')) return found('null', null);
    if (word('nan')) return found('nan', new JsonNumber('NaN', false));
    return this.#infinity('');
  }

  #infinity(sign: string): JsonNumber | undefined {
    const end = this.#at + 8;
    if (this.#text.slice(this.#at, end).toLowerCase() !== 'infinity') return undefined;
    this.#at = end;
    return new JsonNumber(`${sign}Infinity`, false);
  }
}

/** An int saturates at the bounds of 64 bits, signed below zero and unsigned above. */
function intNumber(text: string): JsonNumber | undefined {
  if (text === '-' || text === '') return undefined;
  if (text.length <= 15) return new JsonNumber(String(Number(text) + 0 || 0), true);
  const n = BigInt(text);
  const bound = n < 0n ? BigInt.asIntN(64, n) : BigInt.asUintN(64, n);
  return new JsonNumber(String(bound === n ? n : n < 0n ? -(2n ** 63n) : 2n ** 64n - 1n), true);
}

function utf8(code: number): string {
  if (code < 0x80) return String.fromCharCode(code);
  const tail = (shift: number) => 0x80 | ((code >> shift) & 0x3f);
  if (code < 0x800) return String.fromCharCode(0xc0 | (code >> 6), tail(0));
  if (code < 0x10000) return String.fromCharCode(0xe0 | (code >> 12), tail(6), tail(0));
  return String.fromCharCode(0xf0 | (code >> 18), tail(12), tail(6), tail(0));
}

/** Up to the first NUL: what a C caller sees. */
function cString(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}

// --------------------------------------------------------------------- printing

/** JSON text with blanks, as json_object_to_json_string: `{ "a": [ 1, 2 ] }`; `/` is escaped. */
export function printSpaced(value: JsonC): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return value.length === 0 ? '[ ]' : `[ ${value.map(printSpaced).join(', ')} ]`;
  if (value.size === 0) return '{ }';
  let out = '{';
  for (const [key, item] of value) out += `${out.length > 1 ? ',' : ''} ${quoted(key)}: ${printSpaced(item)}`;
  return `${out} }`;
}

const SPECIAL = /[\x00-\x1f"\\/]/g;
const NAMED: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
};

function quoted(text: string): string {
  SPECIAL.lastIndex = 0;
  const body = SPECIAL.test(text)
    ? text.replace(SPECIAL, (c) => NAMED[c] ?? `\\u00${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
    : text;
  return `"${body}"`;
}

/** json_object_get_string up to the first NUL: a string itself, anything else as `printSpaced`; null has none. */
export function stringOf(value: JsonC): string | undefined {
  if (value === null) return undefined;
  return typeof value === 'string' ? cString(value) : printSpaced(value);
}

// ------------------------------------------------------------------------ paths

/** One step of a path: a field, and an index where the field holds an array. */
export interface PathStep {
  readonly name: string;
  readonly index?: number;
}

/**
 * Takes `a.b[1].c` apart: empty steps vanish, `dotSign` stands for the separator inside a name, an index counts from 0 and
 * garbage is 0. A step without a name (`[0]`) finds nothing.
 */
export function parsePath(path: string, dotSign = '%', separator = '.'): PathStep[] {
  return path
    .split(separator)
    .filter((step) => step !== '')
    .map((step) => {
      const text = dotSign === '' ? step : step.replaceAll(dotSign, separator);
      const m = /^([^[]*)(?:\[([^\]]+))?/.exec(text)!;
      const name = m[1]!;
      return m[2] === undefined ? { name } : { name, index: Number.parseInt(m[2], 10) || 0 };
    });
}

/** The value at a path; undefined when it is absent or JSON null. */
export function follow(root: JsonC, steps: readonly PathStep[]): JsonC | undefined {
  let at: JsonC | undefined = root;
  for (const { name, index } of steps) {
    if (!(at instanceof Map)) return undefined;
    at = at.get(name);
    if (index !== undefined && Array.isArray(at)) at = index < 0 ? undefined : at[index];
  }
  return at ?? undefined;
}
