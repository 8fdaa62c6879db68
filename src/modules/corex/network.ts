/** event_route[network:msg]: the script sees and changes what comes from the network and what goes there, whole. */

import type { NetData, NetHook } from '../../runtime/host.js';
import { avpKey, firstAvp } from '../../runtime/message-env.js';
import {
  type BindEnv,
  type ExtraKey,
  extraKey,
  fn,
  type Host,
  intParam,
  LEVEL,
  type StateKey,
  stateKey,
  strParam,
} from '../../runtime/module.js';
import { parseStartLine, SipMessage } from '../../sip/message.js';
import type { Received } from '../../sip/transport.js';

export interface CorexState {
  /** Did what passed last come in? What is_incoming() tells outside the route too. */
  incoming: boolean;
}

export interface NetworkParams {
  readonly nio_intercept: number;
  readonly nio_min_msg_len: number;
  readonly nio_msg_avp: string | null;
}

export const COREX: StateKey<CorexState> = stateKey<CorexState>('corex');
const INCOMING: ExtraKey<boolean> = extraKey<boolean>('corex network:msg');
const EVENT = 'network:msg';
const paramsOf = (host: Host) => host.program.params('corex') as unknown as NetworkParams;

export const NETWORK_PARAMS = {
  nio_intercept: intParam(0, '1: event_route[network:msg] runs for all that comes from the network and goes there.'),
  nio_min_msg_len: intParam(0, 'What is shorter passes by the event route, bytes.'),
  nio_msg_avp: strParam(null, 'The AVP in which the event route leaves the text to go on with: "$avp(s:netmsg)".'),
};

/** Key of the AVP; undefined when the text names none. */
function avpOf(text: string): string | undefined {
  const name = /^\$avp\((.+)\)$/.exec(text.trim())?.[1];
  return name === undefined ? undefined : avpKey(name);
}

export function checkNetwork(params: Readonly<Record<string, unknown>>, _env: BindEnv): readonly string[] {
  const { nio_intercept, nio_msg_avp } = params as unknown as NetworkParams;
  if (nio_intercept <= 0 || !nio_msg_avp || avpOf(nio_msg_avp) !== undefined) return [];
  return [`nio_msg_avp: malformed or non AVP ${nio_msg_avp} AVP definition`];
}

/** What is no SIP, because it is to become so, has its bytes (`$mb`) and nothing else. */
function message(host: Host, text: string, from: Received): SipMessage {
  const line = parseStartLine(text) ?? {
    isRequest: true,
    method: '',
    uri: '',
    version: '',
    status: 0,
    reason: '',
    start: 0,
    end: text.length,
  };
  return new SipMessage(text, line, from, 0, host.clock.now());
}

function hook(host: Host, incoming: boolean): NetHook {
  return (data) => {
    const { nio_min_msg_len: least, nio_msg_avp: avp } = paramsOf(host);
    if (data.text.length < least) return data.text;
    const msg = message(host, data.text, data.from ?? host.fakeRequest().received);
    const run = host.runEvent(
      EVENT,
      msg,
      (ctx) => {
        host.state(COREX).incoming = incoming;
        ctx.setExtra(INCOMING, incoming);
      },
      data.env,
    );
    if (run === undefined || !avp) {
      return run instanceof Promise ? run.then(() => data.text) : data.text;
    }
    return run instanceof Promise ? run.then(() => changed(host, data, avp)) : changed(host, data, avp);
  };
}

/** What the route left in the AVP; it is looked for in all AVPs of the message, as they are (case corex/network-msg). */
function changed(host: Host, data: NetData, avp: string): string {
  const value = firstAvp(data.env, avpOf(avp) ?? '')?.value;
  if (typeof value === 'string') return value;
  host.log.write(LEVEL.WARN, 'corex', `no value set for AVP ${avp}, using unmodified message\n`);
  return data.text;
}

/** Throws where the event route is missing, as Kamailio does not start then. */
export function startNetwork(host: Host, params: Readonly<Record<string, unknown>>): void {
  const { nio_intercept, nio_min_msg_len, nio_msg_avp } = params as unknown as NetworkParams;
  if (nio_intercept <= 0) return;
  if (host.module('corex') !== undefined && !host.program.routes.event.has(EVENT))
    throw new Error(`corex: failed to find event_route[${EVENT}]`);
  if (nio_min_msg_len < 0) {
    host.log.write(LEVEL.WARN, 'corex', 'min_msg_len is less then zero, setting it to zero\n');
  }
  if (!nio_msg_avp) host.log.write(LEVEL.WARN, 'corex', 'no AVP defined to store modified message\n');
  host.hooks.onNetIn.push(hook(host, true));
  host.hooks.onNetOut.push(hook(host, false));
}

export const NETWORK_FUNCTIONS = {
  is_incoming: fn({
    doc: 'In event_route[network:msg]: did the data come from the network? Elsewhere it tells of what passed last.',
    args: [],
    run: (ctx) => ((ctx.extra(INCOMING) ?? ctx.host.state(COREX).incoming) ? 1 : -1),
    example: 'if (is_incoming()) xlog("came in\\n");\nelse xlog("goes out\\n");\n#> goes out',
  }),
};
