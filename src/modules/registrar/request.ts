/** A REGISTER taken apart: its contacts, and what is wrong with it (RFC 3261, 10.3). */
import type { Context } from '../../runtime/context.js';
import { type Contact, callIdOf, contactsOf, cseqOf, hasOption, routesOf, toOf, viasOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { parseUri, uriParam } from '../../sip/uri.js';
import { expiresHeader } from './expires.js';
import { OUTBOUND, registrarParams } from './params.js';
import type { ErrorName } from './reply.js';

export interface Registration {
  /** In the order in which they are taken in. */
  readonly contacts: readonly Contact[];
  readonly star: boolean;
  /** Does reg-id count? */
  readonly useRegId: boolean;
}

const MAX_RECEIVED = 255;

export function readRegistration(ctx: Context): Registration | { readonly error: ErrorName } {
  const { msg } = ctx;
  const broken = unreadable(msg);
  if (broken !== undefined) return { error: broken };
  const contacts = inOrder(contactsOf(msg));
  const star = contactsOf(msg)[0]?.star ?? false;
  const wrong = star ? wrongStar(msg) : wrongContacts(ctx, contactsOf(msg));
  if (wrong !== undefined) return { error: wrong };
  const outbound = outboundOf(ctx, contactsOf(msg)[0]);
  if ('error' in outbound) return outbound;
  return { contacts: star ? [] : contacts, star, useRegId: outbound.useRegId };
}

function unreadable(msg: SipMessage): ErrorName | undefined {
  if (msg.malformedAt >= 0 || toOf(msg) === undefined) return 'PARSE';
  if (callIdOf(msg) === undefined || cseqOf(msg) === undefined) return 'PARSE';
  if (msg.firstValue(HDR.EXPIRES) === '') return 'PARSE_EXPIRES';
  const contacts = contactsOf(msg);
  let known = 0;
  for (const header of msg.headers) {
    if (header.id !== HDR.CONTACT) continue;
    const first = known;
    for (; known < contacts.length && contacts[known]!.header === header; known++) {
      const contact = contacts[known]!;
      if (!contact.star && !isAddress(contact)) return 'PARSE_CONTACT';
    }
    if (known === first) return 'PARSE_CONTACT';
  }
  return undefined;
}

/** An address without brackets must have a scheme, or what looks like one. */
function isAddress(contact: Contact): boolean {
  if (contact.uri === '') return false;
  return contact.address?.bracketed === true || contact.uri.includes(':') || contact.params !== '';
}

/** Kamailio takes the contacts of one header from the last to the first (seen). */
function inOrder(contacts: readonly Contact[]): readonly Contact[] {
  if (contacts.length < 2) return contacts;
  const out: Contact[] = [];
  let line: Contact[] = [];
  for (const contact of contacts) {
    if (line.length > 0 && line[0]!.header !== contact.header) {
      out.push(...line);
      line = [];
    }
    line.unshift(contact);
  }
  return [...out, ...line];
}

function wrongStar(msg: SipMessage): ErrorName | undefined {
  if (expiresHeader(msg) !== 0) return 'STAR_EXPIRES';
  return contactsOf(msg).length > 1 ? 'STAR_CONTACT' : undefined;
}

function wrongContacts(ctx: Context, contacts: readonly Contact[]): ErrorName | undefined {
  const { contact_max_size } = registrarParams(ctx.program);
  for (const c of contacts) {
    if (c.star) return 'STAR_CONTACT';
    if (c.uri.length > contact_max_size || (c.param('received') ?? '').length > MAX_RECEIVED) return 'CONTACT_LEN';
  }
  return undefined;
}

/** RFC 5626, 6: is outbound agreed, and does reg-id count? */
function outboundOf(
  ctx: Context,
  contact: Contact | undefined,
): { readonly useRegId: boolean } | { readonly error: ErrorName } {
  const { msg } = ctx;
  const { outbound_mode: mode, regid_mode } = registrarParams(ctx.program);
  const supported = hasOption(msg, HDR.SUPPORTED, 'outbound');
  if (!supported && mode === OUTBOUND.REQUIRED && msg.first(HDR.SUPPORTED) !== undefined)
    return { error: 'OUTBOUND_UNSUPPORTED' };
  if (mode === OUTBOUND.NONE && hasOption(msg, HDR.REQUIRE, 'outbound')) return { error: 'OUTBOUND_REQUIRED' };
  if (mode === OUTBOUND.NONE || contact === undefined || viasOf(msg).length < 2) return { useRegId: true };
  const path = routesOf(msg, HDR.PATH)[0];
  const first = path === undefined ? undefined : parseUri(path.uri);
  const byEdge = first !== undefined && uriParam(first, 'ob') !== undefined;
  if (byEdge || regid_mode !== 0) return { useRegId: true };
  return supported && contact.param('reg-id') !== undefined ? { error: 'OUTBOUND_EDGE' } : { useRegId: false };
}
