/** Module auth: digest authentication (RFC 2617, 7616; sip.md, section 9). */
import { randomBytes, randomInt } from 'node:crypto';
import { addAvp, avpKey } from '../../runtime/message-env.js';
import {
  defineModule,
  fn,
  int,
  intParam,
  opt,
  type RouteContext,
  stateKey,
  str,
  strParam,
  variable,
} from '../../runtime/module.js';
import { replyStateless, sendReply } from '../../runtime/replies.js';
import { CHECKED_CREDENTIALS, type CheckedCredentials } from '../../runtime/variables/auth.js';
import {
  AUTH,
  type AuthParams,
  algorithmName,
  authenticate,
  credentialsFor,
  type Kind,
  type Secret,
  userFits,
} from './check.js';
import { Nonces } from './nonce.js';

export { AUTH, type AuthParams, authenticate, credentialsFor, type Kind } from './check.js';

export const AUTH_STATE = stateKey<{ readonly nonces: Nonces }>('auth');

/** Bits of the last argument of a challenge. */
const FLAG = { QOP_AUTH: 1, QOP_AUTH_INT: 2, STALE: 16 } as const;
const HASHED_PASSWORD = 1;

/** `WWW-Authenticate: Digest …` or its proxy twin, with the line end. */
function challengeHeader(ctx: RouteContext, params: AuthParams, kind: Kind, realm: string, flags: number): string {
  const nonce = ctx.host.state(AUTH_STATE).nonces.make(params.nonce_expire);
  const parts = [`Digest realm="${realm}"`, `nonce="${nonce}"`];
  if ((flags & FLAG.QOP_AUTH) !== 0) parts.push('qop="auth"');
  else if ((flags & FLAG.QOP_AUTH_INT) !== 0) parts.push('qop="auth-int"');
  if (params.algorithm !== '') parts.push(`algorithm=${algorithmName(params)}`);
  if ((flags & FLAG.STALE) !== 0) parts.push('stale=true');
  return `${kind === 'www' ? params.www_challenge_header : params.proxy_challenge_header}: ${parts.join(', ')}\r\n`;
}

function challenge(ctx: RouteContext, params: AuthParams, kind: Kind, realm: string, flags: number): number {
  ctx.msg.replyHeaders.push(challengeHeader(ctx, params, kind, realm, flags));
  const [code, reason] =
    kind === 'www' ? ([401, 'Unauthorized'] as const) : ([407, 'Proxy Authentication Required'] as const);
  const sent = params.force_stateless_reply !== 0 ? replyStateless(ctx, code, reason) : sendReply(ctx, code, reason);
  return sent < 0 ? AUTH.ERROR : AUTH.OK;
}

/** 407 for all but REGISTER, whosever the request URI is (seen: auth/challenge_content). */
function kindOf(ctx: RouteContext): Kind {
  return ctx.msg.method === 'REGISTER' ? 'www' : 'proxy';
}

function check(ctx: RouteContext, params: AuthParams, kind: Kind, secret: Secret): number {
  return authenticate(ctx, params, ctx.host.state(AUTH_STATE).nonces, kind, secret);
}

function secretOf(ctx: RouteContext, realm: string, password: string, flags: number, method?: string): Secret {
  return { realm, password, hashed: (flags & HASHED_PASSWORD) !== 0, method: method ?? ctx.msg.method };
}

function consume(ctx: RouteContext): number {
  const { msg } = ctx;
  const used = msg.slots.get(CHECKED_CREDENTIALS) as CheckedCredentials | undefined;
  if (used === undefined) return -1;
  msg.edits.replace(used.header.start, used.header.end - used.header.start);
  return 1;
}

/** Flags of the authenticate functions: where the request is not let in, a challenge goes into challenge_attr. */
const OFFER = { PLAIN: 2, QOP_AUTH: 4, QOP_AUTH_INT: 8 } as const;
const ANY_OFFER = OFFER.PLAIN | OFFER.QOP_AUTH | OFFER.QOP_AUTH_INT;

function offering(
  ctx: RouteContext,
  params: AuthParams,
  kind: Kind,
  realm: string,
  flags: number,
  code: number,
): number {
  const key = code > 0 || (flags & ANY_OFFER) === 0 ? undefined : avpKey(params.challenge_attr.replace(/^\$/, ''));
  if (key === undefined) return code;
  const qop =
    (flags & OFFER.QOP_AUTH_INT) !== 0 ? FLAG.QOP_AUTH_INT : (flags & OFFER.QOP_AUTH) !== 0 ? FLAG.QOP_AUTH : 0;
  const stale = code === AUTH.STALE ? FLAG.STALE : 0;
  addAvp(ctx.env, key, challengeHeader(ctx, params, kind, realm, qop | stale));
  return code;
}

const authenticateFn = (kind: Kind, doc: string) =>
  fn({
    doc,
    args: [
      str('realm', { dynamic: false }),
      str('password', { dynamic: false }),
      int('flags'),
      opt(str('method', { dynamic: false })),
    ],
    routes: ['request'],
    run: (ctx, params: AuthParams, realm, password, flags, method) =>
      realm === ''
        ? AUTH.ERROR
        : offering(
            ctx,
            params,
            kind,
            realm,
            flags,
            check(ctx, params, kind, secretOf(ctx, realm, password, flags, method)),
          ),
  });

const challengeFn = (kind: Kind | 'auto', doc: string) =>
  fn({
    doc,
    args: [str('realm', { dynamic: false }), int('flags')],
    routes: ['request', 'failure', 'reply'],
    run: (ctx, params: AuthParams, realm, flags) =>
      realm === '' ? AUTH.ERROR : challenge(ctx, params, kind === 'auto' ? kindOf(ctx) : kind, realm, flags),
  });

