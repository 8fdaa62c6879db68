/** The classes `uri` and `urialias`: SIP URIs. */

import { PROTO_ID, type Proto } from '../../sip/transport.js';
import { parseUri, protoOf, type SipUri, uriParam } from '../../sip/uri.js';
import type { TransformationDefinition } from '../module.js';
import { Dual, type Value } from '../values.js';
import { textArg } from './arguments.js';
import { type Entry, plain, someText, transformationClass, withOne } from './common.js';
import { URI_EXAMPLES } from './examples.js';
import { findParam } from './param.js';
import { parseParamList } from './param-list.js';

/** A `;` at the end is forgiven. */
function parsed(text: string): SipUri | undefined {
  return parseUri(text.length > 4 && text.endsWith(';') ? text.slice(0, -1) : text);
}

/** Parameters count for sip and sips alone. */
function sipParams(uri: SipUri): string {
  return uri.scheme === 'sip' || uri.scheme === 'sips' ? uri.params : '';
}

function entry(doc: string, of: (uri: SipUri, text: string) => Value): Entry {
  return plain(doc, someText, (text) => {
    const uri = parsed(text);
    return uri === undefined ? undefined : of(uri, text);
  });
}

const known = (name: string) => (uri: SipUri) => uriParam(uri, name) ?? '';

function paramNamed(text: string, name: string): Value {
  const uri = parsed(text);
  if (uri === undefined) return undefined;
  const params = sipParams(uri);
  if (params === '') return '';
  const list = parseParamList(params, ';');
  return list === undefined ? undefined : (findParam(list, name)?.[1] ?? '');
}

const scheme = (text: string): string => text.slice(0, text.indexOf(':'));
const transportOf = (uri: SipUri): string => uriParam(uri, 'transport') ?? '';

/** `scheme:user@host`, then port and transport where wanted. */
function built(text: string, uri: SipUri, withUser: boolean, withPort: boolean): string {
  const user = withUser && uri.user ? `${uri.user}@` : '';
  const port = withPort && uri.portText !== '' ? `:${uri.portText}` : '';
  const transport = withPort && transportOf(uri) !== '' ? `;transport=${transportOf(uri)}` : '';
  return `${scheme(text)}:${user}${uri.host}${port}${transport}`;
}

function socket(uri: SipUri): string {
  const proto = protoOf(transportOf(uri));
  return proto === undefined ? '' : `${proto}:${uri.host}:${uri.port || 5060}`;
}

export const uri: TransformationDefinition = transformationClass(
  'uri',
  'Parts of a SIP URI; a part that is absent is empty. A text that is no URI fails.',
  {
    user: entry('User, escapes kept.', (u) => u.user ?? ''),
    host: entry('Host.', (u) => u.host),
    domain: entry('Host.', (u) => u.host),
    passwd: entry('Password.', (u) => u.password ?? ''),
    port: entry(
      'Port, an int that prints as it was spelt; 0, printed as nothing, when there is none.',
      (u) => new Dual(u.portText, u.port, true),
    ),
    saor: entry('`scheme:user@host`.', (u, text) => built(text, u, true, false)),
    suri: entry('`scheme:user@host:port;transport=proto`.', (u, text) => built(text, u, true, true)),
    duri: entry('`scheme:host:port;transport=proto`.', (u, text) => built(text, u, false, true)),
    params: entry('All parameters.', sipParams),
    param: withOne(
      'Value of the parameter of a name, without quotes; names ignore case.',
      someText,
      textArg,
      paramNamed,
    ),
    headers: entry('What follows the `?`.', (u) => u.headers),
    scheme: entry('Scheme as written.', (_u, text) => scheme(text)),
    transport: entry('Value of the parameter transport.', transportOf),
    ttl: entry('Value of the parameter ttl.', known('ttl')),
    uparam: entry('Value of the parameter user.', known('user')),
    maddr: entry('Value of the parameter maddr.', known('maddr')),
    method: entry('Value of the parameter method.', known('method')),
    lr: entry('Value of the parameter lr.', known('lr')),
    r2: entry('Value of the parameter r2.', known('r2')),
    tosocket: entry('`proto:host:port`, port 5060 where none is written; empty without a known transport.', socket),
  },
  URI_EXAMPLES,
);

const PROTOS = new Map<string, Proto>(Object.entries(PROTO_ID).map(([name, id]) => [`${id}`, name as Proto]));

function aliasOf(text: string): Value {
  const u = parseUri(text);
  if (u === undefined) return '';
  const proto = protoOf(transportOf(u)) ?? 'udp';
  const port = u.portText || (proto === 'tls' || proto === 'wss' ? '5061' : '5060');
  return `${u.host}~${port}~${PROTO_ID[proto]}`;
}

/** `host~port~proto`; only the first digit of the proto counts. */
function uriOfAlias(text: string): Value {
  const [host, port, proto, ...more] = text.split('~');
  if (host === undefined || port === undefined || proto === undefined) return '';
  const digit = proto === '' && more.length === 0 ? undefined : (proto[0] ?? '~');
  if (digit === '0' || digit === '1') return `sip:${host}:${port}`;
  const name = digit === undefined ? undefined : PROTOS.get(digit);
  return name === undefined ? '' : `sip:${host}:${port};transport=${name}`;
}

export const urialias: TransformationDefinition = transformationClass(
  'urialias',
  'The alias `host~port~proto-number` of a URI, as handle_ruri_alias() takes it.',
  {
    encode: plain('Alias of a URI; empty when it is none.', someText, aliasOf),
    decode: plain('URI of an alias; empty when it is none.', someText, uriOfAlias),
  },
);
