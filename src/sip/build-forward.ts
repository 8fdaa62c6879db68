/** Requests and replies handed on: the received bytes with the changes applied (sip.md, sections 2 and 3). */
import { needsReceived, needsRport } from './build-reply.js';
import { applyEdits, type Edit, type Leaving } from './edits.js';
import { contentLengthOf, routesOf, topVia, viasOf } from './header.js';
import { HDR } from './header-names.js';
import type { SipMessage } from './message.js';
import { boundaryOf, closeBoundaries } from './multipart.js';

export interface ForwardOptions {
  /** The own Via, a whole line (`ownVia`); '': none is put on. */
  readonly via: string;
  /** Request URI; missing: the one in force. */
  readonly uri?: string | undefined;
  /** Missing: those of the message. */
  readonly edits?: readonly Edit[] | undefined;
  /** Route set to put on, raw values without name (`$path`); missing: that of the message, null or '': none. */
  readonly path?: string | null | undefined;
  readonly leaving: Leaving;
  /** The client's Via stays as it is. */
  readonly keepVia?: boolean;
  /** The request leaves over a stream transport, where Content-Length must be there and right. */
  readonly stream?: boolean;
}

/** A request as it leaves. */
export function buildForward(msg: SipMessage, options: ForwardOptions): string {
  const edits = options.edits ?? msg.edits.list;
  const own = ownEdits(msg, options);
  const uri = options.uri ?? msg.uri;
  return requestLine(msg, uri) + rest(msg, edits, own, options);
}

/** A reply as it leaves: without the top Via, be it a line or the first of a list. */
export function buildForwardedReply(
  msg: SipMessage,
  leaving: Leaving,
  options: { readonly edits?: readonly Edit[]; readonly stream?: boolean } = {},
): string {
  const via = topVia(msg);
  const own: Edit[] = via === undefined ? [] : [topViaRemoved(msg, via)];
  const edits = options.edits ?? msg.edits.list;
  return statusLine(msg, edits, leaving) + rest(msg, edits, own, { leaving, stream: options.stream ?? false });
}

/** The message with its changes so far and nothing of what is put on when it leaves (msg_apply_changes(), `$mbu`). */
export function rebuild(msg: SipMessage): string {
  const options = { leaving: { sendSocket: msg.sendSocket ?? msg.received.socket }, stream: false };
  if (msg.isRequest) return buildForward(msg, { ...options, via: '', path: null, keepVia: true });
  return statusLine(msg, msg.edits.list, options.leaving) + rest(msg, msg.edits.list, [], options);
}

/** The status line with its changes (change_reply_status()). */
function statusLine(msg: SipMessage, edits: readonly Edit[], leaving: Leaving): string {
  const own = edits.filter((e) => e.at < msg.headersStart);
  return applyEdits(msg.text, own, 0, msg.headersStart, leaving);
}

/** The request line, with what came before it, and another URI in it. */
function requestLine(msg: SipMessage, uri: string): string {
  const { text, originalUri, headersStart } = msg;
  if (uri === originalUri) return text.slice(0, headersStart);
  const at = msg.startLineStart + msg.method.length + 1;
  return text.slice(0, at) + uri + text.slice(at + originalUri.length, headersStart);
}

function topViaRemoved(msg: SipMessage, top: NonNullable<ReturnType<typeof topVia>>): Edit {
  const next = viasOf(msg)[1];
  const { header } = top;
  if (next === undefined || next.header !== header)
    return { at: header.start, remove: header.end - header.start, text: '' };
  return { at: header.valueStart, remove: next.start - header.valueStart, text: '' };
}

/** Own Via, route set, received and rport, in the order of their offsets. */
function ownEdits(msg: SipMessage, options: ForwardOptions): Edit[] {
  const out: Edit[] = [];
  const via = topVia(msg);
  const at = via?.header.start ?? msg.headersStart;
  if (options.via !== '') out.push({ at, remove: 0, text: options.via });
  const path = options.path === undefined ? msg.path : options.path;
  if (path) {
    const route = routesOf(msg, HDR.ROUTE)[0];
    out.push({ at: route?.header.start ?? at, remove: 0, text: `Route: ${path}\r\n` });
  }
  if (via !== undefined && !options.keepVia) clientVia(msg, via, out);
  return out;
}

