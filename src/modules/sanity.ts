/** Module sanity: refuses requests that are not what they say (sip.md, section 6). */
import {
  defineModule,
  extraKey,
  fn,
  int,
  intParam,
  LEVEL,
  opt,
  type RouteContext,
  STOP,
  strParam,
} from '../runtime/module.js';
import { sendReply } from '../runtime/replies.js';
import { parseDigest } from '../sip/digest.js';
import { contactsOf, contentLengthOf, cseqOf, fromOf, toOf, viasOf } from '../sip/header.js';
import { HDR } from '../sip/header-names.js';
import { MSG_FLAG, type SipMessage } from '../sip/message.js';
import { parseUri } from '../sip/uri.js';

interface Params {
  readonly default_checks: number;
  readonly uri_checks: number;
  readonly proxy_require: string;
  readonly autodrop: number;
  readonly noreply: number;
}

/** Why a request is refused: the reply, and header lines for it. */
interface Reply {
  readonly code: number;
  readonly reason: string;
  readonly headers?: string;
}

/** `SILENT`: nothing is answered from now on. `UNANSWERED`: this check does not answer. */
const SILENT = 'silent';
const UNANSWERED = 'unanswered';
type Refusal = Reply | typeof SILENT | typeof UNANSWERED;

type Check = (msg: SipMessage, params: Params, uris: number) => Refusal | undefined;

const bad = (reason: string, code = 400): Reply => ({ code, reason });

/** Checks by the bit of the first argument, in the order in which Kamailio makes them. */
const CHECKS: readonly (readonly [bit: number, check: Check])[] = [
  [1, version],
  [2, (msg) => (parseUri(msg.uri) === undefined ? bad('Bad Request URI') : undefined)],
  [4, requiredHeaders],
  [16384, (msg) => (viasOf(msg).length > 0 ? undefined : SILENT)],
  // 8 and 16, of the other Via values, pass in 5.6.3
  [32, cseqMethod],
  [64, cseqValue],
  [128, contentLength],
  [256, expiresValue],
  [512, proxyRequire],
  [1024, parseUris],
  [2048, (msg) => (credentials(msg) === 'fine' ? undefined : refusalOf(credentials(msg)))],
  [8192, (msg) => (credentials(msg) === 'other' ? undefined : refusalOf(credentials(msg)))],
  [4096, duplicateTags],
];

function version(msg: SipMessage): Refusal | undefined {
  const slash = msg.version.indexOf('/');
  if (slash < 0) return UNANSWERED;
  return msg.version.slice(slash + 1) === '2.0' ? undefined : bad('Version Not Supported (R-URI)', 505);
}

/** Is that header there before a line that is no header? Then nothing behind it matters. */
function reads(msg: SipMessage, id: number): boolean {
  return msg.malformedAt < 0 || msg.first(id) !== undefined;
}

const REQUIRED = [HDR.FROM, HDR.TO, HDR.CALLID, HDR.CSEQ, HDR.VIA];

function requiredHeaders(msg: SipMessage): Refusal | undefined {
  if (!REQUIRED.every((id) => msg.first(id) !== undefined)) return SILENT;
  return msg.malformedAt >= 0 ? bad('Bad Headers') : undefined;
}

function cseqMethod(msg: SipMessage): Refusal | undefined {
  if (!reads(msg, HDR.CSEQ)) return SILENT;
  const cseq = cseqOf(msg);
  if (cseq === undefined) return UNANSWERED;
  if (cseq.method === '') return bad('Missing method in CSeq header');
  return cseq.method === msg.method ? undefined : bad('CSeq method does not match request method');
}

/** As Kamailio reads a number of 32 bits; ten characters at most. The limit itself passes. */
const isUnsigned = (text: string): boolean => /^\d{0,10}$/.test(text) && Number(text) <= 0x1_0000_0000;

function cseqValue(msg: SipMessage): Refusal | undefined {
  const cseq = cseqOf(msg);
  if (cseq === undefined) return SILENT;
  if (cseq.number === '') return bad('Missing number in CSeq header');
  return isUnsigned(cseq.number) ? undefined : bad('CSeq number is illegal');
}

function contentLength(msg: SipMessage): Refusal | undefined {
  if (!reads(msg, HDR.CONTENTLENGTH)) return bad('Content-Length Failure');
  if (msg.first(HDR.CONTENTLENGTH) === undefined) return undefined;
  if (msg.bodyStart < 0) return bad('Content-Length Body Failure');
  return contentLengthOf(msg) === msg.body.length ? undefined : bad('Content-Length mis-match');
}

