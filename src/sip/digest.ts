/** Digest authentication (RFC 2617, 7616, 8760): credentials and challenges taken apart, responses computed. */
import { hash } from 'node:crypto';
import { md5 } from './md5.js';

/** Parameters of `Digest …`; names in lower case, quotes taken off. */
export interface DigestParams {
  readonly scheme: string;
  readonly params: DigestFields;
}

export type DigestAlgorithm = 'MD5' | 'SHA-256' | 'SHA-512-256';

/** Credentials have some ten; a header full of others must not cost time. */
const MOST_FIELDS = 64;

/** A few names with their values: of one that comes twice the later value counts. */
export class DigestFields {
  readonly #names: string[] = [];
  readonly #values: string[] = [];

  get size(): number {
    return this.#names.length;
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  get(name: string): string | undefined {
    const names = this.#names;
    for (let i = 0; i < names.length; i++) if (names[i] === name) return this.#values[i];
    return undefined;
  }

  set(name: string, value: string): void {
    const at = this.#names.indexOf(name);
    if (at >= 0) this.#values[at] = value;
    else if (this.#names.length < MOST_FIELDS) {
      this.#names.push(name);
      this.#values.push(value);
    }
  }

  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i]!, this.#values[i]!];
  }
}

/** Takes `Digest username="a", realm="b"` apart; undefined when there is no scheme with parameters. */
export function parseDigest(text: string, from = 0, to = text.length): DigestParams | undefined {
  const start = skipBlanks(text, from, to);
  let blank = start;
  while (blank < to && !isBlank(text.charCodeAt(blank))) blank++;
  if (blank === start || blank === to) return undefined;
  const params = new DigestFields();
  const backslash = text.indexOf('\\', blank);
  const plain = backslash < 0 || backslash >= to;
  for (let at = blank; at < to; ) at = parseField(text, at, to, plain, params) + 1;
  return {
    scheme: text.startsWith('Digest', start) && blank - start === 6 ? 'Digest' : text.slice(start, blank),
    params,
  };
}

const COMMA = 44;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;

/** Reads one parameter; gives the offset of the comma after it, or the end. `plain`: there is no backslash. */
function parseField(text: string, from: number, to: number, plain: boolean, out: DigestFields): number {
  let equals = from;
  while (equals < to && isNameChar(text.charCodeAt(equals))) equals++;
  if (plain && equals < to && text.charCodeAt(equals) === EQUALS) {
    const end = simpleEnd(text, equals + 1, to);
    if (end >= 0) {
      const name = nameAt(text, from, equals);
      if (name !== '') out.set(name, valueAt(text, equals + 1, end));
      return end;
    }
  }
  return parseOddField(text, from, to, out);
}

/** Of a quoted value or one without quotes the comma after it, or the end; -1: it is neither. */
function simpleEnd(text: string, from: number, to: number): number {
  let at = from;
  if (at < to && text.charCodeAt(at) === QUOTE) {
    const close = text.indexOf('"', at + 1);
    if (close < 0 || close >= to) return -1;
    at = skipBlanks(text, close + 1, to);
    return at >= to || text.charCodeAt(at) === COMMA ? at : -1;
  }
  for (; at < to; at++) {
    const c = text.charCodeAt(at);
    if (c === COMMA) return at;
    if (c === QUOTE) return -1;
  }
  return to;
}

function isNameChar(c: number): boolean {
  return c !== EQUALS && c !== COMMA && c !== QUOTE;
}

function parseOddField(text: string, from: number, to: number, out: DigestFields): number {
  let equals = -1;
  let quoted = false;
  let end = from;
  for (; end < to; end++) {
    const c = text.charCodeAt(end);
    if (c === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (c === BACKSLASH) end++;
    } else if (c === COMMA) break;
    if (c === EQUALS && equals < 0) equals = end;
  }
  if (end > to) end = to;
  const name = nameAt(text, from, equals < 0 ? end : equals);
  if (name !== '') out.set(name, equals < 0 ? '' : valueAt(text, equals + 1, end));
  return end;
}

/** The usual names by length, compared where they stand. */
const NAMES: readonly (readonly string[])[] = [
  [],
  [],
  ['nc'],
  ['uri', 'qop'],
  [],
  ['realm', 'nonce', 'stale'],
  ['cnonce', 'opaque'],
  [],
  ['username', 'response'],
  ['algorithm'],
];

function nameAt(text: string, from: number, to: number): string {
  const start = skipBlanks(text, from, to);
  const end = endBefore(text, start, to);
  const same = NAMES[end - start];
  if (same !== undefined) for (const name of same) if (text.startsWith(name, start)) return name;
  return text.slice(start, end).toLowerCase();
}

function valueAt(text: string, from: number, to: number): string {
  const start = skipBlanks(text, from, to);
  const end = endBefore(text, start, to);
  const quoted = end - start >= 2 && text.charCodeAt(start) === QUOTE && text.charCodeAt(end - 1) === QUOTE ? 1 : 0;
  return text.slice(start + quoted, end - quoted);
}

function isBlank(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13) || c === 160;
}

