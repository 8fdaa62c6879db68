/** What can be asked of a URI, of a list of parameters and of a name with address. */
import { parseUri, type SipUri, uriTransport } from '../../sip/uri.js';
import { findParam } from '../transformations/param.js';
import { parseParamList } from '../transformations/param-list.js';
import { type Get, leaf, mapped, named, namedOr, type Place, tree } from './tree.js';

/** Value of a parameter of a list; null where it is absent or empty, or the list is bad. */
export function paramIn(list: string, name: string): string | null {
  const params = list === '' ? undefined : parseParamList(list, ';');
  return params === undefined ? null : findParam(params, name)?.[1] || null;
}

const isTel = ({ type }: SipUri): boolean => type === 'tel' || type === 'tels';
const isSecure = ({ type }: SipUri): boolean => type === 'sips' || type === 'tels';
const normalized = (number: string): string => number.replace(/[-.()]/g, '');

function user(uri: SipUri): string | null {
  return uri.user !== null && isTel(uri) ? normalized(uri.user) : uri.user;
}

/** Number to which a call was routed, else the user (RFC 4694). */
function routedUser(uri: SipUri): string | null {
  const rn = paramIn(uri.userParams, 'rn') ?? paramIn(uri.params, 'rn');
  return rn === null ? user(uri) : normalized(rn);
}

function hostPort(uri: SipUri): string | null {
  if (uri.host === '') return null;
  return `${uri.host}:${uri.portText || (isSecure(uri) ? '5061' : '5060')}`;
}

/** Those of a tel URI in a sip one stand in its user. */
const params = (uri: SipUri): string => (isTel(uri) && uri.scheme !== 'tel' ? uri.userParams : uri.params);

/** A URI and its parts. */
export function uriPlace(get: Get): Place {
  const part = (of: (uri: SipUri) => string | null) =>
    leaf(
      mapped(get, (text) => {
        const uri = parseUri(text.trim());
        return uri === undefined ? null : of(uri);
      }),
    );
  const partGet = (of: (uri: SipUri) => string | null): Get =>
    mapped(get, (text) => {
      const uri = parseUri(text);
      return uri === undefined ? null : of(uri);
    });
  return tree(get, {
    type: part((uri) => uri.type),
    user: part(user),
    rn_user: part(routedUser),
    pwd: part((uri) => uri.password),
    host: part((uri) => uri.host),
    port: part((uri) => uri.portText || null),
    params: namedOr(
      partGet((uri) => params(uri) || null),
      (ctx, name) => partGet((uri) => paramIn(params(uri), name) ?? paramIn(uri.params, name))(ctx),
    ),
    hostport: part(hostPort),
    transport: part((uri) => uriTransport(uri) ?? (isSecure(uri) ? 'tls' : 'udp')),
  });
}

/** A list of parameters of which one is asked. */
export function paramsPlace(get: Get): Place {
  return named((ctx, name) => mapped(get, (text) => paramIn(text, name))(ctx));
}

/** Offset of a character outside double quotes; -1 when there is none. */
function unquotedIndex(text: string, c: string, from = 0): number {
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted || text[i - 1] === '\\';
    else if (!quoted && text[i] === c) return i;
  }
  return -1;
}

function nameOf(text: string): string | null {
  const open = unquotedIndex(text, '<');
  return open < 0 ? '' : text.slice(0, open).trimEnd();
}

function uriOf(text: string): string | null {
  const open = unquotedIndex(text, '<');
  if (open < 0) return text.split(';', 1)[0] ?? '';
  const close = unquotedIndex(text, '>', open + 1);
  return close < 0 ? null : text.slice(open + 1, close);
}

function paramsOf(text: string): string | null {
  const open = unquotedIndex(text, '<');
  const close = open < 0 ? 0 : unquotedIndex(text, '>', open + 1);
  const at = close < 0 ? -1 : unquotedIndex(text, ';', close);
  return at < 0 ? null : text.slice(at + 1);
}

/** Parts of `"name" <uri>;params`. */
export function nameAddrPlace(get: Get): Place {
  const list = mapped(get, paramsOf);
  return tree(undefined, {
    name: leaf(mapped(get, nameOf)),
    uri: uriPlace(mapped(get, uriOf)),
    params: namedOr(list, (ctx, name) => mapped(list, (text) => paramIn(text, name))(ctx)),
  });
}
