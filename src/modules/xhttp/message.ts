/** An HTTP request as the message that event_route[xhttp:request] sees: with a Via of the client's address in front. */
import { SipMessage, type StartLine } from '../../sip/message.js';
import { bracketed, type Received } from '../../sip/transport.js';

const REQUEST_LINE = /^([^\s]+) +([^\s]+) +(HTTP\/1\.\d)[ \t]*\r?\n/;
const SIP_VIA = /\n(?:via|v)[ \t]*:[ \t]*SIP\//i;
/** A Via of HTTP, as proxies add it: no Via that SIP can read. */
const HTTP_VIA = /\n(?:via|v)([ \t]*:)/gi;

/** Does a stream that is no SIP begin so? */
export function isHttp(head: string): boolean {
  return REQUEST_LINE.test(head);
}

/**
 * undefined: no HTTP request. With `ownUri` that is the request URI in place of the URL, and the Via of the client's address
 * is there whatever else is.
 */
export function httpMessage(
  text: string,
  from: Received,
  id: number,
  now: number,
  ownUri?: string,
): SipMessage | undefined {
  const line = REQUEST_LINE.exec(text);
  if (line === null) return undefined;
  const [received, method = '', url = '', version = ''] = line;
  const uri = ownUri ?? url;
  const whole = ownUri === undefined ? received : `${method} ${uri} ${version}\r\n`;
  const start: StartLine = {
    isRequest: true,
    method,
    uri,
    version,
    status: 0,
    reason: '',
    start: 0,
    end: whole.length,
  };
  const rest = text.slice(received.length);
  const bodyAt = text.indexOf('\r\n\r\n');
  const headers = text.slice(received.length - 1, bodyAt + 2);
  if (ownUri === undefined && SIP_VIA.test(headers)) return new SipMessage(text, start, from, id, now);
  const kept = headers.replace(HTTP_VIA, '\nHTTP-Via$1').slice(1) + rest.slice(headers.length - 1);
  const via = `Via: SIP/2.0/${from.proto.toUpperCase()} ${bracketed(from.srcIp)}:${from.srcPort}\r\n`;
  return new SipMessage(whole + via + kept, start, from, id, now);
}

/** Method and URL of a request. */
export function requestLine(text: string): { readonly method: string; readonly url: string } | undefined {
  const line = REQUEST_LINE.exec(text);
  return line === null ? undefined : { method: line[1] ?? '', url: line[2] ?? '' };
}
