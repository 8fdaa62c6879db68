/** trace_mode: all SIP that the network brings and takes. */

import { STOP } from '../../runtime/context.js';
import { MessageEnv } from '../../runtime/message-env.js';
import { type ExtraKey, extraKey, type Host } from '../../runtime/module.js';
import type { SipMessage } from '../../sip/message.js';
import { parseMessage } from '../../sip/parse.js';
import { bracketed, type Received } from '../../sip/transport.js';
import { MODE } from './params.js';
import type { Siptrace } from './state.js';
import { attributesOf, socketText, type Traced, targetOf } from './traced.js';

/** What event_route[siptrace:msg] has in view: `$siptrace(…)`. */
export const IN_VIEW: ExtraKey<Traced> = extraKey<Traced>('siptrace message');
export const EVENT = 'siptrace:msg';

/** First lines of SIP; keep-alives and other protocols are passed over. */
const SIP = /^(?:SIP\/\d|[A-Za-z][\w-]*[ \t]+[^\s]+[ \t]+SIP\/\d)/;

const NOTHING = { callId: '', method: '', status: '', fromTag: '', toTag: '', isReply: false, micros: 0 };

export function traceNetwork(host: Host, state: Siptrace): void {
  // before modules that change what comes
  host.hooks.onNetIn.unshift(({ text, from }) => {
    if (state.on && from !== undefined && SIP.test(text)) arrived(state, text, from);
    return text;
  });
  host.hooks.onSent.push((text, to, options) => {
    if (!state.on || options?.asIs === true || !SIP.test(text)) return;
    const received: Received = {
      proto: to.proto,
      srcIp: to.socket.ip,
      srcPort: to.socket.port,
      socket: to.socket,
      connection: 0,
    };
    const ends = { from: socketText(to.socket), to: targetOf({ ...to, proto: to.socket.proto }), direction: 'out' };
    take(state, { ...NOTHING, ...ends, socket: to.socket, body: text }, received);
  });
}

function arrived(state: Siptrace, text: string, from: Received): void {
  const { proto, srcIp, srcPort, socket, sentTo } = from;
  const ends = {
    from: `${proto}:${bracketed(srcIp)}:${srcPort}`,
    to: `${proto}:${bracketed(sentTo?.ip ?? socket.ip)}:${sentTo?.port ?? socket.port}`,
    direction: 'in',
  };
  take(state, { ...NOTHING, ...ends, socket, body: text }, from);
}

/** Asks the event route, then does what the mode says. */
function take(state: Siptrace, traced: Traced, from: Received): void {
  const { host } = state;
  const mode = state.params.trace_mode;
  if (!host.program.routes.event.has(EVENT)) return go(state, traced, traced.body, from);
  const body = (mode & MODE.URI) !== 0 ? state.bodyOfCopy(traced) : traced.body;
  const msg = body === undefined ? undefined : parse(host, body, from);
  if (body === undefined || msg === undefined) return;
  const run = host.runEvent(EVENT, msg, (ctx) => ctx.setExtra(IN_VIEW, { ...traced, body }));
  const done = (stop: number | undefined): void => {
    if (stop !== STOP.DROP) go(state, traced, body, from);
  };
  if (run instanceof Promise)
    host.detach(
      run.then((ctx) => done(ctx.stop)),
      `event_route[${EVENT}]`,
    );
  else done(run?.stop);
}

function parse(host: Host, text: string, from: Received): SipMessage | undefined {
  return parseMessage(text, from, host.nextMessageId?.() ?? 0, host.clock.now());
}

function go(state: Siptrace, traced: Traced, body: string, from: Received): void {
  const mode = state.params.trace_mode;
  if ((mode & MODE.HEP) !== 0) state.sendHep({ ...traced, body });
  if ((mode & MODE.DB) !== 0) writeRow(state, { ...traced, body }, from);
  if ((mode & MODE.URI) !== 0) state.sendCopy(body, traced.socket);
}

function writeRow(state: Siptrace, traced: Traced, from: Received): void {
  const msg = parse(state.host, traced.body, from);
  const attributes = msg === undefined ? undefined : attributesOf(state.host, msg);
  if (msg === undefined || attributes === undefined) return;
  const status = msg.isRequest ? '' : `${msg.status}`;
  const row = { ...traced, ...attributes, status, isReply: !msg.isRequest, micros: state.host.clock.micros() };
  state.write(row, new MessageEnv());
}
