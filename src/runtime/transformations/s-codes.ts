/** Names of the class `s` that encode, decode, escape and digest (variables.md, section 6). Texts are bytes. */
import { createHash } from 'node:crypto';
import type { Value } from '../values.js';
import { anyText, type Entry, plain } from './common.js';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const digest = (name: string) => (text: string) => createHash(name).update(text, 'latin1').digest('hex');

// ----------------------------------------------------------------------- hexa

function decodeHexa(text: string): Value {
  const even = text.length & 1 ? text.slice(0, -1) : text;
  return /^[0-9a-fA-F]*$/.test(even) ? Buffer.from(even, 'hex').toString('latin1') : undefined;
}

/** Value of a hexadecimal digit; a byte that is none gives what the same sum makes of it (C's, cut to a byte). */
function digitValue(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  return ((c >= 65 && c <= 90 ? c + 32 : c) - 87) & 255;
}

// ----------------------------------------------------------------------- 7bit

const HEX = '0123456789ABCDEF';

/** GSM 03.38 packing: eight characters of seven bits in seven bytes. */
function encode7bit(text: string): string {
  let out = '';
  let taken = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = ((text.charCodeAt(at) >> taken) | (charAt(text, at + 1) << (7 - taken))) & 255;
    out += HEX[byte >> 4]! + HEX[byte & 15]!;
    taken = (taken + 1) % 7;
    if (taken === 0) at++;
  }
  return out;
}

function charAt(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) : 0;
}

function decode7bit(text: string): string {
  let out = '';
  let taken = 0;
  let carried = 0;
  for (let at = 0; at < text.length; at += 2) {
    const byte = ((digitValue(text.charCodeAt(at)) << 4) | digitValue(charAt(text, at + 1))) & 255;
    out += String.fromCharCode(((byte << taken) & 127) | carried);
    carried = byte >> (7 - taken);
    if (++taken < 7) continue;
    out += String.fromCharCode(carried);
    taken = 0;
    carried = 0;
  }
  return out;
}

// --------------------------------------------------------------------- base64

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const STANDARD = table(`${ALPHABET}+/`, 255);
const URL_SAFE = table(`${ALPHABET}-_`, -1);

function table(alphabet: string, other: number): Int16Array {
  const out = new Int16Array(256).fill(other);
  for (let i = 0; i < 64; i++) out[alphabet.charCodeAt(i)] = i;
  return out;
}

const encodeBase64 = (text: string): string => bytes(text).toString('base64');
const encodeBase64Url = (text: string): string => encodeBase64(text).replace(/\+/g, '-').replace(/\//g, '_');
const unpadded = (text: string): string => text.replace(/={1,2}$/, '');

/** Only the length and the padding are checked: a character outside the alphabet counts as all ones. */
function decodeBase64(text: string): Value {
  const n = text.length;
  if (n === 0) return '';
  const pad = (text[n - 2] === '=' ? 1 : 0) + (text[n - 1] === '=' ? 1 : 0);
  if (n % 4 !== 0 || (text[n - 2] === '=' && text[n - 1] !== '=')) return undefined;
  const size = (n / 4) * 3 - pad;
  const out = Buffer.alloc((n / 4) * 3);
  for (let at = 0, to = 0; at < n; at += 4, to += 3) {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => STANDARD[text.charCodeAt(at + i) & 255] ?? 255) as [
      number,
      number,
      number,
      number,
    ];
    out[to] = (a << 2) | (b >> 4);
    out[to + 1] = (b << 4) | (c >> 2);
    out[to + 2] = (c << 6) | d;
  }
  return out.toString('latin1', 0, size);
}

function decodeBase64Url(text: string): Value {
  let end = text.length;
  while (end > 0 && text[end - 1] === '=') end--;
  const size = ((text.length * 6) >> 3) - (text.length - end);
  if (size <= 0) return undefined;
  const out = Buffer.alloc(size + 3);
  for (let at = 0, to = 0; at < end; at += 4, to += 3) {
    let block = 0;
    for (let i = 0; i < 4 && at + i < end; i++) {
      const v = URL_SAFE[text.charCodeAt(at + i) & 255] ?? -1;
      if (v < 0) return undefined;
      block |= v << (18 - 6 * i);
    }
    for (let i = 0; i < 3 && to + i < size; i++) out[to + i] = block >> (16 - 8 * i);
  }
  return out.toString('latin1', 0, size);
}

const padded = (text: string): string => (text.length % 4 === 0 ? text : text + '='.repeat(4 - (text.length % 4)));

// --------------------------------------------------------------------- base58

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** The work grows with the square of the length; no script encodes more. */
const MAX_BASE58 = 8192;

function encodeBase58(text: string): Value {
  if (text.length > MAX_BASE58) return undefined;
  const zeros = /^\0*/.exec(text)![0].length;
  const digits = convert([...bytes(text.slice(zeros))], 256, 58);
  return '1'.repeat(zeros) + digits.map((d) => BASE58[d]).join('');
}

function decodeBase58(text: string): Value {
  if (text.length > MAX_BASE58) return undefined;
  const digits = [...text].map((c) => BASE58.indexOf(c));
  if (digits.includes(-1)) return undefined;
  const ones = /^1*/.exec(text)![0].length;
  return '\0'.repeat(ones) + Buffer.from(convert(digits.slice(ones), 58, 256)).toString('latin1');
}

