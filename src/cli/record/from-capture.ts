/** What a server saw, from the datagrams of a capture: requests and replies to it, and what it sent. */
import type { Recorded } from '../../server/recording.js';
import { type Datagram, datagrams } from './pcap.js';

const SIP = /^(?:SIP\/2\.0 \d{3} |[A-Z]+ \S+ SIP\/2\.0\r?\n)/;

/** `server`: its address, `ip:port`; without it where the first request went. Undefined: no SIP in the file. */
export function recordedIn(file: Buffer, server?: string): readonly Recorded[] | undefined {
  const sip = datagrams(file).filter((d) => SIP.test(d.text));
  const own = server ?? sip.find((d) => !d.text.startsWith('SIP/2.0 '))?.to;
  if (own === undefined) return undefined;
  return sip.flatMap((d) => entryOf(d, own));
}

function entryOf({ at, from, to, text }: Datagram, own: string): Recorded[] {
  // A loopback capture may show a server that talks to itself: both ends see it.
  const sent: Recorded[] = from === own ? [{ kind: 'out', at, text, to, proto: 'udp' }] : [];
  const taken: Recorded[] = to === own ? [{ kind: 'in', at, text, from, socket: `udp:${own}` }] : [];
  return [...sent, ...taken];
}
