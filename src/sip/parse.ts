/** From a datagram to a message that may run a route (sip.md, section 1). */
import { HEADER_NAMES } from './header-names.js';
import { parseStartLine, SipMessage } from './message.js';
import type { Received } from './transport.js';

/** Shorter datagrams are not looked at. */
export const MIN_MESSAGE = 32;

/** A message; undefined when the start line is no SIP, or when it is a keep-alive or too short to be anything. */
export function parseMessage(
  data: Buffer | string,
  received: Received,
  id: number,
  time: number,
): SipMessage | undefined {
  if (data.length < MIN_MESSAGE) return undefined;
  const text = typeof data === 'string' ? data : data.toString('latin1');
  const line = parseStartLine(text);
  return line === undefined ? undefined : new SipMessage(text, line, received, id, time);
}

/** Why Kamailio drops the message without a word; undefined when it runs the route. */
export function acceptable(msg: SipMessage): string | undefined {
  const missing = msg.missingHeader;
  return missing === 0 ? undefined : `required header ${HEADER_NAMES[missing]} not found`;
}