function skipBlanks(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Where the text ends when blanks behind it are left out. */
function endBefore(text: string, from: number, to: number): number {
  let at = to;
  while (at > from && isBlank(text.charCodeAt(at - 1))) at--;
  return at;
}

interface Algorithm {
  readonly hash: DigestAlgorithm;
  readonly session: boolean;
}

const PLAIN: Algorithm = { hash: 'MD5', session: false };

/** The algorithm of a challenge or of credentials; MD5 when none is named, undefined when it is not known. */
export function algorithmOf(name: string | undefined): Algorithm | undefined {
  if (name === undefined || name === '' || name === 'MD5') return PLAIN;
  const upper = name.toUpperCase();
  const session = upper.endsWith('-SESS');
  const hash = session ? upper.slice(0, -5) : upper;
  return hash === 'MD5' || hash === 'SHA-256' || hash === 'SHA-512-256' ? { hash, session } : undefined;
}

/** Lower case hex of a hash over latin1 texts with colons between them. */
function digestHash(algorithm: DigestAlgorithm, ...texts: readonly string[]): string {
  if (algorithm === 'MD5') return md5(...texts);
  return hash(algorithm === 'SHA-256' ? 'sha256' : 'sha512-256', Buffer.from(texts.join(':'), 'latin1'), 'hex');
}

/** H(user:realm:password), what is stored in place of a password. */
export function ha1(algorithm: DigestAlgorithm, user: string, realm: string, password: string): string {
  return digestHash(algorithm, user, realm, password);
}

export interface DigestInput {
  readonly algorithm?: string | undefined;
  readonly ha1: string;
  readonly nonce: string;
  readonly method: string;
  readonly uri: string;
  readonly qop?: string | undefined;
  readonly nc?: string | undefined;
  readonly cnonce?: string | undefined;
  /** For qop auth-int. */
  readonly body?: string | undefined;
}

/** The `response` value; undefined for an algorithm that is not known. */
export function digestResponse(input: DigestInput): string | undefined {
  const algorithm = algorithmOf(input.algorithm);
  if (algorithm === undefined) return undefined;
  const { hash, session } = algorithm;
  const { nonce, method, uri, qop, nc = '', cnonce = '', body = '' } = input;
  const first = session ? digestHash(hash, input.ha1, nonce, cnonce) : input.ha1;
  const second =
    qop === 'auth-int' ? digestHash(hash, method, uri, digestHash(hash, body)) : digestHash(hash, method, uri);
  return qop ? digestHash(hash, first, nonce, nc, cnonce, qop, second) : digestHash(hash, first, nonce, second);
}

/** Do credentials prove the knowledge of `ha1`? Compared in constant time. */
export function verifyDigest(credentials: DigestParams, secret: string, method: string, body = ''): boolean {
  const of = (name: string) => credentials.params.get(name);
  const expected = digestResponse({
    algorithm: of('algorithm'),
    ha1: secret,
    nonce: of('nonce') ?? '',
    method,
    uri: of('uri') ?? '',
    qop: of('qop'),
    nc: of('nc'),
    cnonce: of('cnonce'),
    body,
  });
  const given = of('response');
  if (expected === undefined || given === undefined || given.length !== expected.length) return false;
  return sameHex(given, expected);
}

/** Compares in a time that does not tell where they differ. `expected` is lower case hex; both are of one length. */
function sameHex(given: string, expected: string): boolean {
  let differs = 0;
  for (let i = 0; i < expected.length; i++) {
    const c = given.charCodeAt(i);
    const lower = c >= 65 && c <= 70 ? c | 32 : c;
    differs |= lower ^ expected.charCodeAt(i);
  }
  return differs === 0;
}

/** One challenge to answer, the nonce count written by the caller. */
export interface Credentials {
  readonly user: string;
  readonly realm: string;
  readonly ha1: string;
  readonly uri: string;
  readonly method: string;
  readonly cnonce: string;
  readonly nc: number;
  readonly body?: string;
}

/** Value of Authorization or Proxy-Authorization for a challenge; undefined when it cannot be answered. */
export function answerChallenge(challenge: DigestParams, c: Credentials): string | undefined {
  const of = (name: string) => challenge.params.get(name);
  const algorithm = of('algorithm');
  const nonce = of('nonce') ?? '';
  const qop = preferredQop(of('qop'));
  const nc = c.nc.toString(16).padStart(8, '0');
  const { user, realm, uri, method, cnonce, body } = c;
  const response = digestResponse({ algorithm, ha1: c.ha1, nonce, method, uri, qop, nc, cnonce, body });
  if (response === undefined) return undefined;
  let out = `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}"`;
  if (qop !== undefined) out += `, qop=${qop}, nc=${nc}, cnonce="${cnonce}"`;
  out += `, response="${response}"`;
  out += `, algorithm=${algorithm ?? 'MD5'}`;
  const opaque = of('opaque');
  return opaque === undefined ? out : `${out}, opaque="${opaque}"`;
}

function preferredQop(offered: string | undefined): string | undefined {
  if (offered === undefined || offered === '') return undefined;
  const all = offered.split(',').map((q) => q.trim().toLowerCase());
  if (all.includes('auth')) return 'auth';
  return all.includes('auth-int') ? 'auth-int' : undefined;
}
