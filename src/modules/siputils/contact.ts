/** Contacts hidden in a user part (encode_contact) or in a parameter (contact_param_encode), and brought back. */
import type { Context } from '../../runtime/context.js';
import { fn, str } from '../../runtime/module.js';
import { type Contact, contactsOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { parseUri, type SipUri, uriParam } from '../../sip/uri.js';
import { anyParams, paramNamed, plain, refused } from './support.js';

export interface Params {
  readonly contact_flds_separator: string;
}

/** A new URI, or the negative code of what is wrong. */
type Made = string | number;

/** Kamailio's code of a text that is no URI, with what its callers take off. */
const NO_URI = -479 - 10 - 20;
const NO_SCHEME = -5 - 20;

/** `sip:user:pw@host:port;transport=x` as `sip:prefix*user*pw*host*port*x@address`: other parameters are lost. */
export function encodeUri(uri: string, prefix: string, address: string, separator: string): Made {
  if (uri.length <= 1) return -1;
  const colon = uri.indexOf(':');
  if (colon < 3) return colon < 0 ? NO_SCHEME : NO_SCHEME - 1;
  // three letters before the colon are taken for the scheme: sips is none
  const parts = colon === 3 ? parseUri(uri) : undefined;
  if (parts === undefined) return NO_URI;
  return `${uri.slice(0, colon + 1)}${[prefix, ...fieldsOf(parts)].join(separator)}@${address}`;
}

function fieldsOf(uri: SipUri): string[] {
  return [uri.user ?? '', uri.password ?? '', uri.host, uri.portText, uriParam(uri, 'transport') ?? ''];
}

const FIELDS = 6;

export function decodeUri(uri: string, separator: string): Made {
  if (uri === '') return -1;
  const start = uri.indexOf(':') + 1;
  if (start === 0) return -22;
  const at = uri.indexOf('@', start);
  if (at < 0) return -23;
  const fields = uri.slice(start, at).split(separator);
  if (fields.length !== FIELDS) return fields.length > FIELDS ? -24 : -26;
  const [, user, password, host, port, transport] = fields;
  if (host === '') return -2;
  if (password !== '' && user === '') return -3;
  const credentials = user === '' ? '' : password === '' ? `${user}@` : `${user}:${password}@`;
  const rest = /[;>].*$/s.exec(uri.slice(at))?.[0] ?? '';
  return `${uri.slice(0, start)}${credentials}${host}${port && `:${port}`}${transport && `;transport=${transport}`}${rest}`;
}

const separatorOf = ({ contact_flds_separator }: Params) => contact_flds_separator[0] ?? '*';

function replaceUri(ctx: Context, contact: Contact, uri: string): void {
  const { address } = contact;
  if (address !== undefined) ctx.msg.edits.replace(address.uriStart, address.uriEnd - address.uriStart, uri);
}

/** Contacts of the first Contact line, last first: the order in which 5.6.3 walks them, and stops at an error (seen). */
function firstLine(ctx: Context): readonly Contact[] | undefined {
  const header = ctx.msg.first(HDR.CONTACT);
  if (header === undefined) return undefined;
  return contactsOf(ctx.msg)
    .filter((c) => c.header === header)
    .reverse();
}

function rewriteFirstLine(ctx: Context, what: string, make: (uri: string) => Made): number {
  const contacts = firstLine(ctx);
  if (contacts === undefined) return refused(ctx, 'no Contact header present');
  for (const contact of contacts) {
    if (contact.star) continue;
    const made = make(contact.uri);
    if (typeof made === 'number')
      return refused(ctx, `failed ${what} contact [${contact.uri}] - return code ${made}`, made);
    replaceUri(ctx, contact, made);
  }
  return 1;
}

// ------------------------------------------------------- contact_param_*()

const MIN_URI = 4;

function base64url(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64url');
}

/** undefined: no base64 (url or plain). */
function fromBase64url(text: string): string | undefined {
  if (!/^[A-Za-z0-9_+/-]+=*$/.test(text)) return undefined;
  return Buffer.from(text, 'base64url').toString('latin1') || undefined;
}

function encodeInParam(ctx: Context, name: string, address: string): number {
  for (const contact of firstLine(ctx) ?? []) {
    if (contact.uri.length <= MIN_URI) continue;
    const uri = `${address};${name}=${base64url(contact.uri)}`;
    replaceUri(ctx, contact, contact.address?.bracketed ? uri : `<${uri}>`);
  }
  return 1;
}

/** Runs `use` for each contact whose URI has the parameter: a code from it, or from a URI that does not parse, ends it. */
function eachWithParam(
  ctx: Context,
  name: string,
  use: (contact: Contact, param: { value: string; start: number; end: number }) => number | undefined,
): number {
  for (const contact of contactsOf(ctx.msg)) {
    if (contact.uri.length < MIN_URI) continue;
    const uri = parseUri(contact.uri);
    if (uri === undefined) return refused(ctx, `failed to parse contact uri [${contact.uri}]`);
    const params = anyParams(uri);
    const found = paramNamed(params, name);
    const at = contact.uri.indexOf(`;${params}`) + 1;
    const code = found && use(contact, { value: found.value, start: at + found.start, end: at + found.end });
    if (code !== undefined) return code;
  }
  return 1;
}

function decodeFromParam(ctx: Context, name: string): number {
  return eachWithParam(ctx, name, (contact, { value }) => {
    if (value === '') return undefined;
    const uri = fromBase64url(value);
    if (uri === undefined) return refused(ctx, `failed to decode contact uri [${contact.uri}]`);
    replaceUri(ctx, contact, uri);
    return undefined;
  });
}

function removeParam(ctx: Context, name: string): number {
  return eachWithParam(ctx, name, (contact, { start, end }) => {
    const semicolon = contact.uri.lastIndexOf(';', start);
    if (semicolon >= 0) ctx.msg.edits.replace(contact.address!.uriStart + semicolon, end - semicolon);
    return undefined;
  });
}

function decodeRequestUri(ctx: Context, name: string): number {
  const uri = parseUri(ctx.msg.uri);
  if (uri === undefined) return refused(ctx, `failed to parse r-uri [${ctx.msg.uri}]`);
  const value = paramNamed(anyParams(uri), name)?.value ?? '';
  if (value === '') return 1;
  const decoded = fromBase64url(value);
  if (decoded === undefined) return refused(ctx, `failed to decode uri [${ctx.msg.uri}]`);
  ctx.msg.newUri = decoded;
  return 1;
}

export const CONTACT_FUNCTIONS = {
  encode_contact: fn({
    doc: 'Hides the URIs of Contact in user parts at the address: `sip:prefix*user*password*host*port*transport@address`.',
    args: [plain('prefix'), plain('address')],
    routes: ['request', 'reply'],
    run: (ctx, p: Params, prefix, address) =>
      rewriteFirstLine(ctx, 'encoding', (uri) => encodeUri(uri, prefix, address, separatorOf(p))),
  }),
  decode_contact: fn({
    doc: 'Brings the request URI back that encode_contact() made.',
    args: [],
    routes: ['request'],
    run(ctx, p: Params) {
      const made = decodeUri(ctx.msg.uri, separatorOf(p));
      if (typeof made === 'number') {
        return refused(ctx, `failed decoding contact [${ctx.msg.uri}] - return code ${made}`, made);
      }
      ctx.msg.newUri = made;
      return 1;
    },
  }),
  decode_contact_header: fn({
    doc: 'Brings the URIs of Contact back that encode_contact() made.',
    args: [],
    routes: ['request', 'failure', 'reply'],
    run: (ctx, p: Params) => rewriteFirstLine(ctx, 'decoding', (uri) => decodeUri(uri, separatorOf(p))),
  }),
  contact_param_encode: fn({
    doc: 'Replaces the URIs of Contact by `address;name=…`, the old one in base64url.',
    args: [str('name'), str('address')],
    routes: ['request', 'reply'],
    run: (ctx, _p: Params, name, address) => encodeInParam(ctx, name, address),
  }),
  contact_param_decode: fn({
    doc: 'Brings the URIs of Contact back that contact_param_encode() made.',
    args: [str('name')],
    routes: ['request', 'reply'],
    run: (ctx, _p: Params, name) => decodeFromParam(ctx, name),
  }),
  contact_param_decode_ruri: fn({
    doc: 'Brings the request URI back that contact_param_encode() made.',
    args: [str('name')],
    routes: ['request'],
    run: (ctx, _p: Params, name) => decodeRequestUri(ctx, name),
  }),
  contact_param_rm: fn({
    doc: 'Takes a parameter off the URIs of Contact.',
    args: [str('name')],
    routes: ['request', 'reply'],
    run: (ctx, _p: Params, name) => removeParam(ctx, name),
  }),
};
