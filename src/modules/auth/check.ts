/** Credentials of a request against a password (sip.md, section 9). */
import type { Context } from '../../runtime/context.js';
import { CHECKED_CREDENTIALS } from '../../runtime/variables/auth.js';
import {
  type DigestAlgorithm,
  type DigestParams,
  digestResponse,
  ha1,
  parseDigest,
  verifyDigest,
} from '../../sip/digest.js';
import { fromOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { Header, SipMessage } from '../../sip/message.js';
import { parseUri } from '../../sip/uri.js';
import type { Nonces } from './nonce.js';

/** Return codes of the authenticate functions. */
export const AUTH = {
  OK: 1,
  ERROR: -1,
  WRONG_PASSWORD: -2,
  NO_USER: -3,
  STALE: -4,
  NO_CREDENTIALS: -5,
  NONCE_REUSED: -6,
  USER_DIFFERS: -8,
} as const;

export interface AuthParams {
  readonly secret: string;
  readonly nonce_expire: number;
  readonly nonce_count: number;
  readonly one_time_nonce: number;
  readonly qop: string;
  readonly algorithm: string;
  readonly www_challenge_header: string;
  readonly proxy_challenge_header: string;
  readonly realm_prefix: string;
  readonly force_stateless_reply: number;
  readonly add_authinfo_hdr: number;
  readonly challenge_attr: string;
}

export interface Found {
  readonly header: Header;
  readonly digest: DigestParams;
}

export type Kind = 'www' | 'proxy';

/** Credentials of a request for a realm; '' takes the first. */
export function credentialsFor(msg: SipMessage, kind: Kind, realm: string): Found | undefined {
  const id = kind === 'www' ? HDR.AUTHORIZATION : HDR.PROXYAUTH;
  for (const header of msg.headers) {
    if (header.id !== id) continue;
    const digest = parseDigest(msg.text, header.valueStart, header.valueEnd);
    if (digest === undefined || !isDigest(digest.scheme)) continue;
    if (realm === '' || digest.params.get('realm') === realm) return { header, digest };
  }
  return undefined;
}

function isDigest(scheme: string): boolean {
  return scheme === 'Digest' || scheme.toLowerCase() === 'digest';
}

export interface Secret {
  readonly realm: string;
  readonly password: string;
  /** The password is H(user:realm:password). */
  readonly hashed: boolean;
  readonly method: string;
}

export function algorithmName(params: AuthParams): DigestAlgorithm {
  return params.algorithm !== '' && params.algorithm.toUpperCase() === 'SHA-256' ? 'SHA-256' : 'MD5';
}

/** Checks a request; ACK, CANCEL and PRACK pass, since they cannot be challenged. */
export function authenticate(ctx: Context, params: AuthParams, nonces: Nonces, kind: Kind, secret: Secret): number {
  const { msg } = ctx;
  if (msg.method === 'ACK' || msg.method === 'CANCEL' || msg.method === 'PRACK') return AUTH.OK;
  const found = credentialsFor(msg, kind, secret.realm);
  if (found === undefined) return AUTH.NO_CREDENTIALS;
  const { params: fields } = found.digest;
  const nonce = fields.get('nonce') ?? '';
  const state = nonces.check(nonce);
  if (state === 'unreadable') return AUTH.ERROR;
  if (params.one_time_nonce !== 0 && nonces.wasUsed(nonce)) return AUTH.NONCE_REUSED;
  if (state === 'stale') return AUTH.STALE;
  const user = fields.get('username') ?? '';
  const proven = provenBy(found.digest, user, secret, params, msg.body);
  if (proven === undefined) return AUTH.WRONG_PASSWORD;
  if (params.nonce_count !== 0 && fields.has('qop') && nonces.count(nonce, fields.get('nc') ?? '') === 'replayed')
    return AUTH.STALE;
  if (params.one_time_nonce !== 0) nonces.use(nonce);
  msg.slots.set(CHECKED_CREDENTIALS, { user: userPart(user), realm: secret.realm, header: found.header });
  if (params.add_authinfo_hdr !== 0) msg.replyHeaders.push(infoLine(found.digest, proven, params, nonces));
  return AUTH.OK;
}

/** The hash whose knowledge the credentials prove; `user@realm` as a username stands for `user`. */
function provenBy(
  digest: DigestParams,
  user: string,
  secret: Secret,
  params: AuthParams,
  body: string,
): string | undefined {
  const { method, realm, password, hashed } = secret;
  const hash = hashed ? password : ha1(algorithmName(params), user, realm, password);
  if (verifyDigest(digest, hash, method, body)) return hash;
  if (hashed || !user.includes('@')) return undefined;
  const other = ha1(algorithmName(params), userPart(user), realm, password);
  return verifyDigest(digest, other, method, body) ? other : undefined;
}

/** Authentication-Info (RFC 2617, 3.2.3): the server knows the password too. */
function infoLine({ params: fields }: DigestParams, hash: string, params: AuthParams, nonces: Nonces): string {
  const of = (name: string) => fields.get(name) ?? '';
  const [nonce, qop, cnonce, nc] = [of('nonce'), of('qop'), of('cnonce'), of('nc')];
  const next = params.one_time_nonce === 0 ? nonce : nonces.make(params.nonce_expire);
  const algorithm = of('algorithm');
  const rspauth = digestResponse({ algorithm, ha1: hash, nonce, method: '', uri: of('uri'), qop, nc, cnonce });
  return `Authentication-Info: nextnonce="${next}", qop=${qop}, rspauth="${rspauth ?? ''}", cnonce="${cnonce}", nc=${nc}\r\n`;
}

function userPart(user: string): string {
  const at = user.indexOf('@');
  return at < 0 ? user : user.slice(0, at);
}

/** pv_auth_check() with checks: does the user of the credentials fit To of a REGISTER, From of other requests? */
export function userFits(ctx: Context, kind: Kind, realm: string): boolean {
  const found = credentialsFor(ctx.msg, kind, realm);
  const party = ctx.msg.method === 'REGISTER' ? toOf(ctx.msg) : fromOf(ctx.msg);
  const user = parseUri(party?.uri ?? '')?.user ?? '';
  return userPart(found?.digest.params.get('username') ?? '') === user;
}
