/** The message in view of network event routes: what could be read of raw data, else the made-up one. */
import { parseStartLine, SipMessage } from '../sip/message.js';
import type { Received } from '../sip/transport.js';
import type { ServerHost } from './host.js';

export function rawMessage(host: ServerHost, text: string, from: Received): SipMessage {
  const line = parseStartLine(text);
  if (line === undefined) return host.fakeRequest();
  const msg = new SipMessage(text, line, from, host.nextMessageId(), host.clock.now());
  msg.faked = true;
  return msg;
}
