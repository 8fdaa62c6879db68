/** Replies the server makes itself, and where they go (sip.md, section 2). */
import { toOf, topVia, viasOf } from './header.js';
import { HDR } from './header-names.js';
import { isIp } from './ip.js';
import type { Header, SipMessage } from './message.js';
import { bracketed, type Destination, type Received } from './transport.js';
import type { Via } from './via.js';

export interface ReplyOptions {
  /** Put into To when the request has no tag and the code is not 100. */
  readonly toTag?: string | undefined;
  /** Raw header lines, CRLF included, after those of append_to_reply(). */
  readonly headers?: readonly string[] | undefined;
  readonly body?: { readonly type: string; readonly text: string } | null | undefined;
  /** Raw Contact lines of a 3xx, CRLF included. */
  readonly contactLines?: string | undefined;
  /** The whole `Server: …` line without CRLF; undefined or '': none. */
  readonly serverHeader?: string | undefined;
}

/** Does the server put `received` into the client's Via? */
export function needsReceived(msg: SipMessage, via: Via): boolean {
  return via.received !== undefined || via.rport !== undefined || !isFromViaHost(msg, via);
}

/** Is the host of the Via the source of the message? */
export function isFromViaHost(msg: SipMessage, via: Via): boolean {
  return msg.viaNamesSource || sameHost(via.host, msg.received.srcIp);
}

/** Does the server write the source port into rport? */
export function needsRport(msg: SipMessage, via: Via): boolean {
  return msg.forceRport || via.rport !== undefined;
}

function sameHost(host: string, ip: string): boolean {
  if (host === ip) return true;
  return host[0] === '[' && host.slice(1, -1).toLowerCase() === ip.toLowerCase();
}

/** The reply's text; '' when it cannot be built, because the request's headers cannot be read to their end. */
export function buildReply(msg: SipMessage, code: number, reason: string, options: ReplyOptions = {}): string {
  if (msg.malformedAt >= 0) return '';
  const { body } = options;
  const digits = code > 99 ? `${code}` : `${code}`.padStart(3, '0');
  let out = `${msg.version} ${digits} ${reason}\r\n${copiedLines(msg, code, options.toTag)}`;
  if (code === 100) out += timestamp(msg);
  if (msg.hasReplyHeaders) for (const line of msg.replyHeaders) out += line;
  if (options.contactLines !== undefined) out += options.contactLines;
  if (options.headers !== undefined) for (const line of options.headers) out += line;
  if (body && body.type !== '') out += `Content-Type: ${body.type}\r\n`;
  if (options.serverHeader) out += `${options.serverHeader}\r\n`;
  out += `Content-Length: ${body ? body.text.length : 0}\r\n\r\n`;
  return body ? out + body.text : out;
}

/** What the lines of the request give to the reply; lines that go over as they are are copied together. */
function copiedLines(msg: SipMessage, code: number, tag: string | undefined): string {
  const { text, headers } = msg;
  const top = topVia(msg);
  let out = '';
  let from = 0;
  let to = 0;
  for (let i = 0; i < headers.length; i++) {
    const h = headers[i]!;
    const how = copyOf(h.id, code, tag);
    if (how === COPY.NOT) continue;
    if (how === COPY.PLAIN) {
      if (h.start !== to) {
        out += text.slice(from, to);
        from = h.start;
      }
      to = h.end;
      continue;
    }
    out += text.slice(from, to) + (how === COPY.TO ? toLine(msg, h, tag!) : copiedVia(msg, h, top));
    from = h.end;
    to = h.end;
  }
  return out + text.slice(from, to);
}

const COPY = { NOT: 0, PLAIN: 1, TO: 2, VIA: 3 } as const;

