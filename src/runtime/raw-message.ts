/** The message in view of network event routes: what could be read of raw data, else the made-up one. */
import { parseStartLine, SipMessage } from '../sip/message.js';
import type { Received } from '../sip/transport.js';
import type { Host } from './host.js';

export function rawMessage(host: Host, text: string, from: Received): SipMessage {
  const line = parseStartLine(text);
  if (line === undefined) return host.fakeRequest();
  const msg = new SipMessage(text, line, from, host.nextMessageId?.() ?? 0, host.clock.now());
  msg.faked = true;
  return msg;
}
