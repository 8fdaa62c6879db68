/** One message that is traced: what is known of it, and the headers by which a copy tells that. */
import { type Host, LEVEL } from '../../runtime/module.js';
import { callIdOf, cseqOf, fromOf, toOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { bracketed, type Destination, type ListenSocket, type Proto, type Received } from '../../sip/transport.js';

export interface Traced {
  readonly body: string;
  readonly callId: string;
  readonly method: string;
  /** Empty for a request. */
  readonly status: string;
  /** `udp:127.0.0.1:5060` */
  readonly from: string;
  readonly to: string;
  readonly fromTag: string;
  readonly toTag: string;
  readonly direction: string;
  readonly isReply: boolean;
  /** Where the message at work came in: copies leave from there where nothing else is said. */
  readonly socket: ListenSocket;
  /** Microseconds since the epoch. */
  readonly micros: number;
}

/** Where nobody knows. */
export const ANYWHERE = 'any:255.255.255.255:5060';

/** Without the brackets of IPv6, as 5.6.3 writes the two ends of a received message. */
export function plainAddress(proto: Proto, ip: string, port: number): string {
  return `${proto}:${ip}:${port}`;
}

export function sourceOf({ proto, srcIp, srcPort }: Received): string {
  return plainAddress(proto, srcIp, srcPort);
}

export function receiverOf({ proto, sentTo, socket }: Received): string {
  return plainAddress(proto, sentTo?.ip ?? socket.ip, sentTo?.port ?? socket.port);
}

/** With brackets, for where a message goes. */
export function targetOf({ proto, ip, port }: Pick<Destination, 'proto' | 'ip' | 'port'>): string {
  return `${proto}:${bracketed(ip)}:${port}`;
}

export const socketText = (socket: ListenSocket): string => socket.text;

type Attributes = Pick<Traced, 'callId' | 'method' | 'fromTag' | 'toTag'>;

/** Undefined: one of the headers cannot be read. */
export function attributesOf(host: Host, msg: SipMessage): Attributes | undefined {
  const from = fromOf(msg);
  const to = toOf(msg);
  const callId = callIdOf(msg);
  const cseq = cseqOf(msg);
  const wrong = from === undefined ? 'FROM' : to === undefined ? 'To' : callId === undefined ? 'call-id' : 'cseq';
  if (from === undefined || to === undefined || callId === undefined || cseq === undefined) {
    host.log.write(LEVEL.ERR, 'siptrace', `cannot parse ${wrong} header\n`);
    return undefined;
  }
  const method = msg.isRequest ? msg.method : cseq.method;
  return { callId, method, fromTag: from.tag ?? '', toTag: to.tag ?? '' };
}

// ------------------------------------------------------------------- headers

const END = '\r\n\r\n';
const FIRST = '\r\nX-Siptrace-Fromip: ';
const MILLION = 1_000_000;

/** The message with the headers at its end; undefined: it has no end of headers. */
export function withXHeaders(traced: Traced): string | undefined {
  const { body, from, to, method, direction, micros } = traced;
  const end = body.indexOf(END);
  if (end < 0) return undefined;
  const time = `${Math.floor(micros / MILLION)} ${micros % MILLION}`;
  const lines = `X-Siptrace-Fromip: ${from}\r\nX-Siptrace-Toip: ${to}\r\nX-Siptrace-Time: ${time}\r\nX-Siptrace-Method: ${method}\r\nX-Siptrace-Dir: ${direction}\r\n`;
  return body.slice(0, end + 2) + lines + body.slice(end + 2);
}

const X_HEADERS =
  /^\r\nX-Siptrace-Fromip:\s*(\S{1,50})\r\nX-Siptrace-Toip:\s*(\S{1,50})\r\nX-Siptrace-Time:\s*(\d+)\s+(\d+)\r\nX-Siptrace-Method:\s*(\S{1,50})\r\nX-Siptrace-Dir:\s*(\S{1,3})/;

/** What the headers say, and the message without them; undefined: there are none. */
export function readXHeaders(traced: Traced): Traced | undefined {
  const { body } = traced;
  const end = body.indexOf(END);
  const start = body.indexOf(FIRST);
  if (end < 0 || start < 0 || start > end) return undefined;
  const found = X_HEADERS.exec(body.slice(start, end));
  if (found === null) return undefined;
  const [, from = '', to = '', seconds, micros, method = '', direction = ''] = found;
  return {
    ...traced,
    body: body.slice(0, start) + body.slice(end),
    from,
    to,
    method,
    direction,
    micros: Number(seconds) * MILLION + Number(micros),
  };
}
