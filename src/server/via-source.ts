/** rev_dns: a Via that has a name of the source needs no `received`. */
import { isFromViaHost } from '../sip/build-reply.js';
import { topVia } from '../sip/header.js';
import { isIp } from '../sip/ip.js';
import type { SipMessage } from '../sip/message.js';
import type { ServerHost } from './host.js';

/** Waits for an answer only where one is needed. */
export function viaNamesSource({ resolver }: ServerHost, msg: SipMessage): boolean | Promise<boolean> {
  const via = topVia(msg);
  if (via === undefined || isFromViaHost(msg, via) || isIp(via.host)) return false;
  const asked = resolver.reverse?.(msg.received.srcIp);
  return asked === undefined ? false : asked.then((names) => names.includes(via.host)).catch(() => false);
}
