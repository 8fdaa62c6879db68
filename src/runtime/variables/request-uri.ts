/** `$ru` and its parts, `$ou`, `$du`, `$nh`: variables.md, section 2. */
import { isIP } from 'node:net';
import { PROTO_ID } from '../../sip/transport.js';
import { parseUri, type SipUri, uriParam, uriTransport } from '../../sip/uri.js';
import type { Context } from '../context.js';
import { type PvDefinition, pv, pvTable, shown } from '../module.js';
import { changeUri, type UriChange } from '../uri-rewrite.js';
import { Dual, type Value } from '../values.js';
import { assignedText, type Get, isNull, logError, nullRead, orNull } from './support.js';
import { replyDestination } from './via.js';

const PORT_5060 = new Dual('5060', 5060);
const PORT_5061 = new Dual('5061', 5061);
const UDP = new Dual('UDP', 1);
const SCHEMES: Readonly<Record<SipUri['type'], Dual>> = {
  sip: new Dual('sip', 1),
  sips: new Dual('sips', 2),
  tel: new Dual('tel', 3),
  tels: new Dual('tels', 4),
  urn: new Dual('urn', 5),
};

export const uriUser = (uri: SipUri): Value => orNull(uri.user);
export const uriHost = (uri: SipUri): Value => orNull(uri.host);
const userLength = (uri: SipUri): Value => uri.user?.length ?? 0;
const scheme = (uri: SipUri): Value => SCHEMES[uri.type];

function port(uri: SipUri): Value {
  if (uri.portText !== '') return new Dual(uri.portText, uri.port);
  return uriTransport(uri) === 'tls' ? PORT_5061 : PORT_5060;
}

function portOr5060(uri: SipUri): Value {
  return uri.portText === '' ? PORT_5060 : new Dual(uri.portText, uri.port);
}

function transport(uri: SipUri): Value {
  const text = uriParam(uri, 'transport');
  if (text === undefined) return UDP;
  const proto = uriTransport(uri);
  return new Dual(text, proto === undefined ? 0 : PROTO_ID[proto]);
}

// ------------------------------------------------------------- request URI

function ruri(ctx: Context): Value {
  const { msg } = ctx;
  if (!msg.isRequest) return null;
  return parseUri(msg.uri) === undefined ? nullRead(ctx, 'failed to parse the R-URI') : msg.uri;
}

function ruriPart(part: (uri: SipUri) => Value): Get {
  return (ctx) => {
    if (!ctx.msg.isRequest) return null;
    const uri = parseUri(ctx.msg.uri);
    return uri === undefined ? nullRead(ctx, 'failed to parse the R-URI') : part(uri);
  };
}

function ouri(ctx: Context): Value {
  const { msg } = ctx;
  return msg.isRequest && parseUri(msg.originalUri) !== undefined ? msg.originalUri : null;
}

function ouriPart(part: (uri: SipUri) => Value): Get {
  return (ctx) => {
    if (!ctx.msg.isRequest) return null;
    const uri = parseUri(ctx.msg.originalUri);
    return uri === undefined ? null : part(uri);
  };
}

/** Kamailio hands the text on as a C string: it ends at its first NUL. */
function setRuri(ctx: Context, value: Value): boolean {
  const text = assignedText(value);
  if (text === undefined) return logError(ctx, 'str value required to set R-URI');
  ctx.msg.newUri = cString(text);
  return true;
}

