/** Selects of single headers: From, To, Contact, Via, CSeq and those that are taken as they are. */
import { type DigestParams, parseDigest } from '../../sip/digest.js';
import {
  type Contact,
  contactsOf,
  cseqOf,
  fromOf,
  nameAddr,
  type RouteItem,
  routesOf,
  toOf,
  type Via,
  viasOf,
} from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import type { SelectDefinition } from '../module.js';
import { type Get, indexed, leaf, named, type Place, select, tree } from './tree.js';
import { paramIn, uriPlace } from './uri.js';

const body =
  (id: number): Get =>
  ({ msg }) =>
    msg.firstValue(id) ?? null;

interface Address {
  readonly uri: string;
  readonly display: string;
  readonly params: string;
}

/** A header whose first value is an address. */
function addressPlace(id: number, address: (msg: SipMessage) => Address | undefined): Place {
  const part =
    (of: (a: Address) => string | null): Get =>
    ({ msg }) => {
      const found = address(msg);
      return found === undefined ? null : of(found);
    };
  return tree(body(id), {
    uri: uriPlace(part((a) => a.uri)),
    tag: leaf(part((a) => paramIn(a.params, 'tag'))),
    name: leaf(part((a) => a.display || null)),
    params: named((ctx, name) => part((a) => paramIn(a.params, name))(ctx)),
  });
}

const addressIn = (id: number) => (msg: SipMessage) => {
  const text = msg.firstValue(id);
  return text === undefined ? undefined : nameAddr(text);
};

/** Of several contacts in one line the last comes first (5.6.3). */
function firstContact(msg: SipMessage): Contact | undefined {
  const contacts = contactsOf(msg);
  return contacts.findLast((contact) => contact.header === contacts[0]?.header);
}

function contactPlace(): Place {
  const first =
    (of: (a: Address) => string | null): Get =>
    ({ msg }) => {
      const contact = firstContact(msg);
      return contact === undefined || contact.star ? null : of(contact);
    };
  const param = (name: string) => leaf(first((a) => paramIn(a.params, name)));
  return tree(body(HDR.CONTACT), {
    uri: uriPlace(first((a) => a.uri)),
    name: leaf(first((a) => a.display)),
    q: param('q'),
    expires: param('expires'),
    methods: param('methods'),
    received: param('received'),
    instance: param('+sip.instance'),
    params: named((ctx, name) => first((a) => paramIn(a.params, name))(ctx)),
  });
}

/** Vias count from 1; a negative index is the last. */
function viaAt(msg: SipMessage, index: number): Via | undefined {
  const vias = viasOf(msg);
  return index < 0 ? vias[vias.length - 1] : vias[index - 1];
}

/** With a comment and the comma behind it. */
function viaText(via: Via, msg: SipMessage): string {
  const next = viasOf(msg).find((v) => v.header === via.header && v.start > via.start);
  return msg.text.slice(via.start, next?.start ?? via.header.valueEnd).trimEnd();
}

function viaComment(via: Via, msg: SipMessage): string | null {
  const at = via.end - via.start;
  return /\(([^()]*)\)/.exec(viaText(via, msg).slice(at))?.[1] ?? null;
}

const viaPlace: Place = indexed((index = 1) => {
  const part =
    (of: (via: Via, msg: SipMessage) => string | null): Get =>
    ({ msg }) => {
      const via = viaAt(msg, index);
      return via === undefined ? null : of(via, msg);
    };
  return tree(part(viaText), {
    name: leaf(part(() => 'SIP')),
    version: leaf(part(() => '2.0')),
    transport: leaf(part((via) => via.transport)),
    host: leaf(part((via) => via.host)),
    port: leaf(part((via) => (via.port === 0 ? null : `${via.port}`))),
    comment: leaf(part(viaComment)),
    branch: leaf(part((via) => via.branch ?? null)),
    received: leaf(part((via) => via.received ?? null)),
    rport: leaf(part((via) => via.rport || null)),
    i: leaf(part((via) => via.i ?? null)),
    alias: leaf(part((via) => paramIn(via.params, 'alias'))),
    params: named((ctx, name) => part((via) => paramIn(via.params, name))(ctx)),
  });
});

function recordRoutePlace(): Place {
  const first =
    (of: (route: RouteItem, msg: SipMessage) => string | null): Get =>
    ({ msg }) => {
      const [route] = routesOf(msg, HDR.RECORDROUTE);
      return route === undefined ? null : of(route, msg);
    };
  return tree(body(HDR.RECORDROUTE), {
    uri: uriPlace(first((a) => a.uri)),
    name: leaf(
      first((route, msg) => msg.text.slice(route.start, Math.max(route.start, msg.text.indexOf('<', route.start)))),
    ),
    params: named((ctx, name) => first((a) => paramIn(a.params, name))(ctx)),
  });
}