function copyOf(id: number, code: number, tag: string | undefined): number {
  switch (id) {
    case HDR.VIA:
      return COPY.VIA;
    case HDR.TO:
      return code === 100 || !tag ? COPY.PLAIN : COPY.TO;
    case HDR.RECORDROUTE:
      return code >= 180 && code < 300 ? COPY.PLAIN : COPY.NOT;
    case HDR.FROM:
    case HDR.CALLID:
    case HDR.CSEQ:
      return COPY.PLAIN;
    default:
      return COPY.NOT;
  }
}

function copiedVia(msg: SipMessage, h: Header, top: Via | undefined): string {
  const via = top !== undefined && top.header === h ? topViaLine(msg, h, top) : viaLine(msg, h);
  return isHttp(msg) ? `Sia${via.slice(h.name.length)}` : via;
}

/** An HTTP request that xhttp made a message of: its Via goes back under another name, as Kamailio has it (seen). */
function isHttp(msg: SipMessage): boolean {
  return msg.version.startsWith('HTTP');
}

function line(msg: SipMessage, h: Header): string {
  return msg.text.slice(h.start, h.end);
}

function viaLine(msg: SipMessage, h: Header): string {
  return `${msg.text.slice(h.start, h.valueEnd)}\r\n`;
}

/** received and rport go to the end of the line, an rport that is there is overwritten in its place. */
function topViaLine(msg: SipMessage, h: Header, via: Via): string {
  const { text } = msg;
  const { srcIp, srcPort } = msg.received;
  let out: string;
  if (!needsRport(msg, via)) out = text.slice(h.start, h.valueEnd);
  else if (via.rport === undefined) out = `${text.slice(h.start, h.valueEnd)};rport=${srcPort}`;
  else out = `${text.slice(h.start, via.rportStart)};rport=${srcPort}${text.slice(via.rportEnd, h.valueEnd)}`;
  return needsReceived(msg, via) ? `${out};received=${srcIp}\r\n` : `${out}\r\n`;
}

function toLine(msg: SipMessage, h: Header, tag: string): string {
  const to = toOf(msg);
  if (to === undefined || to.tag !== undefined) return line(msg, h);
  return `${msg.text.slice(h.start, h.valueEnd)};tag=${tag}${msg.text.slice(h.valueEnd, h.end)}`;
}

function timestamp(msg: SipMessage): string {
  const h = msg.first(HDR.TIMESTAMP);
  return h === undefined ? '' : line(msg, h);
}

const SIP_PORT = 5060;

/**
 * Where a reply of the server's own goes: the source address, and its port if rport was asked for or forced, else the
 * port of the top Via. Over streams the connection of the request.
 */
export function replyDestination(msg: SipMessage): Destination | undefined {
  const via = topVia(msg);
  if (via === undefined) return undefined;
  const { proto, srcIp, srcPort, socket, connection } = msg.received;
  if (proto !== 'udp') return { proto, ip: srcIp, port: srcPort, socket, connection };
  const port = needsRport(msg, via) ? srcPort : via.port || SIP_PORT;
  if (msg.replyToVia) return viaDestination(via, port, msg.received) ?? { proto, ip: srcIp, port, socket };
  return { proto, ip: srcIp, port, socket };
}

/** As the top Via has it; undefined where that is a name, which would have to be looked up. */
function viaDestination(via: Via, port: number, { proto, socket }: Received): Destination | undefined {
  const host = via.host.replace(/^\[|\]$/g, '');
  return isIp(host) ? { proto, ip: host, port: Number(via.rport ?? 0) || port, socket } : undefined;
}

/** Address text of the next Via of a reply that is forwarded: `received` before sent-by, `rport` before its port. */
export function forwardedReplyTarget(msg: SipMessage): { via: Via; host: string; port: number } | undefined {
  const via = viasOf(msg)[1];
  if (via === undefined) return undefined;
  const rport = via.rport ? Number(via.rport) : 0;
  const asked = Number.isInteger(rport) && rport > 0 && rport < 65536 ? rport : 0;
  const host = via.received || via.host;
  const port = asked || via.port || (via.received ? SIP_PORT : 0);
  return { via, host: via.received ? bracketed(host) : host, port };
}