function cString(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

function change(ctx: Context, what: UriChange): boolean {
  if (!ctx.msg.isRequest) return logError(ctx, 'no R-URI in a reply');
  return changeUri(ctx.msg, what) || logError(ctx, `bad uri <${ctx.msg.uri}>`);
}

function setUser(ctx: Context, value: Value): boolean {
  if (isNull(value)) return change(ctx, { kind: 'user', text: '' });
  const text = assignedText(value);
  if (text === undefined) return logError(ctx, 'str value required to set R-URI user');
  return change(ctx, { kind: 'user', text: cString(text) });
}

function setHost(ctx: Context, value: Value): boolean {
  const text = assignedText(value);
  if (text === undefined) return logError(ctx, 'str value required to set R-URI hostname');
  return change(ctx, { kind: 'host', text: cString(text) });
}

function setPort(ctx: Context, value: Value): boolean {
  if (isNull(value)) return change(ctx, { kind: 'port', text: '' });
  const text = typeof value === 'number' ? `${value >>> 0}` : (assignedText(value) ?? '');
  return change(ctx, { kind: 'port', text: cString(text) });
}

// --------------------------------------------------------------- next hop

function setDestination(ctx: Context, value: Value): boolean {
  if (isNull(value)) {
    ctx.msg.dstUri = null;
    return true;
  }
  const text = assignedText(value);
  if (text === undefined) return logError(ctx, 'error - str value required to set dst uri');
  ctx.msg.dstUri = text === '' ? null : text;
  return true;
}

function destinationPart(part: (uri: SipUri) => Value): Get {
  return (ctx) => {
    const text = ctx.msg.dstUri;
    if (text === null) return null;
    const uri = parseUri(text);
    return uri === undefined ? nullRead(ctx, 'failed to parse dst uri') : part(uri);
  };
}

/** `$nh(x)`: from `$du`, else the request URI; in a reply from the second Via. */
function nextHop(part: (uri: SipUri) => Value, inReply: Get): Get {
  return (ctx) => {
    const { msg } = ctx;
    if (!msg.isRequest) return inReply(ctx);
    const uri = parseUri(msg.dstUri || msg.uri);
    return uri === undefined ? nullRead(ctx, 'failed to parse nh uri') : part(uri);
  };
}

const family = (host: string): number => isIP(host.replace(/^\[(.*)\]$/, '$1'));

const ruriUser = shown(
  pv('User of the request URI, escapes kept; null without one.', ruriPart(uriUser), setUser),
  '$rU = "dave";\nxlog("$ru\\n");\n#> sip:dave@example.com:5070;transport=udp',
);
const ruriDomain = shown(
  pv('Host of the request URI as written; null for tel:.', ruriPart(uriHost), setHost),
  'xlog("$rd\\n");\n$rd = "example.net";\nxlog("$ru\\n");\n#> example.com\n#> sip:bob@example.net:5070;transport=udp',
);
const ruriDoc = 'Request URI as it is now; a text that is no URI reads null.';
const ouriDoc = 'Request URI as received.';
const duri = pv(
  'Next hop (outbound proxy) instead of the request URI; null unsets it.',
  (c) => c.msg.dstUri,
  setDestination,
);

export const REQUEST_URI: Readonly<Record<string, PvDefinition>> = {
  ru: shown(
    pv(ruriDoc, ruri, setRuri),
    'xlog("$ru\\n");\n$ru = "sip:carol@example.org";\nxlog("$rU at $rd, was $oU\\n");\n#> sip:bob@example.com:5070;transport=udp\n#> carol at example.org, was bob',
  ),
  ruri: pv(ruriDoc, ruri, setRuri),
  rU: ruriUser,
  'ruri.user': ruriUser,
  rd: ruriDomain,
  'ruri.domain': ruriDomain,
  rp: shown(
    pv('Port of the request URI, 5060 (5061 with transport tls) where none is written.', ruriPart(port), setPort),
    'xlog("$rp $rP $rz\\n");\n#> 5070 udp sip',
  ),
  rP: pv('Transport parameter of the request URI, `UDP` where there is none.', ruriPart(transport)),
  rz: pv('Scheme of the request URI: sip sips tel tels urn.', ruriPart(scheme)),
  rUl: pv('Length of the user of the request URI.', ruriPart(userLength)),
  ou: pv(ouriDoc, ouri),
  ouri: pv(ouriDoc, ouri),
  oU: pv('User of the request URI as received.', ouriPart(uriUser)),
  oUl: pv('Length of the user of the request URI as received.', ouriPart(userLength)),
  od: pv('Host of the request URI as received.', ouriPart(uriHost)),
  op: pv('Port of the request URI as received.', ouriPart(port)),
  oP: pv('Transport of the request URI as received.', ouriPart(transport)),
  du: duri,
  duri,
  dd: pv('Host of `$du`.', destinationPart(uriHost)),
  dp: pv('Port of `$du`, 5060 or 5061 by default.', destinationPart(port)),
  dP: pv('Transport of `$du`, `UDP` by default.', destinationPart(transport)),
  nh: pvTable('Next hop: `$du` if set, else `$ru`; in a reply the second Via.', {
    u: (ctx) => (ctx.msg.isRequest ? ctx.msg.dstUri || ctx.msg.uri : (replyDestination(ctx.msg)?.uri ?? null)),
    U: nextHop(uriUser, () => null),
    d: nextHop(uriHost, (ctx) => replyDestination(ctx.msg)?.host ?? null),
    p: nextHop(portOr5060, (ctx) => replyDestination(ctx.msg)?.port ?? null),
    P: nextHop(transport, (ctx) => replyDestination(ctx.msg)?.proto ?? null),
    i: nextHop(
      (uri) => family(uri.host),
      (ctx) => {
        const host = replyDestination(ctx.msg)?.host;
        return host === undefined ? null : family(host);
      },
    ),
  }),
};
