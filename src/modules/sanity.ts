/** Module sanity: refuses requests that are not what they say (sip.md, section 6). */
import { defineModule, fn, int, intParam, LEVEL, opt, type RouteContext, STOP, strParam } from '../runtime/module.js';
import { sendReply } from '../runtime/replies.js';
import { parseDigest } from '../sip/digest.js';
import { contactsOf, contentLengthOf, cseqOf, fromOf, toOf, viasOf } from '../sip/header.js';
import { HDR } from '../sip/header-names.js';
import type { SipMessage } from '../sip/message.js';
import { parseUri } from '../sip/uri.js';

interface Params {
  readonly default_checks: number;
  readonly uri_checks: number;
  readonly proxy_require: string;
  readonly autodrop: number;
  readonly noreply: number;
}

/** Why a request is refused: the reply, and header lines for it. */
interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly headers?: string;
}

type Check = (msg: SipMessage, params: Params, uris: number) => Refusal | undefined;

const bad = (reason: string, code = 400): Refusal => ({ code, reason });

const MAX_CSEQ = 0xffffffff;

/** Checks by the bit of the first argument, in the order in which Kamailio makes them. */
const CHECKS: readonly (readonly [bit: number, check: Check])[] = [
  [1, (msg) => (msg.version.toUpperCase() === 'SIP/2.0' ? undefined : bad('Version Not Supported', 505))],
  [2, (msg) => (parseUri(msg.uri) === undefined ? bad('Bad Request URI') : undefined)],
  [4, requiredHeaders],
  [
    8,
    (msg) =>
      viasOf(msg).every((via) => viaProtocol(msg, via.start).startsWith('SIP/2.0'))
        ? undefined
        : bad('Version Not Supported', 505),
  ],
  [16, (msg) => (viasOf(msg).length > 0 ? undefined : bad('Unsupported Transport in Topmost Via'))],
  [32, (msg) => (cseqOf(msg)?.method === msg.method ? undefined : bad('CSeq method does not match request method'))],
  [64, cseqValue],
  [128, contentLength],
  [256, expiresValue],
  [512, proxyRequire],
  [1024, (msg, _params, uris) => parseUris(msg, uris)],
  [2048, digestCredentials],
  [4096, duplicateTags],
  [8192, (msg) => authorization(msg)],
  [16384, (msg) => (viasOf(msg).length > 0 ? undefined : bad('Bad Via1 header'))],
];

function viaProtocol(msg: SipMessage, at: number): string {
  return msg.text.slice(at, at + 7).toUpperCase();
}

const REQUIRED = [HDR.VIA, HDR.FROM, HDR.TO, HDR.CALLID, HDR.CSEQ];

function requiredHeaders(msg: SipMessage): Refusal | undefined {
  return REQUIRED.every((id) => msg.first(id) !== undefined) ? undefined : bad('Missing Required Header in Request');
}

function cseqValue(msg: SipMessage): Refusal | undefined {
  const number = cseqOf(msg)?.number ?? '';
  return /^\d+$/.test(number) && Number(number) <= MAX_CSEQ ? undefined : bad('CSeq number is illegal');
}

function contentLength(msg: SipMessage): Refusal | undefined {
  if (msg.first(HDR.CONTENTLENGTH) === undefined) return undefined;
  return contentLengthOf(msg) === msg.body.length ? undefined : bad('Content-Length mis-match');
}

function expiresValue(msg: SipMessage): Refusal | undefined {
  const value = msg.firstValue(HDR.EXPIRES)?.trim();
  return value === undefined || /^\d{1,10}$/.test(value) ? undefined : bad('Expires value is illegal');
}

const listed = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

function proxyRequire(msg: SipMessage, { proxy_require }: Params): Refusal | undefined {
  const value = msg.firstValue(HDR.PROXYREQUIRE);
  if (value === undefined) return undefined;
  const known = new Set(listed(proxy_require).map((item) => item.toLowerCase()));
  const unknown = listed(value).find((item) => !known.has(item.toLowerCase()));
  return unknown === undefined
    ? undefined
    : { code: 420, reason: 'Bad Proxy Require Extension', headers: `Unsupported: ${unknown}\r\n` };
}