function expiresValue(msg: SipMessage): Refusal | undefined {
  if (!reads(msg, HDR.EXPIRES)) return bad('Bad Expires Header');
  const value = msg.firstValue(HDR.EXPIRES)?.trim();
  if (value === undefined) return undefined;
  if (value === '') return bad('Bad Expires Header');
  // digits up to a blank are the number
  const number = /^(\d+)\s/.exec(value)?.[1] ?? value;
  return isUnsigned(number) ? undefined : bad('Expires value is illegal');
}

const listed = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

function proxyRequire(msg: SipMessage, { proxy_require }: Params): Refusal | undefined {
  if (!reads(msg, HDR.PROXYREQUIRE)) return bad('Bad Proxy Require Header');
  const value = msg.firstValue(HDR.PROXYREQUIRE);
  if (value === undefined) return undefined;
  const known = new Set(listed(proxy_require));
  const unknown = listed(value).find((item) => !known.has(item));
  return unknown === undefined
    ? undefined
    : { code: 420, reason: 'Bad Proxy Require Extension', headers: `Unsupported: ${unknown}\r\n` };
}

const isUri = (uri: string | undefined): boolean => uri !== undefined && parseUri(uri) !== undefined;

/** Bits of the second argument: request URI 1, From 2, To 4, Contact 8. */
function parseUris(msg: SipMessage, _params: Params, uris: number): Refusal | undefined {
  if ((uris & 1) !== 0 && !isUri(msg.uri)) return bad('Bad Request URI');
  if ((uris & 2) !== 0 && !isUri(fromOf(msg)?.uri)) return badAddress(msg, HDR.FROM, 'Invalid From Header');
  if ((uris & 4) !== 0 && !isUri(toOf(msg)?.uri)) return badAddress(msg, HDR.TO, 'Ivalid To Header');
  return (uris & 8) !== 0 ? contactUri(msg) : undefined;
}

function badAddress(msg: SipMessage, id: number, reason: string): Refusal {
  return msg.first(id) === undefined ? SILENT : bad(reason);
}

/** Of the last one of the first line: the first of Kamailio's list. */
function contactUri(msg: SipMessage): Refusal | undefined {
  if (msg.malformedAt >= 0) return bad('Bad Contact Header');
  if (msg.first(HDR.CONTACT) === undefined) return undefined;
  const all = contactsOf(msg);
  const contact = all.findLast((c) => c.header === all[0]?.header);
  if (contact === undefined) return bad('Bad Contact Header');
  return contact.star || isUri(contact.uri) ? undefined : bad('Bad Contact URI');
}

/** `other`: those of a scheme that is not Digest. */
type Credentials = 'fine' | 'other' | Reply;

const refusalOf = (found: Credentials): Refusal | undefined =>
  found === 'fine' ? undefined : found === 'other' ? UNANSWERED : found;

function credentials(msg: SipMessage): Credentials {
  if (msg.malformedAt >= 0) return bad('Bad Headers');
  for (const id of [HDR.AUTHORIZATION, HDR.PROXYAUTH]) {
    for (const h of msg.headers) {
      const found = h.id === id ? credentialsIn(msg.value(h)) : 'fine';
      if (found !== 'fine') return found;
    }
  }
  return 'fine';
}

const WANTED = ['username', 'realm', 'nonce', 'uri', 'response'];
const WANTED_WITH_QOP = ['cnonce', 'nc'];

/** They may be empty, but for these. */
const NOT_EMPTY: readonly (readonly [name: string, reason: string])[] = [
  ['username', 'Auth Empty User'],
  ['nonce', 'Auth Empty Nonce'],
  ['response', 'Auth Empty Response'],
];

/** A parameter without a value. */
function hasBareName(value: string): boolean {
  const rest = value.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/^\s*digest/i, '');
  return rest.split(',').some((item) => item.trim() !== '' && !item.includes('='));
}

function credentialsIn(value: string): Credentials {
  if (!/^\s*digest[\s,]/i.test(value)) return 'other';
  const digest = parseDigest(value.replace(/^(\s*digest),/i, '$1 '));
  if (digest === undefined || digest.params.size === 0 || hasBareName(value)) return bad('Bad Auth Header');
  const { params } = digest;
  const qop = params.get('qop')?.toLowerCase();
  const wanted = qop === 'auth' || qop === 'auth-int' ? [...WANTED, ...WANTED_WITH_QOP] : WANTED;
  if (wanted.some((name) => !params.has(name))) return bad('Bad Auth Credentials');
  const empty = NOT_EMPTY.find(([name]) => params.get(name) === '');
  return empty === undefined ? 'fine' : bad(empty[1]);
}