const cseqPlace = tree(body(HDR.CSEQ), {
  num: leaf(({ msg }) => cseqOf(msg)?.number ?? null),
  method: leaf(({ msg }) => cseqOf(msg)?.method ?? null),
});

/** `authorization["realm"].username`: the credentials of a realm. */
function authPlace(id: number): Place {
  return (path) => {
    const [realm, ...rest] = path;
    if (typeof realm !== 'string') return { error: 'a realm must follow: authorization["realm"]' };
    const param =
      (name: string): Get =>
      ({ msg }) =>
        credentials(msg, id, realm)?.digest.params.get(name) ?? null;
    const at =
      (cut: (username: string, at: number) => string): Get =>
      (ctx) => {
        const username = param('username')(ctx);
        return username === null ? null : cut(username, username.indexOf('@'));
      };
    const username = tree(param('username'), {
      user: leaf(at((name, i) => (i < 0 ? name : name.slice(0, i)))),
      domain: leaf(at((name, i) => (i < 0 ? '' : name.slice(i + 1)))),
    });
    const plain = ['realm', 'nonce', 'uri', 'cnonce', 'nc', 'response', 'opaque', 'algorithm', 'qop'];
    const below = Object.fromEntries(plain.map((name) => [name, leaf(param(name))]));
    return tree(({ msg }) => credentials(msg, id, realm)?.text ?? null, { username, ...below })(rest);
  };
}

function credentials(msg: SipMessage, id: number, realm: string): { text: string; digest: DigestParams } | undefined {
  for (const header of msg.headers) {
    if (header.id !== id) continue;
    const text = msg.value(header).trimEnd();
    const digest = parseDigest(text);
    if (digest?.params.get('realm') === realm) return { text, digest };
  }
  return undefined;
}

const plain = (what: string, id: number): SelectDefinition => select(`Value of the header ${what}.`, leaf(body(id)));
const from = select(
  'From: its value, and `.uri` with its parts, `.tag`, `.name`, `.params.NAME`.',
  addressPlace(HDR.FROM, fromOf),
);
const to = select(
  'To: its value, and `.uri` with its parts, `.tag`, `.name`, `.params.NAME`.',
  addressPlace(HDR.TO, toOf),
);
const rpid = select('Remote-Party-ID, with the same parts as From.', addressPlace(HDR.RPID, addressIn(HDR.RPID)));
const contact = select(
  'First Contact: `.uri`, `.name`, `.q`, `.expires`, `.methods`, `.received`, `.instance`, `.params.NAME`.',
  contactPlace(),
);
const via = select(
  'Via, counted from 1, -1 the last: `.transport`, `.host`, `.port`, `.branch`, `.received`, `.rport`, `.params.NAME`.',
  viaPlace,
);
const recordRoute = select('First Record-Route: `.uri`, `.name`, `.params.NAME`.', recordRoutePlace());

export const HEADER_SELECTS: Readonly<Record<string, SelectDefinition>> = {
  from,
  f: from,
  to,
  t: to,
  refer_to: select('Refer-To, with the same parts as From.', addressPlace(HDR.REFERTO, addressIn(HDR.REFERTO))),
  remote_party_id: rpid,
  rpid,
  contact,
  m: contact,
  via,
  v: via,
  record_route: recordRoute,
  rr: recordRoute,
  cseq: select('CSeq: its value, `.num` and `.method`.', cseqPlace),
  event: select(
    'Event package, without parameters.',
    leaf(({ msg }) => msg.firstValue(HDR.EVENT)?.split(';', 1)[0]?.trim() ?? null),
  ),
  proxy_authorization: select(
    'Credentials of a realm in Proxy-Authorization: `["realm"].username` and the other fields.',
    authPlace(HDR.PROXYAUTH),
  ),
  authorization: select(
    'Credentials of a realm in Authorization: `["realm"].username` and the other fields.',
    authPlace(HDR.AUTHORIZATION),
  ),
  call_id: plain('Call-ID', HDR.CALLID),
  expires: plain('Expires', HDR.EXPIRES),
  max_forwards: plain('Max-Forwards', HDR.MAXFORWARDS),
  content_type: plain('Content-Type', HDR.CONTENTTYPE),
  content_length: plain('Content-Length', HDR.CONTENTLENGTH),
  subject: plain('Subject', HDR.SUBJECT),
  organization: plain('Organization', HDR.ORGANIZATION),
  priority: plain('Priority', HDR.PRIORITY),
  session_expires: plain('Session-Expires', HDR.SESSIONEXPIRES),
  min_se: plain('Min-SE', HDR.MINSE),
  user_agent: plain('User-Agent', HDR.USERAGENT),
  sip_if_match: plain('SIP-If-Match', HDR.SIPIFMATCH),
  date: plain('Date', HDR.DATE),
  identity: plain('Identity', HDR.IDENTITY),
  identity_info: plain('Identity-Info', HDR.IDENTITYINFO),
};