/** Bits of the second argument: request URI 1, From 2, To 4, Contact 8. */
function parseUris(msg: SipMessage, uris: number): Refusal | undefined {
  const isUri = (uri: string | undefined) => uri !== undefined && parseUri(uri) !== undefined;
  if ((uris & 1) !== 0 && !isUri(msg.uri)) return bad('Bad Request URI');
  if ((uris & 2) !== 0 && !isUri(fromOf(msg)?.uri)) return bad('Invalid From Header');
  if ((uris & 4) !== 0 && !isUri(toOf(msg)?.uri)) return bad('Ivalid To Header');
  const contacts = (uris & 8) !== 0 && msg.first(HDR.CONTACT) !== undefined ? contactsOf(msg) : [];
  return contacts.every((c) => c.uri === '*' || isUri(c.uri)) ? undefined : bad('Invalid Contact Header');
}

/** Unreadable credentials pass, as they do in 5.6.3 (seen: sanity/all_checks). */
function digestCredentials(_msg: SipMessage): Refusal | undefined {
  return undefined;
}

function duplicateTags(msg: SipMessage): Refusal | undefined {
  const twice = (value: string | undefined) => (value?.match(/;\s*tag\s*=/gi)?.length ?? 0) > 1;
  if (twice(msg.firstValue(HDR.FROM))) return bad('Multiple tags in From header');
  return twice(msg.firstValue(HDR.TO)) ? bad('Multiple tags in To header') : undefined;
}

function authorization(msg: SipMessage): Refusal | undefined {
  for (const id of [HDR.AUTHORIZATION, HDR.PROXYAUTH]) {
    const value = msg.firstValue(id);
    if (value !== undefined && /^digest\s/i.test(value) && parseDigest(value) === undefined)
      return bad('Bad Authorization header');
  }
  return undefined;
}

const PASSED = 1;
const REFUSED = 0;
const REFUSED_GOING_ON = -1;

const CHECKS_END = 32_768;
const URIS_END = 16;

function sanityCheck(ctx: RouteContext, params: Params, checks: number, uris: number): number {
  if (checks < 1 || checks >= CHECKS_END) return outOfRange(ctx, 'input parameter', checks, CHECKS_END);
  if (uris < 1 || uris >= URIS_END) return outOfRange(ctx, 'second input parameter', uris, URIS_END);
  const refusal = firstRefusal(ctx.msg, params, checks, uris);
  if (refusal === undefined) return PASSED;
  if (params.noreply === 0 && ctx.msg.method !== 'ACK') {
    if (refusal.headers !== undefined) ctx.msg.replyHeaders.push(refusal.headers);
    sendReply(ctx, refusal.code, refusal.reason);
  }
  if (params.autodrop === 0) return REFUSED_GOING_ON;
  ctx.stop = STOP.DROP;
  return REFUSED;
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

const params = {
  default_checks: intParam(3047, 'Checks of sanity_check() without an argument.'),
  uri_checks: intParam(7, 'URIs that check 1024 parses: 1 request URI, 2 From, 4 To, 8 Contact.'),
  proxy_require: strParam('', 'Extensions, divided by commas, that Proxy-Require may name.'),
  autodrop: intParam(1, '1: a refused request ends the script.'),
  noreply: intParam(0, '1: a refused request is not answered.'),
};

export const sanity = defineModule({
  name: 'sanity',
  doc: 'Checks the syntax of requests, and answers those that are not well formed.',
  params,
  needs: ['sl'],
  missing: ['sanity_reply'],
  functions: {
    sanity_check: fn({
      doc: 'Makes the checks of the bits; a request that fails one is answered, and the script ends unless autodrop is 0.',
      args: [opt(int('checks')), opt(int('uri_checks'))],
      routes: ['request', 'reply', 'failure', 'branch', 'onsend', 'local', 'event'],
      run: (ctx, p: Params, checks, uris) => sanityCheck(ctx, p, checks ?? p.default_checks, uris ?? p.uri_checks),
    }),
  },
});
