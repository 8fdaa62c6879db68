/** The opening handshake (RFC 6455, section 4; RFC 7118, section 4), answered as Kamailio answers it. */
import { createHash } from 'node:crypto';
import { LEVEL, type RouteContext } from '../../runtime/module.js';
import { replyStateless, SEND_OPTION } from '../../runtime/replies.js';
import type { SipMessage } from '../../sip/message.js';
import { XHTTP } from '../xhttp/connection.js';
import { WEBSOCKET } from './connections.js';
import { allowedOrigin, type WsParams } from './params.js';

const ENDED = 0;
const DONE = 1;
const VERSION = 13;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** What the headers of a handshake say. */
interface Offer {
  readonly key: string;
  readonly origin: string;
}

interface Answer {
  readonly code: number;
  readonly reason: string;
  readonly headers: readonly string[];
  /** For the log. */
  readonly why?: string;
}

const BAD_REQUEST = { code: 400, reason: 'Bad Request' } as const;
const ERROR: Answer = { code: 500, reason: 'Internal Server Error', headers: [] };
const DISABLED: Answer = { code: 503, reason: 'Service Unavailable', headers: [], why: 'disabled: bouncing handshake' };
const VERSION_LINE = `Sec-WebSocket-Version: ${VERSION}\r\n`;

const INCOMPLETE: Answer = {
  ...BAD_REQUEST,
  headers: ['Sec-WebSocket-Protocol: sip\r\n', VERSION_LINE],
  why: 'required headers not present',
};

/** Headers that may come once. */
const SINGLE = new Set(['sec-websocket-key', 'sec-websocket-version', 'origin']);

/** What each other header must have in it, in any case. */
const NEEDED: Readonly<Record<string, string>> = {
  connection: 'upgrade',
  upgrade: 'websocket',
  'sec-websocket-protocol': 'sip',
};

/** Reads the headers in their order, so that the first fault is the one that is answered. */
function offerOf({ headers, text }: SipMessage): Offer | Answer {
  const seen = new Map<string, string>();
  for (const h of headers) {
    const name = h.name.toLowerCase();
    const value = text.slice(h.valueStart, h.valueEnd);
    if (SINGLE.has(name)) {
      if (seen.has(name)) return { ...BAD_REQUEST, headers: [], why: `${h.name} found multiple times` };
      seen.set(name, value);
      if (name === 'sec-websocket-version' && !isOurs(value)) return wrongVersion(value);
    } else if (Object.hasOwn(NEEDED, name) && value.toLowerCase().includes(NEEDED[name]!)) seen.set(name, value);
  }
  const key = seen.get('sec-websocket-key');
  const complete = seen.has('sec-websocket-version') && Object.keys(NEEDED).every((name) => seen.has(name));
  return key === undefined || !complete ? INCOMPLETE : { key, origin: seen.get('origin') ?? '' };
}

const isOurs = (version: string): boolean => /^[-+]?\d+$/.test(version) && Number(version) === VERSION;

function wrongVersion(version: string): Answer {
  const why = `Unsupported protocol version ${version}`;
  return { code: 426, reason: 'Upgrade Required', headers: [VERSION_LINE], why };
}

function accepted({ key, origin }: Offer, params: WsParams): Answer {
  const allowed = allowedOrigin(params, origin);
  const accept = createHash('sha1').update(`${key}${GUID}`, 'latin1').digest('base64');
  return {
    code: 101,
    reason: 'Switching Protocols',
    headers: [
      ...(allowed === undefined ? [] : [`Access-Control-Allow-Origin: ${allowed}\r\n`]),
      'Sec-WebSocket-Protocol: sip\r\n',
      'Upgrade: websocket\r\n',
      'Connection: upgrade\r\n',
      `Sec-WebSocket-Accept: ${accept}\r\n`,
    ],
  };
}

/** Answers the HTTP request. 1: from now on its connection is one of WebSocket; 0 ends the script: it was refused. */
export function handshake(ctx: RouteContext, params: WsParams): number {
  const { host, msg } = ctx;
  msg.replyOptions |= SEND_OPTION.CLOSE | SEND_OPTION.NO_CONNECT;
  const connections = host.state(WEBSOCKET);
  if (!connections.enabled) return refuse(ctx, DISABLED, LEVEL.INFO);
  const http = host.state(XHTTP).connections.get(msg.received.connection);
  if (http === undefined) return refuse(ctx, ERROR, LEVEL.ERR);
  const offer = offerOf(msg);
  if (!('key' in offer)) return refuse(ctx, offer, LEVEL.WARN);
  msg.replyOptions &= ~SEND_OPTION.CLOSE;
  if (!answer(ctx, accepted(offer, params))) return ENDED;
  const { stream, rest } = http.release();
  if (!connections.begin(stream, msg.received, rest)) return ENDED;
  host.count('websocket.ws_successful_handshakes');
  host.count('websocket.ws_sip_successful_handshakes');
  return DONE;
}

function refuse(ctx: RouteContext, given: Answer, level: number): typeof ENDED {
  const { host } = ctx;
  if (host.log.level >= level) host.log.write(level, 'websocket', `${given.why ?? 'retrieving connection'}\n`);
  answer(ctx, given);
  host.count('websocket.ws_failed_handshakes');
  return ENDED;
}

function answer(ctx: RouteContext, { code, reason, headers }: Answer): boolean {
  return replyStateless(ctx, code, reason, { headers }) > 0;
}
