/**
 * What this project makes of a message, in the form in which test/sip/recorded/record.py recorded Kamailio's.
 */
import { buildForward, buildForwardedReply, buildReply, forwardedReplyTarget, ownVia } from '../../../src/sip/build.js';
import { callIdOf, contentLengthOf, cseqOf, fromOf, methodOf, toOf, viasOf } from '../../../src/sip/header.js';
import { HDR } from '../../../src/sip/header-names.js';
import type { SipMessage } from '../../../src/sip/message.js';
import { acceptable, parseMessage } from '../../../src/sip/parse.js';
import { listenSocket, type Received } from '../../../src/sip/transport.js';
import { parseUri } from '../../../src/sip/uri.js';

export interface Recorded {
  readonly sent: string;
  readonly fields: Readonly<Record<string, string>> | null;
  readonly reply: string | null;
  readonly forwarded: string | null;
}

const socket = listenSocket('udp', '127.0.0.1', 25090);
const received: Received = { proto: 'udp', srcIp: '127.0.0.1', srcPort: 25091, socket, connection: 0 };

const shown = (v: string | number | undefined | null) => (v === undefined || v === null ? '<null>' : `${v}`);
const absent = (v: string | undefined) => shown(v === '' ? undefined : v);

/** What the recording script logs of a message. */
function fields(msg: SipMessage): Record<string, string> {
  const from = fromOf(msg);
  const to = toOf(msg);
  const [v0, v1] = viasOf(msg);
  const vZ = viasOf(msg).at(-1);
  const ru = msg.isRequest ? parseUri(msg.uri) : undefined;
  // `$via0` and its like want all headers
  const whole = msg.malformedAt < 0;
  const first = (name: string) => {
    const h = msg.named(name)[0];
    return h === undefined ? undefined : msg.value(h);
  };
  return {
    ci: shown(callIdOf(msg)),
    fu: absent(from?.uri),
    fn: absent(from?.display),
    ft: shown(from?.tag),
    tu: absent(to?.uri),
    tn: absent(to?.display),
    tt: shown(to?.tag),
    cs: shown(cseqOf(msg)?.number),
    rm: methodOf(msg),
    cl: contentLengthOf(msg) === undefined ? '<null>' : shown(msg.firstValue(HDR.CONTENTLENGTH)),
    v0host: shown(whole ? v0?.host : undefined),
    v0port: shown(whole ? v0?.port || 5060 : undefined),
    v0branch: shown(whole ? v0?.branch : undefined),
    v0rport: absent(whole ? v0?.rport : undefined),
    v0received: shown(whole ? v0?.received : undefined),
    v1host: shown(whole ? v1?.host : undefined),
    vZhost: shown(whole ? vZ?.host : undefined),
    nvia: whole ? `${msg.headers.filter((h) => h.id === HDR.VIA).length}` : '0',
    ru: ru === undefined ? '<null>' : msg.uri,
    rU: absent(ru?.user ?? undefined),
    rd: absent(ru?.host),
    rp: ru === undefined ? '<null>' : ru.portText || (/transport=tls/i.test(ru.params) ? '5061' : '5060'),
    rz: shown(ru?.type),
    xa: shown(whole ? first('X-A') : undefined),
    ua: shown(first('User-Agent')),
    ct: shown(first('Contact')),
    ...(msg.isRequest ? {} : { rs: `${msg.status}`, rr: msg.reason }),
  };
}

const TAG = /;tag=[0-9a-f]{32}\.[0-9a-f]{8}/;
const SERVER = 'Server: kamailio (5.6.3 (x86_64/linux))';

/** A reply sent on to the caller; null when it goes nowhere, or to where the recorder did not listen. */
function handedOn(msg: SipMessage): string | null {
  const to = forwardedReplyTarget(msg);
  const heard = to?.host === '127.0.0.1' && to.port === 25091 && /^udp$/i.test(to.via.transport);
  return heard ? buildForwardedReply(msg, { sendSocket: socket }) : null;
}

/** What this project makes of a message: the same record. */
export function made(sent: string): Recorded {
  const msg = parseMessage(sent, received, 1, 0);
  if (msg === undefined || acceptable(msg) !== undefined) return { sent, fields: null, reply: null, forwarded: null };
  const seen = fields(msg);
  if (!msg.isRequest) return { sent, fields: seen, reply: handedOn(msg), forwarded: null };
  msg.newUri = 'sip:r@127.0.0.1:25092';
  const forwarded =
    fromOf(msg) === undefined ? null : buildForward(msg, { via: ownVia(socket, 'B'), leaving: { sendSocket: socket } });
  const toTag = `${'a'.repeat(32)}.${'b'.repeat(8)}`;
  const reply = buildReply(msg, 200, 'OK', { toTag, serverHeader: SERVER });
  return { sent, fields: seen, reply: reply || null, forwarded };
}

const masked = (text: string | null) =>
  text?.replace(TAG, ';tag=T').replace(/branch=z9hG4bK[0-9a-f.]+\r\n/, 'branch=B\r\n') ?? null;

/** Parameters of Via lines as a set: the order of received and rport is free. */
export function unordered(text: string | null): string | null {
  return masked(text)?.replace(/^(v|via)[ \t]*:.*$/gim, (line) => line.split(';').sort().join(';')) ?? null;
}