function duplicateTags(msg: SipMessage): Refusal | undefined {
  if (fromOf(msg) === undefined || toOf(msg) === undefined) return SILENT;
  const twice = (value: string | undefined) => (value?.match(/;\s*tag\s*=/gi)?.length ?? 0) > 1;
  if (twice(msg.firstValue(HDR.FROM))) return bad('Many From Tag Params');
  return twice(msg.firstValue(HDR.TO)) ? bad('Many To Tag Params') : undefined;
}

const PASSED = 1;
const REFUSED = 0;
const REFUSED_GOING_ON = -1;

const CHECKS_END = 32_768;
const URIS_END = 16;

/** What sanity_reply() answers with. */
const REFUSAL = extraKey<Reply>('sanity refusal');

function sanityCheck(ctx: RouteContext, params: Params, checks: number, uris: number): number {
  if (checks < 1 || checks >= CHECKS_END) return outOfRange(ctx, 'input parameter', checks, CHECKS_END);
  if (uris < 1 || uris >= URIS_END) return outOfRange(ctx, 'second input parameter', uris, URIS_END);
  ctx.msg.slots.delete(REFUSAL);
  const refusal = firstRefusal(ctx.msg, params, checks, uris);
  if (refusal === undefined) return PASSED;
  tell(ctx, params, refusal);
  if (params.autodrop === 0) return REFUSED_GOING_ON;
  ctx.stop = STOP.DROP;
  return REFUSED;
}

/** The checks that the parameters name, for modules that look before the script does. */
export function passesDefaultChecks(ctx: RouteContext): boolean {
  const params = ctx.program.params('sanity') as unknown as Params;
  return sanityCheck(ctx, params, params.default_checks, params.uri_checks) === PASSED;
}

function outOfRange({ host }: RouteContext, which: string, value: number, end: number): number {
  host.log.write(LEVEL.ERR, 'sanity', `${which} (${value}) outside of valid range <1-${end})`);
  return REFUSED_GOING_ON;
}

function firstRefusal(msg: SipMessage, params: Params, checks: number, uris: number): Refusal | undefined {
  for (const [bit, check] of CHECKS) {
    const refusal = (checks & bit) === 0 ? undefined : check(msg, params, uris);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

const isAnswered = (msg: SipMessage): boolean => msg.isRequest && msg.method !== 'ACK';

function tell(ctx: RouteContext, params: Params, refusal: Refusal): void {
  const { msg } = ctx;
  if (refusal === SILENT) msg.internalFlags |= MSG_FLAG.NO_REPLY;
  if (typeof refusal === 'string') return;
  if (refusal.headers !== undefined) msg.replyHeaders.push(refusal.headers);
  if (!isAnswered(msg)) return;
  if (params.noreply !== 0) msg.slots.set(REFUSAL, refusal);
  else sendReply(ctx, refusal.code, refusal.reason);
}

const UNKNOWN: Reply = { code: 500, reason: 'Server Sanity Failure' };

function sanityReply(ctx: RouteContext, { noreply }: Params): number {
  const { host, msg } = ctx;
  if (!isAnswered(msg) || noreply === 0 || (msg.internalFlags & MSG_FLAG.NO_REPLY) !== 0) return 1;
  const refusal = msg.slots.get(REFUSAL) as Reply | undefined;
  if (refusal === undefined) host.log.write(LEVEL.INFO, 'sanity', 'no sanity reply info set - sending 500\n');
  const { code, reason } = refusal ?? UNKNOWN;
  return sendReply(ctx, code, reason) < 0 ? -1 : 1;
}

const params = {
  default_checks: intParam(3047, 'Checks of sanity_check() without an argument.'),
  uri_checks: intParam(7, 'URIs that check 1024 parses: 1 request URI, 2 From, 4 To, 8 Contact.'),
  proxy_require: strParam('', 'Extensions, divided by commas, that Proxy-Require may name.'),
  autodrop: intParam(1, '1: a refused request ends the script.'),
  noreply: intParam(0, '1: a refused request is not answered but by sanity_reply().'),
};

export const sanity = defineModule({
  name: 'sanity',
  doc: 'Checks the syntax of requests, and answers those that are not well formed.',
  params,
  needs: ['sl'],
  functions: {
    sanity_check: fn({
      doc: 'Makes the checks of the bits; a request that fails one is answered, and the script ends unless autodrop is 0.',
      args: [opt(int('checks')), opt(int('uri_checks'))],
      routes: ['request', 'reply', 'failure', 'branch', 'onsend', 'local', 'event'],
      run: (ctx, p: Params, checks, uris) => sanityCheck(ctx, p, checks ?? p.default_checks, uris ?? p.uri_checks),
    }),
    sanity_reply: fn({
      doc: 'With noreply set: answers as the check that failed would have, or 500 where none did.',
      args: [],
      routes: ['request', 'reply'],
      run: (ctx, p: Params) => sanityReply(ctx, p),
    }),
  },
});
