/** The requests that tm builds for a branch: ACK of a negative reply and CANCEL (RFC 3261, 17.1.1.3 and 9.1). */
import { HDR } from '../../sip/header-names.js';
import { type Header, parseStartLine, SipMessage } from '../../sip/message.js';
import { paramsOf } from './params.js';
import { type ClientBranch, T, type Transaction } from './transaction.js';

const CRLF = '\r\n';

/** ACK for a reply ≥ 300 on a branch: R-URI, Via, Route of the INVITE sent, To of the reply. */
export function ackText(t: Transaction, b: ClientBranch, reply: SipMessage): string | undefined {
  const to = reply.first(HDR.TO);
  return derived(t, b, 'ACK', to === undefined ? undefined : reply.text.slice(to.start, to.end), '');
}

/** CANCEL of a branch; `reason` are whole Reason lines or ''. */
export function cancelText(t: Transaction, b: ClientBranch, reason: string): string | undefined {
  const to = t.has(T.UAC_HEADERS) ? undefined : t.request?.first(HDR.TO);
  const line = to === undefined ? undefined : t.request!.text.slice(to.start, to.end);
  return derived(t, b, 'CANCEL', line, reason);
}

function derived(
  t: Transaction,
  b: ClientBranch,
  method: string,
  to: string | undefined,
  extra: string,
): string | undefined {
  const line = parseStartLine(b.text);
  if (line === undefined) return undefined;
  const sent = new SipMessage(b.text, line, NOWHERE_RECEIVED, 0, 0);
  const prefix = paramsOf(t.program).ac_extra_hdrs.toLowerCase();
  let out = `${method} ${line.uri} ${line.version}${CRLF}`;
  let viaDone = false;
  for (const h of sent.headers) {
    if (h.id === HDR.VIA) {
      if (viaDone) continue;
      viaDone = true;
    }
    out += kept(b.text, h, method, to, prefix);
  }
  return `${out}${extra}${CRLF}`;
}

const AS_IT_IS: ReadonlySet<number> = new Set([HDR.VIA, HDR.FROM, HDR.CALLID, HDR.ROUTE, HDR.MAXFORWARDS]);
const NEVER: ReadonlySet<number> = new Set([HDR.REQUIRE, HDR.PROXYREQUIRE]);

/** What becomes of one header line of the INVITE: '' where it is left out. */
function kept(text: string, h: Header, method: string, to: string | undefined, prefix: string): string {
  if (AS_IT_IS.has(h.id)) return text.slice(h.start, h.end);
  if (h.id === HDR.TO) return to ?? text.slice(h.start, h.end);
  if (h.id === HDR.CSEQ) return `${h.name}: ${cseqNumber(text.slice(h.valueStart, h.valueEnd))} ${method}${CRLF}`;
  if (h.id === HDR.CONTENTLENGTH) return `${h.name}: 0${CRLF}`;
  if (prefix === '' || NEVER.has(h.id)) return '';
  return text.slice(h.start, h.start + prefix.length).toLowerCase() === prefix ? text.slice(h.start, h.end) : '';
}

function cseqNumber(value: string): string {
  const blank = value.search(/[ \t]/);
  return blank < 0 ? value : value.slice(0, blank);
}

const NOWHERE_RECEIVED: SipMessage['received'] = {
  proto: 'udp',
  srcIp: '0.0.0.0',
  srcPort: 0,
  connection: 0,
  socket: { proto: 'udp', ip: '0.0.0.0', port: 0, af: 4, text: 'udp:0.0.0.0:0' },
};

/**
 * The Reason lines of a CANCEL that we send of our own accord: for its final status, with the text that 200 has, but not in
 * a CANCEL that had to wait for a provisional reply.
 */
export function localReason(t: Transaction, cause: number, withText = true): string {
  if (cause <= 0 || paramsOf(t.program).local_cancel_reason === 0) return '';
  const text = cause === 200 && withText ? ';text="Call completed elsewhere"' : '';
  return `Reason: SIP;cause=${cause}${text}${CRLF}`;
}

/** The Reason lines of the caller's CANCEL, as they are. */
export function givenReason(cancel: SipMessage): string {
  let out = '';
  for (const h of cancel.headers) if (h.id === HDR.REASON) out += cancel.text.slice(h.start, h.end);
  return out;
}
