/** Answers to digest challenges, in the form that Kamailio writes. */
import { randomInt } from 'node:crypto';
import { algorithmOf, digestResponse, ha1, parseDigest } from '../../sip/digest.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';

export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string;
  readonly qop: 'auth' | 'auth-int' | undefined;
  /** As the challenge names it; '' where it names none. */
  readonly algorithm: string;
}

/** The challenge of a 401 or 407; a text that says why it cannot be answered. */
export function challengeOf(reply: SipMessage, status: number): Challenge | string {
  if (status !== 401 && status !== 407) return 'reply is not an auth request';
  const value = reply.firstValue(status === 401 ? HDR.WWWAUTH : HDR.PROXYAUTHENTICATE);
  if (value === undefined) return 'reply has no auth hdr';
  const parsed = parseDigest(value);
  if (parsed === undefined || parsed.scheme.toLowerCase() !== 'digest') return 'failed to parse auth hdr body';
  const of = (name: string) => parsed.params.get(name) ?? '';
  if (of('nonce') === '' || of('realm') === '') return 'realm or nonce missing';
  if (algorithmOf(of('algorithm')) === undefined) return `unsupported algorithm "${of('algorithm')}"`;
  const offered = of('qop')
    .split(',')
    .map((q) => q.trim().toLowerCase());
  return {
    realm: of('realm'),
    nonce: of('nonce'),
    opaque: of('opaque'),
    qop: offered.includes('auth') ? 'auth' : offered.includes('auth-int') ? 'auth-int' : undefined,
    algorithm: of('algorithm'),
  };
}

export interface Account {
  readonly user: string;
  /** The password, or H(user:realm:password) with `hashed`. */
  readonly password: string;
  readonly hashed: boolean;
}

export interface Asked {
  readonly method: string;
  readonly uri: string;
  readonly body: string;
}

const FIRST_USE = '00000001';

/** The header line that answers a challenge, with its line end. */
export function answerLine(status: number, challenge: Challenge, account: Account, asked: Asked): string {
  const { realm, nonce, opaque, qop } = challenge;
  const algorithm = algorithmOf(challenge.algorithm)?.hash ?? 'MD5';
  const secret = account.hashed ? account.password : ha1(algorithm, account.user, realm, account.password);
  const cnonce = `${randomInt(2 ** 32)}`;
  const response = digestResponse({
    ...asked,
    ha1: secret,
    nonce,
    qop,
    nc: FIRST_USE,
    cnonce,
    algorithm: challenge.algorithm,
  });
  const parts = [`username="${account.user}"`, `realm="${realm}"`, `nonce="${nonce}"`, `uri="${asked.uri}"`];
  if (opaque !== '') parts.push(`opaque="${opaque}"`);
  // a session hash (MD5-sess) takes the cnonce in even without qop
  if (qop !== undefined) parts.push(`qop=${qop}`, `nc=${FIRST_USE}`);
  if (qop !== undefined || /-sess$/i.test(challenge.algorithm)) parts.push(`cnonce="${cnonce}"`);
  parts.push(`response="${response ?? ''}"`, `algorithm=${challenge.algorithm || 'MD5'}`);
  return `${status === 401 ? 'Authorization' : 'Proxy-Authorization'}: Digest ${parts.join(', ')}\r\n`;
}
