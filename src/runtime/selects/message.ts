/** Selects of the message as a whole, of its addresses, and of its destination set. */
import { HDR } from '../../sip/header-names.js';
import { type Branch, type Header, headerMatcher, type SipMessage } from '../../sip/message.js';
import { parseUri } from '../../sip/uri.js';
import type { Context } from '../context.js';
import { qText } from '../destination-set.js';
import type { SelectDefinition } from '../module.js';
import { type Get, indexed, leaf, mapped, type Place, select, tree } from './tree.js';
import { nameAddrPlace, paramsPlace, uriPlace } from './uri.js';

// ------------------------------------------------------------- request line

const requestUri: Get = ({ msg }) => (msg.isRequest && parseUri(msg.uri) !== undefined ? msg.uri : null);
const request =
  (of: (msg: SipMessage) => string): Get =>
  ({ msg }) =>
    msg.isRequest ? of(msg) : null;
const reply =
  (of: (msg: SipMessage) => string): Get =>
  ({ msg }) =>
    msg.isRequest ? null : of(msg);

const whole: Get = ({ msg }) => msg.text;
const method = leaf(request((msg) => msg.method));
const status = leaf(reply((msg) => `${msg.status}`));
const reason = leaf(reply((msg) => msg.reason));

const requestPlace = tree(
  request((msg) => msg.text),
  {
    method,
    uri: uriPlace(request((msg) => msg.originalUri)),
    version: leaf(request((msg) => msg.version)),
  },
);

const responsePlace = tree(
  reply((msg) => msg.text),
  {
    version: leaf(reply((msg) => msg.version)),
    status,
    code: status,
    reason,
  },
);

// ------------------------------------------------------------------ headers

/** Headers count from 1; without an index the first, a negative one the last. */
function headerAt(msg: SipMessage, match: (h: Header) => boolean, index: number): string | null {
  const found = msg.headers.filter(match);
  const header = index <= 0 ? found[found.length - 1] : found[index - 1];
  return header === undefined ? null : msg.value(header).trim();
}

const allHeaders: Get = ({ msg }) => msg.text.slice(msg.headersStart, msg.bodyStart < 0 ? undefined : msg.bodyStart);

/** `header.X_Name[2]`: `_` in the name stands for `-`. */
const headerPlace: Place = (path) => {
  const [name, ...rest] = path;
  if (name === undefined) return { ok: allHeaders };
  if (typeof name !== 'string') return { error: 'the name of a header must follow' };
  const match = headerMatcher(name[0] + name.slice(1).replaceAll('_', '-'));
  return indexed((index = 1) => {
    const get: Get = ({ msg }) => headerAt(msg, match, index);
    return tree(get, { nameaddr: nameAddrPlace(get), uri: uriPlace(get), params: paramsPlace(get) });
  })(rest);
};

// --------------------------------------------------------------------- body

const bodyText: Get = ({ msg }) => (msg.bodyStart < 0 ? null : msg.body);
const sdp: Get = ({ msg }) => {
  const type = msg.firstValue(HDR.CONTENTTYPE);
  const isSdp = type === undefined || /^application\s*\/\s*sdp\b/i.test(type);
  return isSdp && msg.body !== '' ? msg.body : null;
};

/** Value of the first line of a letter: `body.sdp.line["m"]`. */
const sdpLine: Place = (path) => {
  const [letter, ...rest] = path;
  if (typeof letter !== 'string' || !/^.=?$/.test(letter)) return { error: 'a letter of SDP must follow: line["m"]' };
  const head = `${letter[0]}=`;
  const value = (text: string): string | null => {
    const line = text.split('\n').find((l) => l.startsWith(head));
    return line === undefined ? null : line.slice(2).replace(/\r$/, '');
  };
  return leaf(mapped(sdp, value))(rest);
};

const bodyPlace = tree(bodyText, { sdp: tree(sdp, { line: sdpLine }) });

const message = select(
  'The message: `.first_line`, `.len`, `.id`, `.type`, `.flags`, `.header.NAME[i]`, `.body`, `.request`, `.response`.',
  tree(whole, {
    first_line: leaf(({ msg }) => msg.text.slice(msg.startLineStart, msg.headersStart).trimEnd()),
    flags: leaf(({ msg }) => `${msg.flags >>> 0}`),
    len: leaf(({ msg }) => `${msg.text.length}`),
    id: tree(({ msg }) => `${msg.id}`, { hex: leaf(({ msg }) => msg.id.toString(16).padStart(8, '0')) }),
    type: leaf(({ msg }) => (msg.isRequest ? '1' : '2')),
    header: headerPlace,
    h: headerPlace,
    body: bodyPlace,
    content: bodyPlace,
    request: requestPlace,
    req: requestPlace,
    response: responsePlace,
    res: responsePlace,
  }),
);