const accepted = (what: string) => intParam(0, `Accepted for the sake of old scripts: ${what}.`);

const params = {
  secret: strParam('', 'Key of the nonces; made by chance at start when empty.'),
  nonce_expire: intParam(300, 'Seconds for which a nonce is good.'),
  nonce_count: intParam(0, '1: the nonce count of a request must be above the last one.'),
  one_time_nonce: intParam(0, '1: a nonce is good for one request.'),
  qop: strParam('', 'The qop of challenges made without flags: auth or auth-int.', (v) =>
    v === '' || v === 'auth' || v === 'auth-int' ? undefined : 'one of auth and auth-int',
  ),
  algorithm: strParam('', 'Hash of challenges: MD5 or SHA-256; empty: MD5, not named.', (v) =>
    v === '' || /^(md5|sha-256)$/i.test(v) ? undefined : 'one of MD5 and SHA-256',
  ),
  www_challenge_header: strParam('WWW-Authenticate', 'Name of the header with the challenge of 401.'),
  proxy_challenge_header: strParam('Proxy-Authenticate', 'Name of the header with the challenge of 407.'),
  realm_prefix: strParam('', 'Prefix that is cut off realms of domains.'),
  use_domain: intParam(0, '1: the domain of the username counts.'),
  force_stateless_reply: intParam(0, '1: challenges are sent without a transaction.'),
  add_authinfo_hdr: intParam(0, '1: replies to requests that were let in carry Authentication-Info.'),
  challenge_attr: strParam(
    '$digest_challenge',
    'AVP that gets a challenge where a request is not let in and the flags say so: `$name` is `$avp(name)`.',
    (v) => (/^\$\S+$/.test(v) ? undefined : 'a name after $'),
  ),
  protect_contacts: accepted('nonces are bound to time alone'),
  nonce_auth_max_drift: accepted('nonces carry their own end'),
  auth_checks_register: accepted('nonces are bound to time alone'),
  auth_checks_no_dlg: accepted('nonces are bound to time alone'),
  auth_checks_in_dlg: accepted('nonces are bound to time alone'),
  nid_pool_no: accepted('one table serves all'),
  nc_array_size: accepted('the table grows as needed'),
  nc_array_order: accepted('the table grows as needed'),
  otn_in_flight_no: accepted('the table grows as needed'),
  otn_in_flight_order: accepted('the table grows as needed'),
};

export const auth = defineModule({
  name: 'auth',
  doc: 'Digest authentication: challenges, and checks of credentials against a password that the script gives.',
  params,
  needs: ['sl'],
  functions: {
    pv_www_authenticate: authenticateFn(
      'www',
      'Checks Authorization against the password. Flags: 1 the password is H(user:realm:password); 2, 4, 8 a challenge without qop, with auth, with auth-int goes into challenge_attr.',
    ),
    pv_proxy_authenticate: authenticateFn(
      'proxy',
      'Checks Proxy-Authorization against the password; flags as pv_www_authenticate().',
    ),
    pv_www_authorize: authenticateFn('www', 'Old name of pv_www_authenticate().'),
    pv_proxy_authorize: authenticateFn('proxy', 'Old name of pv_proxy_authenticate().'),
    pv_auth_check: fn({
      doc: 'Checks a REGISTER as pv_www_authenticate(), others as pv_proxy_authenticate(); checks 1: the user must be that of To or From.',
      args: [str('realm', { dynamic: false }), str('password', { dynamic: false }), int('flags'), int('checks')],
      routes: ['request'],
      run(ctx, p: AuthParams, realm, password, flags, checks) {
        const kind: Kind = ctx.msg.method === 'REGISTER' ? 'www' : 'proxy';
        const code = offering(ctx, p, kind, realm, flags, check(ctx, p, kind, secretOf(ctx, realm, password, flags)));
        return code > 0 && (checks & 1) !== 0 && !userFits(ctx, kind, realm) ? AUTH.USER_DIFFERS : code;
      },
    }),
    www_challenge: challengeFn('www', 'Answers 401 with a challenge; flags 1: qop auth, 2: auth-int, 16: stale.'),
    proxy_challenge: challengeFn('proxy', 'Answers 407 with a challenge; flags as www_challenge().'),
    auth_challenge: challengeFn('auto', 'Answers 401 to REGISTER and 407 to others.'),
    auth_get_www_authenticate: fn({
      doc: 'Puts the header of a challenge into a variable.',
      args: [str('realm', { dynamic: false }), int('flags'), variable('target', { writable: true })],
      routes: ['request'],
      run(ctx, p: AuthParams, realm, flags, target) {
        target.set?.(ctx, challengeHeader(ctx, p, 'www', realm, flags));
        return AUTH.OK;
      },
    }),
    consume_credentials: fn({
      doc: 'Takes the header with the credentials that were accepted out of the request.',
      args: [],
      routes: ['request'],
      run: (ctx) => consume(ctx),
    }),
    has_credentials: fn({
      doc: 'Has the request credentials for the realm?',
      args: [str('realm', { dynamic: false })],
      routes: ['request'],
      run: (ctx, _params: AuthParams, realm) =>
        (credentialsFor(ctx.msg, 'www', realm) ?? credentialsFor(ctx.msg, 'proxy', realm)) ? 1 : -1,
    }),
  },
  start(host, values) {
    const secret = `${values.secret ?? ''}` || randomBytes(32).toString('hex');
    return { nonces: new Nonces(secret, () => host.clock.now(), randomInt(0x7fffffff)) };
  },
  reload: () => undefined,
});
