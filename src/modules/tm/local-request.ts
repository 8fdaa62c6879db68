/** Text of requests that begin here, headers in the order that Kamailio writes. */

/** What a request of our own says. */
export interface LocalDialog {
  readonly method: string;
  readonly uri: string;
  /** Values of From and To without tags: a URI, or what a From header may hold. */
  readonly from: string;
  readonly to: string;
  readonly fromTag: string;
  /** '' outside a dialog. */
  readonly toTag: string;
  readonly callId: string;
  readonly cseq: number;
  /** Route values, first hop first. */
  readonly routes: readonly string[];
  /** Further header lines, CRLF included. */
  readonly headers: string;
  readonly body: string;
  /** The owner sends the ACK of a 2xx to INVITE himself. */
  readonly ownAck: boolean;
  /** `User-Agent: …` line without CRLF, '' none. */
  readonly userAgent: string;
}

const CRLF = '\r\n';

export function dialogRequest(d: LocalDialog & { readonly via: string }): string {
  let out = `${d.method} ${d.uri} SIP/2.0${CRLF}${d.via}`;
  out += `To: ${bracketed(d.to)}${d.toTag === '' ? '' : `;tag=${d.toTag}`}${CRLF}`;
  out += `From: ${bracketed(d.from)}${d.fromTag === '' ? '' : `;tag=${d.fromTag}`}${CRLF}`;
  out += `CSeq: ${d.cseq} ${d.method}${CRLF}Call-ID: ${d.callId}${CRLF}`;
  for (const route of d.routes) out += `Route: ${route}${CRLF}`;
  if (!/^max-forwards[ \t]*:/im.test(d.headers)) out += `Max-Forwards: 70${CRLF}`;
  out += `Content-Length: ${d.body.length}${CRLF}`;
  if (d.userAgent !== '') out += `${d.userAgent}${CRLF}`;
  return `${out}${lines(d.headers)}${CRLF}${d.body}`;
}

/** ACK of a 2xx to INVITE, headers as Kamailio orders them here: no Max-Forwards (seen: real/click_to_dial). */
export function dialogAck(d: LocalDialog & { readonly via: string }): string {
  let out = `ACK ${d.uri} SIP/2.0${CRLF}${d.via}`;
  out += `From: ${bracketed(d.from)}${d.fromTag === '' ? '' : `;tag=${d.fromTag}`}${CRLF}Call-ID: ${d.callId}${CRLF}`;
  out += `To: ${bracketed(d.to)}${d.toTag === '' ? '' : `;tag=${d.toTag}`}${CRLF}CSeq: ${d.cseq} ACK${CRLF}`;
  for (const route of d.routes) out += `Route: ${route}${CRLF}`;
  if (d.userAgent !== '') out += `${d.userAgent}${CRLF}`;
  return `${out}Content-Length: 0${CRLF}${CRLF}`;
}

/** A bare URI is put into brackets; a value that ends in one, or in parameters after one, stays. */
function bracketed(value: string): string {
  const close = value.lastIndexOf('>');
  return close >= 0 && (close === value.length - 1 || value[close + 1] === ';') ? value : `<${value}>`;
}

function lines(headers: string): string {
  return headers === '' || headers.endsWith('\n') ? headers : `${headers}${CRLF}`;
}
