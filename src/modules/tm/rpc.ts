/** Management commands tm.* : list, stats, cancel, reply, and requests sent by t_uac_start and its relatives. */
import type { Host } from '../../runtime/host.js';
import { type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { contactsOf, cseqOf, routesOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { parseUri } from '../../sip/uri.js';
import { cancelBranches, openBranches } from './cancel.js';
import { reasonOf } from './errors.js';
import { requestFromHeaders } from './functions.js';
import { replyLocally } from './local-reply.js';
import { findByCallId, findById, type Tm, tmOf } from './state.js';
import { destroy } from './timers.js';
import type { Transaction } from './transaction.js';
import { newRequest, type RequestReply } from './uac.js';

function text(args: readonly RpcValue[], i: number, what: string): string {
  const v = args[i];
  if (v === undefined || v === null || typeof v === 'object') throw new RpcFault(400, what);
  return `${v}`;
}

function stats({ stats: s, byLabel }: Tm): RpcValue {
  return {
    current: byLabel.size,
    waiting: s.waiting,
    total: s.created,
    total_local: s.local,
    rpl_received: s.repliesReceived,
    rpl_generated: s.repliesGenerated,
    rpl_sent: s.repliesSent,
    '6xx': s.completed[6]!,
    '5xx': s.completed[5]!,
    '4xx': s.completed[4]!,
    '3xx': s.completed[3]!,
    '2xx': s.completed[2]!,
    created: s.created,
    freed: s.deleted,
    delayed_free: 0,
  };
}

function describe(t: Transaction): RpcValue {
  const { request } = t;
  return {
    cell: `0x${t.label.toString(16)}`,
    tindex: t.index,
    tlabel: t.label,
    method: t.method,
    from: line(request, HDR.FROM),
    to: line(request, HDR.TO),
    callid: line(request, HDR.CALLID),
    cseq: request === null ? '' : `CSeq: ${cseqOf(request)?.number ?? ''}`,
    uas_request: request === null ? 'no' : 'yes',
    tflags: t.flags,
    outgoings: t.branches.length,
    ref_count: 1,
    lifetime: Math.floor(t.endOfLife / 1000),
  };
}

function line(msg: SipMessage | null, id: number): string {
  const h = msg?.first(id);
  return msg === null || h === undefined ? '' : msg.text.slice(h.start, h.end);
}

function cancel(host: Host, args: readonly RpcValue[]): RpcValue {
  const tm = tmOf(host);
  const t = byCall(tm, args);
  cancelBranches(tm, t, openBranches(t), 0, 'stop');
  return [openBranches(t).length, 'branches remaining (waiting for timeout)'];
}

function byCall(tm: Tm, args: readonly RpcValue[]): Transaction {
  const t = findByCallId(
    tm,
    text(args, 0, 'Callid and CSeq expected as parameters'),
    text(args, 1, 'Callid and CSeq expected as parameters'),
  );
  if (t === undefined) throw new RpcFault(400, 'Transaction not found');
  return t;
}

/** code, reason, `index:label`, To tag, header lines, body. */
function reply(host: Host, args: readonly RpcValue[]): undefined {
  const tm = tmOf(host);
  const [code, reason] = codeAndReason(args);
  const id = /^(\d+):(\d+)$/.exec(text(args, 2, 'Transaction ID expected'));
  const toTag = text(args, 3, 'To tag expected');
  if (id === null) throw new RpcFault(400, 'Invalid transaction ID');
  const t = findById(tm, Number(id[1]), Number(id[2]));
  if (t === undefined) throw new RpcFault(481, 'No such transaction');
  replyWith(tm, t, code, reason, toTag, args.slice(4));
  return undefined;
}

/** Content-Type is written with the body. */
function bodyless(headers: string): string {
  const rest = headers.replace(/^content-type[ \t]*:.*(\r?\n|$)/gim, '');
  return rest === '' || rest.endsWith('\n') ? rest : `${rest}\r\n`;
}

function contentType(headers: string): string {
  return /^content-type[ \t]*:[ \t]*(.*?)\r?$/im.exec(headers)?.[1] ?? 'text/plain';
}

/** code, reason, Call-ID, CSeq number, To tag, header lines, body. */
function replyCallId(host: Host, args: readonly RpcValue[]): undefined {
  const tm = tmOf(host);
  const [code, reason] = codeAndReason(args);
  const callId = text(args, 2, 'Call-ID expected');
  const cseq = text(args, 3, 'CSeq expected');
  const toTag = text(args, 4, 'To tag expected');
  const t = findByCallId(tm, callId, cseq);
  if (t === undefined) throw new RpcFault(404, 'Transaction not found');
  replyWith(tm, t, code, reason, toTag, args.slice(5));
  return undefined;
}

function codeAndReason(args: readonly RpcValue[]): [code: number, reason: string] {
  return [Number(text(args, 0, 'Reply code expected')), text(args, 1, 'Reason phrase expected')];
}

/** `rest`: header lines and body. */
function replyWith(
  tm: Tm,
  t: Transaction,
  code: number,
  reason: string,
  toTag: string,
  rest: readonly RpcValue[],
): void {
  const headers = rest[0] === undefined ? '' : text(rest, 0, 'Headers expected');
  const body = rest[1] === undefined ? '' : text(rest, 1, 'Body expected');
  if (t.request === null) throw new RpcFault(500, 'Reply failed');
  const sent = replyLocally(tm, t, t.request, code, reason, {
    ...(toTag === '' ? {} : { toTag }),
    headers: [bodyless(headers)],
    ...(body === '' ? {} : { body: { type: contentType(headers), text: body } }),
  });
  if (sent < 0) throw new RpcFault(500, 'Reply failed');
}

// ------------------------------------------------------------------- requests

/** method, request URI, next hop, socket, header lines, body; `.` stands for none. */
function send(host: Host, args: readonly RpcValue[], onReply?: (r: RequestReply) => void): void {
  if (args.length < 5) throw new RpcFault(400, `too few parameters (${-args.length}/5)`);
  const [method, uri, hop, socketText, headers] = [0, 1, 2, 3, 4].map((i) => text(args, i, 'text expected'));
  if (method === '') throw new RpcFault(400, 'Empty method');
  if (parseUri(uri!) === undefined) throw new RpcFault(400, `Invalid request uri "${uri}"`);
  const nextHop = none(hop!) ? null : hop!;
  if (nextHop !== null && parseUri(nextHop) === undefined) throw new RpcFault(400, `Invalid next-hop uri "${hop}"`);
  const { rest, from, to, ...ids } = requestFromHeaders(headers!);
  if (from === undefined || to === undefined) throw new RpcFault(400, 'Invalid headers');
  const body = args[5] === undefined ? '' : `${args[5]}`;
  if (body !== '' && !/^(content-type|c)[ \t]*:/im.test(headers!)) throw new RpcFault(400, 'Content-Type missing');
  const socket = none(socketText!) ? null : socketNamed(host, socketText!);
  const begun = newRequest(
    host,
    { method: method!, uri: uri!, from, to, ...ids, headers: rest, body, nextHop, socket },
    onReply,
  );
  if (begun === undefined) throw new RpcFault(478, 'Unresolvable destination (478/RPC/UAC)');
}

function none(value: string): boolean {
  return value === '' || value === '.';
}

function socketNamed(host: Host, name: string) {
  const found = host.sockets.find((s) => s.text === name || s.text.endsWith(`:${name}`));
  if (found === undefined) throw new RpcFault(400, `No local socket for "${name}"`);
  return found;
}

/** Code, reason, request URI and next hop of the dialog, its routes, the reply from its first header on. */
function replyValue({ code, message }: RequestReply): RpcValue {
  if (message === null) return [code, reasonOf(code), '', '', '', ''];
  const contact = contactsOf(message)[0]?.uri ?? '';
  const routes = routesOf(message, HDR.RECORDROUTE)
    .map((r) => r.uri)
    .reverse();
  const hop = routes[0] ?? contact;
  return [code, message.reason, contact, hop, routes.slice(1).join(', '), message.text.slice(message.headersStart)];
}

function sendAndWait(host: Host, args: readonly RpcValue[], shape: (r: RequestReply) => RpcValue): Promise<RpcValue> {
  return new Promise((done, fail) => {
    try {
      send(host, args, (r) => done(shape(r)));
    } catch (e) {
      fail(e);
    }
  });
}

function blockValue({ code, message }: RequestReply): RpcValue {
  return { code, text: message === null ? reasonOf(code) : message.reason };
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'tm.stats': { doc: 'Counters of transactions.', run: (host) => stats(tmOf(host)) },
  'tm.hash_stats': {
    doc: 'Refused as in Kamailio, which needs a special build for it.',
    run() {
      throw new RpcFault(500, 'Hash statistics not supported (tryrecompiling with -DTM_HASH_STATS)');
    },
  },
  'tm.list': {
    doc: 'All transactions.',
    returnsArray: true,
    run: (host) => [...tmOf(host).byLabel.values()].map(describe),
  },
  'tm.clean': {
    doc: 'Forgets transactions that live longer than they should.',
    run(host) {
      const tm = tmOf(host);
      for (const t of [...tm.byLabel.values()]) if (t.endOfLife + 20000 < host.clock.now()) destroy(tm, t);
      return undefined;
    },
  },
  'tm.cancel': { doc: 'Cancels the branches of a call: Call-ID, CSeq number.', run: cancel },
  'tm.reply': { doc: 'Replies in a transaction: code, reason, index:label, To tag, headers, body.', run: reply },
  'tm.reply_callid': {
    doc: 'Replies in the transaction of a call: code, reason, Call-ID, CSeq number, To tag, headers, body.',
    run: replyCallId,
  },
  'tm.t_uac_start': {
    doc: 'Sends a request: method, URI, next hop, socket, header lines, body.',
    run(host, args) {
      send(host, args);
      return undefined;
    },
  },
  'tm.t_uac_wait': {
    doc: 'As tm.t_uac_start, and waits for the final reply.',
    returnsArray: true,
    run: (host, args) => sendAndWait(host, args, replyValue),
  },
  'tm.t_uac_wait_block': {
    doc: 'As tm.t_uac_wait: code and reason of the final reply.',
    run: (host, args) => sendAndWait(host, args, blockValue),
  },
};
