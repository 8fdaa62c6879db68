/**
 * The torture test messages of RFC 4475. In `messages/` a line ends in CRLF, `<hex>00</hex>` stands for bytes and
 * `<repeat count=3>x</repeat>` for a text several times, as in the RFC (section 2); what was folded there for its length is on
 * one line.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What the RFC wants: a sound message, one of these answers, or no answer to what is to be thrown away. */
export type Verdict = 'sound' | 'discarded' | readonly number[];

export interface Torture {
  readonly name: string;
  readonly section: string;
  readonly title: string;
  /** Undefined where the RFC leaves it to the receiver. */
  readonly verdict?: Verdict;
  /** Latin1. */
  readonly text: string;
}

function expanded(file: string): string {
  return file
    .slice(0, -1)
    .replaceAll('\n', '\r\n')
    .replace(/<repeat count=(\d+)>([^<]*)<\/repeat>/g, (_, n: string, what: string) => what.repeat(Number(n)))
    .replace(/<hex>([0-9A-F]*)<\/hex>/g, (_, hex: string) => Buffer.from(hex, 'hex').toString('latin1'));
}

const TABLE: readonly (readonly [name: string, section: string, title: string, verdict?: Verdict])[] = [
  ['wsinv', '3.1.1.1', 'A short tortuous INVITE', 'sound'],
  ['intmeth', '3.1.1.2', 'Wide range of valid characters', 'sound'],
  ['esc01', '3.1.1.3', 'Valid use of the % escaping mechanism', 'sound'],
  ['escnull', '3.1.1.4', 'Escaped nulls in URIs', 'sound'],
  ['esc02', '3.1.1.5', 'Use of % when it is not an escape', 'sound'],
  ['lwsdisp', '3.1.1.6', 'Message with no LWS between display name and <', 'sound'],
  ['longreq', '3.1.1.7', 'Long values in header fields', 'sound'],
  ['dblreq', '3.1.1.8', 'Extra trailing octets in a UDP datagram', 'sound'],
  ['semiuri', '3.1.1.9', 'Semicolon-separated parameters in URI user part', 'sound'],
  ['transports', '3.1.1.10', 'Varied and unknown transport types', 'sound'],
  ['mpart01', '3.1.1.11', 'Multipart MIME message', 'sound'],
  ['unreason', '3.1.1.12', 'Unusual reason phrase', 'sound'],
  ['noreason', '3.1.1.13', 'Empty reason phrase', 'sound'],
  ['badinv01', '3.1.2.1', 'Extraneous header field separators', [400]],
  ['clerr', '3.1.2.2', 'Content length larger than message', [400]],
  ['ncl', '3.1.2.3', 'Negative Content-Length', [400]],
  ['scalar02', '3.1.2.4', 'Request scalar fields with overlarge values', [400]],
  ['scalarlg', '3.1.2.5', 'Response scalar fields with overlarge values', 'discarded'],
  ['quotbal', '3.1.2.6', 'Unterminated quoted string in display name', [400]],
  ['ltgtruri', '3.1.2.7', '<> enclosing Request-URI'],
  ['lwsruri', '3.1.2.8', 'Malformed SIP Request-URI (embedded LWS)'],
  ['lwsstart', '3.1.2.9', 'Multiple SP separating Request-Line elements'],
  ['trws', '3.1.2.10', 'SP characters at end of Request-Line'],
  ['escruri', '3.1.2.11', 'Escaped headers in SIP Request-URI'],
  ['baddate', '3.1.2.12', 'Invalid time zone in Date header field'],
  ['regbadct', '3.1.2.13', 'Failure to enclose name-addr URI in <>'],
  ['badaspec', '3.1.2.14', 'Spaces within addr-spec'],
  ['baddn', '3.1.2.15', 'Non-token characters in display name'],
  ['badvers', '3.1.2.16', 'Unknown protocol version', [505]],
  ['mismatch01', '3.1.2.17', 'Start line and CSeq method mismatch', [400]],
  ['mismatch02', '3.1.2.18', 'Unknown method with CSeq method mismatch', [400, 501]],
  ['bigcode', '3.1.2.19', 'Overlarge response code', 'discarded'],
  ['badbranch', '3.2.1', 'Missing transaction identifier'],
  ['insuf', '3.3.1', 'Missing required header fields', [400]],
  ['unkscm', '3.3.2', 'Request-URI with unknown scheme', [416]],
  ['novelsc', '3.3.3', 'Request-URI with known but atypical scheme', [416]],
  ['unksm2', '3.3.4', 'Unknown URI schemes in header fields'],
  ['bext01', '3.3.5', 'Proxy-Require and Require', [420]],
  ['invut', '3.3.6', 'Unknown Content-Type', 'sound'],
  ['regaut01', '3.3.7', 'Unknown authorization scheme', 'sound'],
  ['multi01', '3.3.8', 'Multiple values in single value required fields', [400]],
  ['mcl01', '3.3.9', 'Multiple Content-Length values', [400]],
  ['bcast', '3.3.10', '200 OK response with broadcast Via header field value', 'discarded'],
  ['zeromf', '3.3.11', 'Max-Forwards of zero', [483]],
  ['cparam01', '3.3.12', 'REGISTER with a Contact header parameter', 'sound'],
  ['cparam02', '3.3.13', 'REGISTER with a URL parameter', 'sound'],
  ['regescrt', '3.3.14', 'REGISTER with a URL escaped header', 'sound'],
  ['sdp01', '3.3.15', 'Unacceptable Accept offering', 'sound'],
  ['inv2543', '3.4.1', 'INVITE with RFC 2543 syntax', 'sound'],
];

export const MESSAGES: readonly Torture[] = TABLE.map(([name, section, title, verdict]) => ({
  name,
  section,
  title,
  ...(verdict === undefined ? {} : { verdict }),
  text: expanded(readFileSync(path.join(import.meta.dirname, 'messages', `${name}.txt`), 'latin1')),
}));

export const SCRIPT = readFileSync(path.join(import.meta.dirname, 'torture.cfg'), 'latin1');

/** What a server made of a message: lines of its script, and its reply without what is made up anew each time. */
export interface Outcome {
  readonly log: readonly string[];
  readonly reply: string | null;
}

/** After each message, so that its end is seen. */
export const MARKER =
  'OPTIONS sip:end-of-message@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKend\r\n' +
  'From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: end\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n';

/** Kamailio ends a log line there. */
export function untilNul(line: string): string {
  const nul = line.indexOf('\0');
  return nul < 0 ? line : line.slice(0, nul);
}

export function withoutChance(reply: string): string {
  return reply
    .replace(/\r\nServer: [^\r]*/, '')
    .replace(/;tag=[0-9a-f]{32}\.[0-9a-f]{8}/, ';tag=made')
    .replace(/;tag=[0-9a-f]{32}(?=[\r;])/, ';tag=made')
    .replace(/rport=\d+/, 'rport=here');
}

/** Does the outcome agree with the RFC? */
export function agrees({ verdict }: Torture, { log, reply }: Outcome): boolean {
  if (verdict === undefined) return true;
  if (verdict === 'sound') return log.at(-1) === 'sound';
  if (verdict === 'discarded') return reply === null && log.at(-1) !== 'sound';
  return reply !== null && verdict.includes(Number(/^SIP\/2\.0 (\d+)/.exec(reply)?.[1]));
}
