/** Changing parts of the request URI, for `$rU` and its family and for the core's statements (setuser(), strip() …). */
import type { SipMessage } from '../sip/message.js';
import { parseParams, parseUri, type SipUri } from '../sip/uri.js';

/** Kamailio's MAX_URI_SIZE: a longer result is refused. */
export const MAX_URI_SIZE = 1024;

export type UriChange =
  | {
      readonly kind: 'user' | 'userpass' | 'prefix' | 'host' | 'hostport' | 'hostporttrans' | 'hostall' | 'port';
      readonly text: string;
    }
  | { readonly kind: 'strip' | 'striptail'; readonly count: number }
  | { readonly kind: 'userphone' };

const NEW_HOST: ReadonlySet<string> = new Set(['host', 'hostport', 'hostporttrans', 'hostall']);

/** Applies a change to the request URI in force; false when it is no URI or cannot be changed so. */
export function changeUri(msg: SipMessage, change: UriChange): boolean {
  const uri = parseUri(msg.uri);
  if (uri === undefined) return false;
  if (change.kind === 'userphone' && isPhone(uri)) return true;
  const text = rewriteUri(uri, change);
  if (text === undefined) return false;
  msg.newUri = text;
  return true;
}

function isPhone(uri: SipUri): boolean {
  return uri.type === 'tel' || uri.type === 'tels';
}

/** The text of `uri` after a change; undefined where Kamailio refuses it (port of a tel: URI, too long). */
export function rewriteUri(uri: SipUri, change: UriChange): string | undefined {
  const isTel = uri.scheme === 'tel' || uri.scheme === 'tels';
  if (change.kind === 'port' && isTel) return undefined;
  const user = newUser(uri, change);
  const password = user === '' || change.kind === 'userpass' ? null : uri.password;
  const host = newHost(uri, change);
  let out = `${newScheme(uri, change)}:${user}`;
  if (password !== null) out += `:${password}`;
  const telParams = isTel ? uri.params : isPhone(uri) ? uri.userParams : '';
  if (telParams !== '') out += `;${telParams}`;
  if (host !== undefined) out += user === '' ? host : `@${host}`;
  if (change.kind !== 'hostall') out += newTail(uri, change, isTel);
  return out.length > MAX_URI_SIZE ? undefined : out;
}

function newScheme(uri: SipUri, change: UriChange): string {
  if (uri.scheme === 'urn') return 'sip';
  // sips with user=phone is a tel URI, and a tel URI becomes sip (case core/tel-uri-statements)
  if (uri.scheme !== 'tel' && uri.scheme !== 'tels') return isPhone(uri) ? 'sip' : uri.scheme;
  if (!NEW_HOST.has(change.kind) || change.kind === 'hostall') return uri.scheme;
  return uri.scheme === 'tel' ? 'sip' : 'sips';
}

function newUser(uri: SipUri, change: UriChange): string {
  const user = uri.user ?? '';
  switch (change.kind) {
    case 'user':
    case 'userpass':
      return change.text;
    case 'prefix':
      return change.text + user;
    case 'strip':
      return user.slice(change.count);
    case 'striptail':
      return change.count >= user.length ? '' : user.slice(0, user.length - change.count);
    default:
      return user;
  }
}

function newHost(uri: SipUri, change: UriChange): string | undefined {
  if (NEW_HOST.has(change.kind) && 'text' in change) return change.text;
  return uri.scheme === 'sip' || uri.scheme === 'sips' ? uri.host : undefined;
}

/** Port, parameters and headers. */
function newTail(uri: SipUri, change: UriChange, isTel: boolean): string {
  const port = newPort(uri, change);
  let out = port === '' ? '' : `:${port}`;
  const params = isTel || uri.scheme === 'urn' ? '' : uri.params;
  const kept = change.kind === 'hostporttrans' ? withoutTransport(params) : params;
  if (kept !== '') out += `;${kept}`;
  const becomesPhone = isTel && NEW_HOST.has(change.kind);
  if (becomesPhone || change.kind === 'userphone') out += ';user=phone';
  return uri.headers === '' ? out : `${out}?${uri.headers}`;
}

function newPort(uri: SipUri, change: UriChange): string {
  if (change.kind === 'hostport' || change.kind === 'hostporttrans') return '';
  return change.kind === 'port' ? change.text : uri.portText;
}

function withoutTransport(params: string): string {
  if (!parseParams(params).some(([name]) => name.toLowerCase() === 'transport')) return params;
  return params
    .split(';')
    .filter((p) => !/^\s*transport\s*(=|$)/i.test(p))
    .join(';');
}