/** Digits of a number in another base, most significant first. */
function convert(digits: readonly number[], from: number, to: number): number[] {
  const out: number[] = [];
  for (const digit of digits) {
    let carry = digit;
    for (let i = 0; i < out.length; i++) {
      carry += out[i]! * from;
      out[i] = carry % to;
      carry = Math.trunc(carry / to);
    }
    for (; carry > 0; carry = Math.trunc(carry / to)) out.push(carry % to);
  }
  return out.reverse();
}

// -------------------------------------------------------------------- escapes

const COMMON: Readonly<Record<string, string>> = { '\0': '0' };
export const escapeCommon = (text: string): string => text.replace(/['"\\\0]/g, (c) => `\\${COMMON[c] ?? c}`);
const unescapeCommon = (text: string): string => text.replace(/\\(['"\\0])/g, (_, c: string) => (c === '0' ? '\0' : c));

const percent = (c: string): string => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** Percent escapes for what `kept` does not match; bytes that do not print fail. */
function escaping(kept: RegExp) {
  return (text: string): Value => (/[^ -~]/.test(text) ? undefined : text.replace(kept, percent));
}

const escapeUser = escaping(/[^A-Za-z0-9\-_.!~*'()&=+$,;?]/g);
const escapeParam = escaping(/[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g);

/** Undoes percent escapes; a bad one, or one of a byte that does not print, fails. */
function unescapePercent(text: string): Value {
  if (/%(?![0-9a-fA-F]{2})|%(?:[01]|[8-9a-fA-F]|7[fF])/.test(text)) return undefined;
  return text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

export const urlEncode = (text: string): string => text.replace(/[^A-Za-z0-9\-_.~]/g, percent);

/** Never fails: `%g1` is what the sum of its digits makes. A `%` without two characters behind it is dropped. */
function urlDecode(text: string): string {
  return text.replace(/\+|%([^\0]{2})?/g, (whole, digits: string | undefined) => {
    if (whole === '+') return ' ';
    if (digits === undefined) return '';
    const code = ((digitValue(digits.charCodeAt(0)) << 4) | digitValue(digits.charCodeAt(1))) & 255;
    return String.fromCharCode(code);
  });
}

const entry = (doc: string, of: (text: string) => Value): Entry => plain(doc, anyText, of);

export const S_CODES: Readonly<Record<string, Entry>> = {
  md5: entry('MD5 of the text in hexadecimal.', digest('md5')),
  sha256: entry('SHA-256 of the text in hexadecimal.', digest('sha256')),
  sha384: entry('SHA-384 of the text in hexadecimal.', digest('sha384')),
  sha512: entry('SHA-512 of the text in hexadecimal.', digest('sha512')),
  'encode.hexa': entry('Every byte as two hexadecimal digits, lower case.', (text) => bytes(text).toString('hex')),
  'decode.hexa': entry(
    'Bytes from hexadecimal digits; an odd last one is ignored, another character fails.',
    decodeHexa,
  ),
  'encode.7bit': entry('Packed as the text of a short message, in capital hexadecimal digits.', encode7bit),
  'decode.7bit': entry('The text of a short message from its packed hexadecimal digits.', decode7bit),
  'encode.base58': entry('Base58, as Bitcoin spells it.', encodeBase58),
  'decode.base58': entry('Bytes from base58; another character fails.', decodeBase58),
  'encode.base64': entry('Base64 with padding.', encodeBase64),
  'decode.base64': entry('Bytes from base64; a wrong length or padding fails.', decodeBase64),
  'encode.base64t': entry('Base64 without padding.', (text) => unpadded(encodeBase64(text))),
  'decode.base64t': entry('Bytes from base64 without padding.', (text) => decodeBase64(padded(text))),
  'encode.base64url': entry('Base64 with `-` and `_` for URLs, with padding.', encodeBase64Url),
  'decode.base64url': entry('Bytes from base64 for URLs; another character fails.', decodeBase64Url),
  'encode.base64urlt': entry('Base64 for URLs without padding.', (text) => unpadded(encodeBase64Url(text))),
  'decode.base64urlt': entry('Bytes from base64 for URLs without padding.', (text) => decodeBase64Url(padded(text))),
  'escape.common': entry('A backslash before quotes and backslashes.', escapeCommon),
  'unescape.common': entry('Undoes `escape.common`.', unescapeCommon),
  'escape.user': entry('Percent escapes for the user of a URI; bytes that do not print fail.', escapeUser),
  'unescape.user': entry('Undoes percent escapes; a bad one fails.', unescapePercent),
  'escape.param': entry('Percent escapes for a parameter of a URI; bytes that do not print fail.', escapeParam),
  'unescape.param': entry('Undoes percent escapes; a bad one fails.', unescapePercent),
  'escape.csv': entry('In double quotes, inner ones doubled.', (text) => `"${text.replaceAll('"', '""')}"`),
  'urlencode.param': entry('Percent escapes for all but letters, digits and `-_.~`.', urlEncode),
  'urldecode.param': entry('Undoes percent escapes; `+` is a blank.', urlDecode),
};
