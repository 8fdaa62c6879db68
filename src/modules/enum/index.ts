/** Kamailio's enum: telephone numbers to URIs by the DNS (ENUM, RFC 6116). */
import { addBranch } from '../../runtime/destination-set.js';
import type { NaptrAnswer } from '../../runtime/host.js';
import { defineModule, fn, LEVEL, opt, type RouteContext, str, strParam } from '../../runtime/module.js';
import { fromOf } from '../../sip/header.js';
import { branch } from '../../sip/message.js';
import { parseUri } from '../../sip/uri.js';
import { inOrder, isFor, parseRegexp, rankOf, rewrite } from './naptr.js';
import { branchDomainOf, countryCodeLength, domainOf, isE164 } from './number.js';

interface Params {
  readonly domain_suffix: string;
  readonly tel_uri_params: string;
  readonly branchlabel: string;
  readonly i_enum_suffix: string;
  readonly bl_algorithm: string;
}

const FIRST_Q = 990;
const STEP_OF_Q = 10;
const MAX_URI = 1023;
/** Longest label, and suffix of infrastructure ENUM. */
const MAX_PART = 66;

function failed(ctx: RouteContext, text: string, code = -1): number {
  ctx.host.log.write(LEVEL.ERR, 'enum', `${text}\n`);
  return code;
}

async function naptrs(ctx: RouteContext, name: string): Promise<readonly NaptrAnswer[]> {
  return (await ctx.host.resolver.naptr?.(name)) ?? [];
}

/** The user of the request URI where it is a number. */
function dialled(ctx: RouteContext): string | undefined {
  const user = parseUri(ctx.msg.uri)?.user ?? '';
  if (isE164(user)) return user;
  failed(ctx, `R-URI user '<${user}>' is not an E164 number`);
  return undefined;
}

/** The URI with parameters behind its own; undefined: it is none, or gets too long. */
function withParams(uri: string, params: string): string | undefined {
  if (params === '') return uri;
  const parsed = uri.length + params.length > MAX_URI ? undefined : parseUri(uri);
  if (parsed === undefined) return undefined;
  const at = parsed.headers === '' ? uri.length : uri.length - parsed.headers.length - 1;
  return uri.slice(0, at) + params + uri.slice(at);
}

/** The first URI becomes the request URI, the others branches, with falling q. */
async function query(ctx: RouteContext, params: Params, number: string, name: string, service: string) {
  let q = FIRST_Q;
  let rank = -1;
  for (const record of inOrder(await naptrs(ctx, name))) {
    if (!isFor(service, record)) continue;
    const regexp = parseRegexp(record.regexp);
    const uri = regexp === undefined ? undefined : rewrite(number, regexp);
    const whole = uri === undefined ? undefined : withParams(uri, params.tel_uri_params);
    if (whole === undefined) {
      failed(ctx, `no URI can be made by the regexp '${record.regexp}'`);
      continue;
    }
    const next = rankOf(record);
    if (rank < 0) {
      ctx.msg.newUri = whole;
      ctx.msg.q = q;
      rank = next;
      continue;
    }
    if (next > rank) {
      q -= STEP_OF_Q;
      rank = next;
    }
    if (!addBranch(ctx, branch(whole, { q }))) break;
  }
  return rank < 0 ? -1 : 1;
}

async function enumQuery(ctx: RouteContext, params: Params, suffix?: string, service?: string): Promise<number> {
  if (service === '') return failed(ctx, 'unable to get service parameter');
  const number = dialled(ctx);
  if (number === undefined) return -1;
  return await query(ctx, params, number, domainOf(number, suffix ?? params.domain_suffix), service ?? '');
}

async function pvQuery(ctx: RouteContext, params: Params, number: string, suffix?: string, service?: string) {
  if (!isE164(number)) return failed(ctx, 'pseudo variable does not contain an E164 number');
  return await query(ctx, params, number, domainOf(number, suffix ?? params.domain_suffix), service ?? '');
}

// --------------------------------------------------------- infrastructure ENUM

const HIGHEST_PLACE = 10;

/** Behind how many digits the label stands, by a TXT record of the country code. */
async function placeOfLabel(ctx: RouteContext, params: Params, number: string, suffix: string): Promise<number> {
  const usual = countryCodeLength(number);
  if (!isTxt(params.bl_algorithm)) return usual;
  const country = usual === 0 ? suffix : domainOf(number.slice(0, usual + 1), suffix);
  const [texts] = (await ctx.host.resolver.txt?.(`${params.branchlabel}.${country}`)) ?? [];
  if (texts === undefined) return usual;
  const place = Number.parseInt(texts[0] ?? '', 10) || 0;
  if (place >= 0 && place <= HIGHEST_PLACE) return place;
  failed(ctx, `Sdl ${place} out of bounds. Set back to cc_len.`);
  return usual;
}

const isTxt = (algorithm: string): boolean => 'txt'.startsWith(algorithm.toLowerCase());