function clientVia(msg: SipMessage, via: NonNullable<ReturnType<typeof topVia>>, out: Edit[]): void {
  const received = needsReceived(msg, via);
  const rport = needsRport(msg, via);
  if (!received && !rport) return;
  const { srcIp, srcPort } = msg.received;
  if (rport && via.rportStart < 0) out.push({ at: via.paramsAt, remove: 0, text: `;rport=${srcPort}` });
  if (received && via.received === undefined) {
    out.push({ at: via.paramsAt, remove: 0, text: `;received=${srcIp}` });
  } else if (received) {
    const value = receivedValue(msg, via);
    out.push({ at: value, remove: via.received?.length ?? 0, text: srcIp });
  }
  if (rport && via.rportStart >= 0)
    out.push({ at: via.rportStart, remove: via.rportEnd - via.rportStart, text: `;rport=${srcPort}` });
}

/** Offset of the value of the last `received` in the top Via. */
function receivedValue(msg: SipMessage, via: NonNullable<ReturnType<typeof topVia>>): number {
  return msg.text.lastIndexOf(via.received ?? '', via.end - (via.received?.length ?? 0));
}

interface RestOptions {
  readonly leaving: Leaving;
  readonly stream?: boolean | undefined;
}

/** Headers and body with all edits. */
function rest(msg: SipMessage, edits: readonly Edit[], own: Edit[], options: RestOptions): string {
  const { text } = msg;
  const { leaving } = options;
  const bodyStart = msg.bodyStart < 0 ? text.length : msg.bodyStart;
  if (edits.length === 0 && !msg.multipart) {
    if (options.stream) fixContentLength(msg, text.length - bodyStart, own);
    return applyEdits(text, inOrder(own), msg.headersStart, text.length, leaving);
  }
  const sorted = inOrder(edits);
  const split = sorted.findIndex((e) => e.at >= bodyStart);
  const headerEdits = split < 0 ? sorted : sorted.slice(0, split);
  let body = split < 0 ? text.slice(bodyStart) : applyEdits(text, sorted.slice(split), bodyStart, text.length, leaving);
  if (msg.multipart) body = closeBoundaries(body, boundaryOf(msg) ?? '') ?? body;
  if (options.stream || body.length !== text.length - bodyStart) {
    fixContentLength(msg, body.length, own, headerEdits, !options.stream);
  }
  const all = inOrder([...headerEdits, ...own]);
  return applyEdits(text, all, msg.headersStart, bodyStart, leaving) + body;
}

/** Over UDP a message that has no Content-Length gets none. */
function fixContentLength(
  msg: SipMessage,
  length: number,
  own: Edit[],
  edits: readonly Edit[] = [],
  onlyChange = false,
): void {
  const h = msg.first(HDR.CONTENTLENGTH);
  const taken = h !== undefined && edits.some((e) => e.at <= h.start && e.at + e.remove >= h.valueEnd);
  if (h !== undefined && !taken) {
    if (contentLengthOf(msg) === length) return;
    own.push({ at: h.valueStart, remove: h.valueEnd - h.valueStart, text: `${length}` });
  } else if (!onlyChange) {
    own.push({ at: msg.headersEnd, remove: 0, text: `Content-Length: ${length}\r\n` });
  }
}

const MANY = 24;

/** By offset, those at one offset in the order in which they were made. */
function inOrder(edits: readonly Edit[]): readonly Edit[] {
  if (edits.length > MANY) return edits.slice().sort((a, b) => a.at - b.at);
  let sorted: Edit[] | undefined;
  for (let i = 1; i < edits.length; i++) {
    const edit = edits[i]!;
    if ((sorted ?? edits)[i - 1]!.at <= edit.at) continue;
    // there are a few only, most of them in order
    sorted ??= edits.slice();
    let to = i;
    for (; to > 0 && sorted[to - 1]!.at > edit.at; to--) sorted[to] = sorted[to - 1]!;
    sorted[to] = edit;
  }
  return sorted ?? edits;
}