// ---------------------------------------------------------------- addresses

const ruri = select(
  'Request URI, with its parts: `.user`, `.host`, `.port`, `.params.NAME`, `.transport`.',
  uriPlace(requestUri),
);

function endPlace(ip: Get, port: Get, more: Readonly<Record<string, Place>> = {}): Place {
  return tree(undefined, {
    ip: leaf(ip),
    port: leaf(port),
    ip_port: leaf((ctx) => `${ip(ctx)}:${port(ctx)}`),
    ...more,
  });
}

const ownIp: Get = ({ msg }) => msg.received.socket.ip;
const ownPort: Get = ({ msg }) => `${msg.received.socket.port}`;

function sendingIp(ctx: Context): string | null {
  const { msg, host } = ctx;
  if (!msg.isRequest) return null;
  if (msg.sendSocket !== null) return msg.sendSocket.ip;
  return parseUri(msg.dstUri ?? msg.uri) === undefined ? null : (host.sockets[0]?.ip ?? null);
}

// ------------------------------------------------------------ branches

/**
 * One of the branches, from 0; without an index the only one, or all with commas between. What stands below needs an
 * index (5.6.3).
 */
function branchPlace(of: (branch: Branch) => string | null, below: (get: Get) => Place): Place {
  return indexed((index) => {
    const one: Get = ({ msg }) => {
      const branch = index === undefined ? undefined : msg.branches[index];
      return branch === undefined ? null : of(branch);
    };
    const all: Get = ({ msg }) => {
      const [only, ...more] = msg.branches;
      if (only === undefined) return null;
      return more.length === 0 ? of(only) : msg.branches.map((branch) => of(branch) ?? '').join(',');
    };
    const place = below(one);
    return (path) => (path.length === 0 ? { ok: index === undefined ? all : one } : place(path));
  });
}

const qOf = ({ q }: Branch): string | null => (q < 0 ? null : qText(q));

const branches = tree(undefined, {
  count: leaf(({ msg }) => `${msg.branches.length}`),
  uri: branchPlace((branch) => branch.uri, uriPlace),
  dst_uri: branchPlace((branch) => branch.dstUri, uriPlace),
  uriq: branchPlace((branch) => (branch.q < 0 ? branch.uri : `<${branch.uri}>;q=${qText(branch.q)}`), nameAddrPlace),
  q: branchPlace(qOf, leaf),
});

const line = (doc: string, place: Place): SelectDefinition => select(doc, place);

export const MESSAGE_SELECTS: Readonly<Record<string, SelectDefinition>> = {
  ruri,
  request_uri: ruri,
  dst_uri: select(
    'Next hop that was set (`$du`), with the parts of a URI.',
    uriPlace(({ msg }) => (msg.isRequest ? msg.dstUri : null)),
  ),
  next_hop: select(
    'Where the request goes next: `$du`, else the request URI; `.src_ip` is the own address it leaves from.',
    (path) =>
      path[0] === 'src_ip' ? leaf(sendingIp)(path.slice(1)) : uriPlace(request((msg) => msg.dstUri ?? msg.uri))(path),
  ),
  msg: message,
  message,
  method: line('Method of a request.', method),
  version: line(
    'Version of the start line.',
    leaf(({ msg }) => msg.version),
  ),
  status: line('Status of a reply.', status),
  code: line('Status of a reply.', status),
  reason: line('Reason of a reply.', reason),
  src: select(
    'Where the message came from: `.ip`, `.port`, `.ip_port`.',
    endPlace(
      ({ msg }) => msg.received.srcIp,
      ({ msg }) => `${msg.received.srcPort}`,
    ),
  ),
  dst: select('Address at which it arrived: `.ip`, `.port`, `.ip_port`.', endPlace(ownIp, ownPort)),
  received: select(
    'Socket at which it arrived: `.proto`, `.ip`, `.port`, `.ip_port`, `.proto_ip_port`.',
    endPlace(ownIp, ownPort, {
      proto: leaf(({ msg }) => msg.received.proto),
      proto_ip_port: leaf((ctx) => `${ctx.msg.received.proto}:${ownIp(ctx)}:${ownPort(ctx)}`),
    }),
  ),
  branch: select('The additional branches: `.count`, `.uri[i]`, `.dst_uri[i]`, `.q[i]`, `.uriq[i]`.', branches),
};