async function iEnumQuery(ctx: RouteContext, params: Params, suffix?: string, service?: string): Promise<number> {
  if (service === '') return failed(ctx, 'unable to get service parameter');
  const number = dialled(ctx);
  if (number === undefined) return -1;
  const apex = suffix ?? params.i_enum_suffix;
  if (params.branchlabel.length > MAX_PART) return failed(ctx, 'i_branchlabel too long');
  if (apex.length > MAX_PART) return failed(ctx, 'Suffix too long');
  const place = await placeOfLabel(ctx, params, number, apex);
  const name = branchDomainOf(number, apex, place, params.branchlabel);
  return await query(ctx, params, number, name, service ?? '');
}

// ------------------------------------------------------------------ From user

/** Codes of is_from_user_enum(). */
const NO_RECORD = -3;
const BAD_REGEXP = -5;
const NO_MATCH = -6;
const BAD_URI = -7;
const ELSEWHERE = -8;

/** Does the number of From lead to where the request came from? */
async function fromUser(ctx: RouteContext, params: Params, suffix?: string, service?: string): Promise<number> {
  const number = fromOf(ctx.msg)?.uriParts?.user ?? '';
  if (!isE164(number)) return failed(ctx, 'From URI user is not an E164 number');
  const records = await naptrs(ctx, domainOf(number, suffix ?? params.domain_suffix));
  if (records.length === 0) return NO_RECORD;
  for (const record of records) {
    if (!isFor(service ?? '', record)) continue;
    const regexp = parseRegexp(record.regexp);
    if (regexp === undefined) return failed(ctx, 'Parsing of NAPTR regexp failed', BAD_REGEXP);
    const text = rewrite(number, regexp);
    if (text === undefined) return failed(ctx, 'Regexp replace failed', NO_MATCH);
    const uri = parseUri(text);
    if (uri === undefined) return failed(ctx, `Parsing of URI <${text}> failed`, BAD_URI);
    const [target] = await ctx.host.resolver.resolve(uri.host, 0, undefined);
    if (target === undefined) return failed(ctx, 'failed to resolve the host', ELSEWHERE);
    if (target.ip === ctx.msg.received.srcIp) return 1;
  }
  return ELSEWHERE;
}

const SUFFIX = opt(str('suffix'));
const SERVICE = opt(str('service'));
const WHERE =
  'suffix` in place of `domain_suffix`. `service`: `voice` for e2u+voice:sip, `+sip+video` for any of a list';

export const enumModule = defineModule({
  name: 'enum',
  doc: 'Telephone numbers to URIs by the DNS (ENUM, RFC 6116): NAPTR records of a number, digit by digit backwards, say where it leads.',
  params: {
    domain_suffix: strParam('e164.arpa.', 'Domain below which the numbers are.'),
    tel_uri_params: strParam('', 'Parameters that are added to the URIs that are found: `;user=phone`.'),
    branchlabel: strParam('i', 'Label of infrastructure ENUM.'),
    i_enum_suffix: strParam('e164.arpa.', 'Domain of infrastructure ENUM.'),
    bl_algorithm: strParam(
      'cc',
      'Where the label stands: cc behind the country code, txt where a TXT record says.',
      (text) => ('ebl'.startsWith(text.toLowerCase()) ? 'EBL records are not supported: use cc or txt' : undefined),
    ),
  },
  functions: {
    enum_query: fn({
      doc: `Puts the URIs for the number in the request URI in its place: the first as request URI, others as branches. -1: there are none. \`${WHERE}.`,
      args: [SUFFIX, SERVICE],
      routes: ['request'],
      waits: true,
      example: 'if ($rU =~ "^\\+[0-9]+$" && enum_query("e164.org.")) t_relay();',
      run: (ctx, params: Params, suffix, service) => enumQuery(ctx, params, suffix, service),
    }),
    enum_pv_query: fn({
      doc: `As enum_query() for a number from elsewhere. \`${WHERE}.`,
      args: [str('number'), SUFFIX, SERVICE],
      routes: ['request'],
      waits: true,
      example: 'enum_pv_query("$avp(number)");',
      run: (ctx, params: Params, number, suffix, service) => pvQuery(ctx, params, number, suffix, service),
    }),
    i_enum_query: fn({
      doc: `As enum_query() in infrastructure ENUM, which providers keep beside the public one. \`${WHERE}.`,
      args: [SUFFIX, SERVICE],
      routes: ['request'],
      waits: true,
      example: 'i_enum_query();',
      run: (ctx, params: Params, suffix, service) => iEnumQuery(ctx, params, suffix, service),
    }),
    is_from_user_enum: fn({
      doc: `True if the number of From leads to the address that the request came from. -3: it leads nowhere, -8: elsewhere. \`${WHERE}.`,
      args: [SUFFIX, SERVICE],
      routes: ['request'],
      waits: true,
      example: 'if (!is_from_user_enum()) sl_send_reply("403", "Forbidden");',
      run: (ctx, params: Params, suffix, service) => fromUser(ctx, params, suffix, service),
    }),
  },
});
