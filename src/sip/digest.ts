/** Digest authentication (RFC 2617, 7616, 8760): credentials and challenges taken apart, responses computed. */
import { createHash, hash, timingSafeEqual } from 'node:crypto';
import { itemEnd } from './uri.js';

/** Parameters of `Digest …`; names in lower case, quotes taken off. */
export interface DigestParams {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

export type DigestAlgorithm = 'MD5' | 'SHA-256' | 'SHA-512-256';

const HASHES: Readonly<Record<DigestAlgorithm, string>> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
};

/** Takes `Digest username="a", realm="b"` apart; undefined when there is no scheme with parameters. */
export function parseDigest(value: string): DigestParams | undefined {
  const text = value.trimStart();
  const blank = text.search(/\s/);
  if (blank <= 0) return undefined;
  const params = new Map<string, string>();
  let at = blank;
  while (at < text.length) {
    const end = itemEnd(text, at, ',');
    const item = text.slice(at, end);
    const eq = item.indexOf('=');
    const name = (eq < 0 ? item : item.slice(0, eq)).trim().toLowerCase();
    if (name !== '') params.set(name, eq < 0 ? '' : unquoted(item.slice(eq + 1).trim()));
    at = end + 1;
  }
  return { scheme: text.slice(0, blank), params };
}

function unquoted(text: string): string {
  return text.length >= 2 && text[0] === '"' && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** The algorithm of a challenge or of credentials; MD5 when none is named, undefined when it is not known. */
export function algorithmOf(name: string | undefined): { hash: DigestAlgorithm; session: boolean } | undefined {
  if (name === undefined || name === '') return { hash: 'MD5', session: false };
  const upper = name.toUpperCase();
  const session = upper.endsWith('-SESS');
  const hash = session ? upper.slice(0, -5) : upper;
  return hash === 'MD5' || hash === 'SHA-256' || hash === 'SHA-512-256' ? { hash, session } : undefined;
}

/** Lower case hex of a hash over latin1 text. */
export function digestHash(algorithm: DigestAlgorithm, text: string): string {
  // in one call, half the time: but it takes text for UTF-8, which is the same for ASCII alone
  if (isAscii(text)) return hash(HASHES[algorithm], text, 'hex');
  return createHash(HASHES[algorithm]).update(text, 'latin1').digest('hex');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

/** H(user:realm:password), what is stored in place of a password. */
export function ha1(algorithm: DigestAlgorithm, user: string, realm: string, password: string): string {
  return digestHash(algorithm, `${user}:${realm}:${password}`);
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
  const first = session ? digestHash(hash, `${input.ha1}:${nonce}:${cnonce}`) : input.ha1;
  const a2 = qop === 'auth-int' ? `${method}:${uri}:${digestHash(hash, body)}` : `${method}:${uri}`;
  const second = digestHash(hash, a2);
  return qop
    ? digestHash(hash, `${first}:${nonce}:${nc}:${cnonce}:${qop}:${second}`)
    : digestHash(hash, `${first}:${nonce}:${second}`);
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
  return timingSafeEqual(Buffer.from(given.toLowerCase(), 'latin1'), Buffer.from(expected, 'latin1'));
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
