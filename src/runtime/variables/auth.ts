/** Digest credentials (variables.md, section 3: `$au` …): Proxy-Authorization wins over Authorization. */
import { fromOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { Header, SipMessage } from '../../sip/message.js';
import type { Context } from '../context.js';
import { extraKey } from '../context.js';
import { type PvDefinition, pv } from '../module.js';
import type { Value } from '../values.js';

/** Fields of the credentials in view, names in lower case, quotes taken off. */
export type Credentials = ReadonlyMap<string, string>;

/** Credentials that an auth function accepted: set by the auth modules in `msg.slots`. */
export const CHECKED_CREDENTIALS = extraKey<CheckedCredentials>('checked credentials');

export interface CheckedCredentials {
  readonly user: string;
  readonly realm: string;
  /** Where they stand. */
  readonly header: Header;
}

/**
 * Fields of `Digest a="b", c=d` as Kamailio reads them (case pv/auth-forms): a quote ends at the next one, whatever
 * stands before it; what follows a value up to the comma is skipped; of two equal names the last wins. Undefined for
 * another scheme or where it does not parse.
 */
export function digestFields(value: string): Credentials | undefined {
  const scheme = /^\s*digest[\s,]\s*/i.exec(value);
  if (scheme === null) return undefined;
  const out = new Map<string, string>();
  for (let at = scheme[0].length; at >= 0; ) {
    const equals = value.indexOf('=', at);
    const field = equals < 0 ? undefined : fieldValue(value, skipBlanks(value, equals + 1));
    if (field === undefined) return undefined;
    out.set(value.slice(at, equals).trim().toLowerCase(), field.text);
    const comma = value.indexOf(',', field.end);
    at = comma < 0 ? -1 : skipBlanks(value, comma + 1);
  }
  return out;
}

function fieldValue(value: string, at: number): { readonly text: string; readonly end: number } | undefined {
  if (value[at] === '"') {
    const close = value.indexOf('"', at + 1);
    return close < 0 ? undefined : { text: value.slice(at + 1, close), end: close + 1 };
  }
  let end = at;
  while (end < value.length && !/[\s,]/.test(value[end]!)) end++;
  return end === at ? undefined : { text: value.slice(at, end), end };
}

function skipBlanks(value: string, from: number): number {
  let at = from;
  while (at < value.length && /\s/.test(value[at]!)) at++;
  return at;
}

function credentialsOf(msg: SipMessage): Credentials | undefined {
  const cached = msg.parsed.pvCredentials;
  if (cached instanceof Map) return cached;
  if (cached === null) return undefined;
  const value = msg.firstValue(HDR.PROXYAUTH) ?? msg.firstValue(HDR.AUTHORIZATION);
  const fields = value === undefined ? undefined : digestFields(value);
  msg.parsed.pvCredentials = fields ?? null;
  return fields;
}

/** ACK and CANCEL are not challenged: theirs read null (case pv/auth-in-ack-and-cancel). */
function credential(read: (fields: Credentials) => Value) {
  return ({ msg }: Context): Value => {
    if (msg.method === 'ACK' || msg.method === 'CANCEL') return null;
    const fields = credentialsOf(msg);
    return fields === undefined ? null : read(fields);
  };
}

const field = (name: string) => credential((f) => f.get(name) ?? '');

/** User and domain of a username: cut at its first `@`, a scheme in front left out. */
function cut(username: string): [user: string, domain: string] {
  if (username.length <= 2) return [username, ''];
  const at = username.indexOf('@');
  const user = at < 0 ? username : username.slice(0, at);
  return [user.slice(user.indexOf(':') + 1), at < 0 ? '' : username.slice(at + 1)];
}

function accountUser({ msg }: Context): Value {
  const checked = checkedOf(msg);
  if (checked !== undefined) return checked.user;
  const uri = fromOf(msg)?.uriParts;
  return uri === undefined ? null : (uri.user ?? '');
}

function accountName({ msg }: Context): Value {
  const checked = checkedOf(msg);
  if (checked !== undefined) return checked.realm === '' ? checked.user : `${checked.user}@${checked.realm}`;
  const uri = fromOf(msg)?.uriParts;
  return uri === undefined ? null : `${uri.user ?? ''}@${uri.host}`;
}

function checkedOf(msg: SipMessage): { readonly user: string; readonly realm: string } | undefined {
  const found = msg.slots.get(CHECKED_CREDENTIALS) as { user: string; realm: string } | undefined;
  return found === undefined || found.user === '' ? undefined : found;
}

export const AUTH: Readonly<Record<string, PvDefinition>> = {
  au: pv(
    'User of the credentials, without its domain.',
    credential((f) => cut(f.get('username') ?? '')[0]),
  ),
  aU: pv('Username of the credentials as it is.', field('username')),
  ad: pv(
    'Domain in the username of the credentials.',
    credential((f) => cut(f.get('username') ?? '')[1]),
  ),
  ar: pv('Realm of the credentials.', field('realm')),
  adu: pv(
    'URI of the credentials; null when empty.',
    credential((f) => f.get('uri') || null),
  ),
  aa: pv('Algorithm of the credentials.', field('algorithm')),
  adn: pv('Nonce of the credentials.', field('nonce')),
  adc: pv('Client nonce of the credentials.', field('cnonce')),
  adr: pv('Response of the credentials.', field('response')),
  ado: pv('Opaque of the credentials.', field('opaque')),
  Au: pv('user@realm of checked credentials, else user@host of From.', accountName),
  AU: pv('User of checked credentials, else of From.', accountUser),
};
