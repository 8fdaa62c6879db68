/** Where in an SDP the addresses and ports stand that an RTPproxy takes the place of. Offsets are those of msg.text. */
import type { SipMessage } from '../../sip/message.js';
import { type Piece, type Sdp, type SdpSession, type SdpStream, sdpLine } from '../../sip/sdp.js';

export interface AddressPiece extends Piece {
  readonly family: 4 | 6;
  /** Offset of the digit of `IP4`. */
  readonly familyAt: number;
}

export interface StreamPlaces {
  readonly stream: SdpStream;
  /** Its own `c=`. */
  readonly address: AddressPiece | undefined;
  /** Port of `a=rtcp:`. */
  readonly rtcp: Piece | undefined;
  readonly isRtp: boolean;
}

export interface SessionPlaces {
  readonly common: AddressPiece | undefined;
  readonly origin: AddressPiece | undefined;
  readonly streams: readonly StreamPlaces[];
}

const ADDRESS = /^.* IP([46])( +)(\S+)/;

function addressAt(text: string, at: number, limit: number): AddressPiece | undefined {
  if (at < 0) return undefined;
  const lf = text.indexOf('\n', at);
  const line = text.slice(at, lf < 0 || lf > limit ? limit : lf);
  const m = ADDRESS.exec(line);
  if (m === null) return undefined;
  const [all = '', family = '', gap = '', ip = ''] = m;
  const start = at + all.length - ip.length;
  return { text: ip, start, family: family === '6' ? 6 : 4, familyAt: start - gap.length - 1 };
}

function rtcpOf(text: string, { start, end }: SdpStream): Piece | undefined {
  const m = /(?:^|\n)a=rtcp:[ \t]*(\d+)/.exec(text.slice(start, end));
  const port = m?.[1];
  return m === null || port === undefined
    ? undefined
    : { text: port, start: start + m.index + m[0].length - port.length };
}

function sessionPlaces(text: string, session: SdpSession): SessionPlaces {
  const first = session.streams[0]?.start ?? session.end;
  return {
    common: addressAt(text, sdpLine(text, session.start, first, 'c'), first),
    origin: addressAt(text, sdpLine(text, session.start, first, 'o'), first),
    streams: session.streams.map((stream) => ({
      stream,
      address: addressAt(text, sdpLine(text, stream.start, stream.end, 'c'), stream.end),
      rtcp: rtcpOf(text, stream),
      isRtp: /^(?:UDP\/TLS\/)?RTP\/S?AVPF?/i.test(stream.transport.text),
    })),
  };
}

export function placesOf(msg: SipMessage, sdp: Sdp): readonly SessionPlaces[] {
  return sdp.sessions.map((session) => sessionPlaces(msg.text, session));
}

export const isNullAddress = (ip: string): boolean => ip === '0.0.0.0' || /^[0:]+$/.test(ip);
