/** Hides and brings back at the edge of the network: the script sees the messages as they are inside. */
import { Context, ROUTE, STOP } from '../../runtime/context.js';
import type { NetData } from '../../runtime/host.js';
import type { Host } from '../../runtime/module.js';
import { callIdOf, cseqOf, fromOf, toOf, viasOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { parseMessage } from '../../sip/parse.js';
import type { Received } from '../../sip/transport.js';
import { passesDefaultChecks } from '../sanity.js';
import { Editor } from './editor.js';
import { addCookie, cookieOf, removeCookie, type TopohParams, type Topology } from './topology.js';

export const EVENTS = { OUTGOING: 'topoh:msg-outgoing', SENDING: 'topoh:msg-sending' } as const;
/** Bits of `event_mode`. */
const MODE = { OUTGOING: 1, SENDING: 2 } as const;

/** Undefined: no SIP, not whole, or REGISTER and PUBLISH, which are left alone. */
function readable(host: Host, text: string, from: Received): SipMessage | undefined {
  const msg = parseMessage(text, from, host.nextMessageId?.() ?? 0, host.clock.now());
  const method = msg === undefined ? undefined : cseqOf(msg)?.method;
  if (msg === undefined || method === undefined || method === 'REGISTER' || method === 'PUBLISH') return undefined;
  const whole = [fromOf(msg), toOf(msg), callIdOf(msg), viasOf(msg)[0]].every((part) => part !== undefined);
  return whole ? msg : undefined;
}

// ---------------------------------------------------------------------- in

export function arrived(host: Host, topology: Topology, params: TopohParams, { text, from }: NetData): string {
  const msg = from === undefined ? undefined : readable(host, text, from);
  if (msg === undefined) return text;
  const on = new Editor(msg);
  const cookie = msg.isRequest ? requestIn(host, topology, params, on) : replyIn(topology, on);
  if (cookie === undefined) return text;
  addCookie(on, cookie);
  return on.result();
}

/** Undefined: it is left as it is. */
function requestIn(host: Host, topology: Topology, params: TopohParams, on: Editor): string | undefined {
  const { msg } = on;
  if (params.sanity_checks !== 0 && !passesDefaultChecks(new Context(host, host.program, msg, ROUTE.REQUEST))) {
    return undefined;
  }
  if (toOf(msg)?.tag === undefined) return 'di';
  const upstream = topology.isUpstream(msg);
  if (upstream === undefined) return undefined;
  topology.unmaskRequestUri(on);
  topology.unmaskRoute(on);
  topology.unmaskReferTo(on);
  if (upstream) topology.unmaskCallId(on);
  return upstream ? 'uc' : 'dc';
}

function replyIn(topology: Topology, on: Editor): string | undefined {
  const { msg } = on;
  // with one Via it answers a request of our own
  if (viasOf(msg)[1] === undefined && cseqOf(msg)?.method !== 'CANCEL') return undefined;
  const cookie = topology.unmaskVia(on);
  topology.unmaskRecordRoute(on);
  if (cookie?.startsWith('u') === true) return 'dc';
  topology.unmaskCallId(on);
  return 'uc';
}

// --------------------------------------------------------------------- out

export function leaving(host: Host, topology: Topology, params: TopohParams, data: NetData): string | Promise<string> {
  const { text, to } = data;
  if (to === undefined) return text;
  const { proto, socket } = to;
  const from: Received = { proto, srcIp: socket.ip, srcPort: socket.port, socket, connection: 0 };
  const go = (): string | Promise<string> => {
    const msg = readable(host, text, from);
    if (msg === undefined) return text;
    const on = new Editor(msg);
    const cookie = cookieOf(msg);
    if (!cookie.startsWith('x')) removeCookie(on);
    const rest = () => (msg.isRequest ? requestOut(topology, on, cookie) : replyOut(topology, on, cookie));
    return unlessDropped(ask(host, params, MODE.SENDING, data, msg), text, () => (rest() ? on.result() : text));
  };
  return unlessDropped(ask(host, params, MODE.OUTGOING, data, host.fakeRequest()), text, go);
}

/** Runs the event route; true: it said drop. */
function ask(
  host: Host,
  { event_mode }: TopohParams,
  mode: number,
  { to, env }: NetData,
  msg: SipMessage,
): boolean | Promise<boolean> {
  const name = mode === MODE.OUTGOING ? EVENTS.OUTGOING : EVENTS.SENDING;
  if ((event_mode & mode) === 0 || !host.program.routes.event.has(name)) return false;
  const sending = to === undefined ? null : { text: msg.text, to };
  const run = host.runEvent(
    name,
    msg,
    (ctx) => {
      ctx.sending = sending;
    },
    env,
  );
  return run instanceof Promise ? run.then((ctx) => ctx.stop === STOP.DROP) : run?.stop === STOP.DROP;
}

function unlessDropped(
  dropped: boolean | Promise<boolean>,
  text: string,
  next: () => string | Promise<string>,
): string | Promise<string> {
  if (dropped instanceof Promise) return dropped.then((isDropped) => (isDropped ? text : next()));
  return dropped ? text : next();
}

/** False: it is left as it is, cookie and all. */
function requestOut(topology: Topology, on: Editor, cookie: string): boolean {
  const { msg } = on;
  const upstream = cookie.startsWith('u');
  const local = localKind(msg, cookie, upstream);
  if (local !== LOCAL.NO) {
    const method = cseqOf(msg)?.method;
    if (method !== 'ACK' && method !== 'CANCEL' && local !== LOCAL.DOWNSTREAM) return false;
    topology.maskCallId(on);
    return true;
  }
  topology.maskVia(on);
  topology.maskContact(on);
  topology.maskRecordRoute(on);
  if (toOf(msg)?.tag === undefined) {
    topology.flipReplaces(on);
    topology.maskCallId(on);
  } else if (!upstream) topology.maskCallId(on);
  return true;
}

const LOCAL = { NO: 0, YES: 1, DOWNSTREAM: 2 } as const;

function localKind(msg: SipMessage, cookie: string, upstream: boolean): number {
  if (viasOf(msg)[1] === undefined) return !upstream && cookie[1] === 'l' ? LOCAL.DOWNSTREAM : LOCAL.YES;
  return /^[du]/.test(cookie) ? LOCAL.NO : LOCAL.YES;
}

function replyOut(topology: Topology, on: Editor, cookie: string): boolean {
  if (cookie.endsWith('x')) return false;
  if (cookie.endsWith('v')) {
    // made here, by what the request said
    if (cookie.startsWith('u')) topology.maskCallId(on);
    return true;
  }
  topology.maskRecordRouteOfReply(on);
  topology.maskContact(on);
  if (cookie.startsWith('d')) topology.maskCallId(on);
  return true;
}
