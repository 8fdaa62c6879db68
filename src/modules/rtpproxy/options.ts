/** The letters of the first argument of rtpproxy_offer() and its relatives. */

export interface RtpOptions {
  /** Letters that go to the RTPproxy with the command, in order. */
  readonly sent: string;
  /** `Z` and its digits: repacketization. */
  readonly repacketize: string;
  /** Number of the Via whose branch goes with the Call-ID, 0 none, 3 by the kind of message. */
  readonly via: number;
  readonly lookUpOnly: boolean;
  readonly force: boolean;
  /** The address of the SDP counts, not that of the sender. */
  readonly trust: boolean;
  readonly common: boolean;
  readonly bridge: boolean;
  readonly extraId: boolean;
  readonly withoutTo: boolean;
}

const SENT: Readonly<Record<string, string>> = { a: 'A', i: 'I', e: 'E', w: 'S' };
/** All that is known; `o` is without effect, as in Kamailio: the address of `o=` is always changed. */
const KNOWN = '123abcefilortwxz';

/** A letter: it is unknown. */
export function parseOptions(flags: string): RtpOptions | string {
  let sent = '';
  let repacketize = '';
  const seen = new Set<string>();
  for (const [, letter = '', digits = ''] of flags.matchAll(/(z|.)((?<=z)\d*)?/gis)) {
    const l = letter.toLowerCase();
    if (!KNOWN.includes(l)) return letter;
    seen.add(l);
    sent += SENT[l] ?? '';
    if (l === 'z') repacketize += `Z${digits}`;
  }
  return {
    sent,
    repacketize,
    via: seen.has('3') ? 3 : seen.has('2') ? 2 : seen.has('1') ? 1 : 0,
    lookUpOnly: seen.has('l'),
    force: seen.has('f'),
    trust: seen.has('r') || seen.has('a'),
    common: seen.has('c'),
    bridge: seen.has('x'),
    extraId: seen.has('b'),
    withoutTo: seen.has('t'),
  };
}
