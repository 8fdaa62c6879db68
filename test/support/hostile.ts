/** Messages with bytes changed, put in and taken out. */
import fc from 'fast-check';

const latin1 = (text: string): string => text.replace(/[^\x00-\xff]/g, '?');

/** One of the texts with some changes. */
export function mutated(...texts: readonly string[]): fc.Arbitrary<string> {
  const longest = Math.max(...texts.map((t) => t.length));
  const added = fc.oneof(
    fc.constantFrom('"', '<', '>', ';', ',', ':', '=', '@', '\r\n', ' ', '\0', '[', ']', '%', '\\', '*', ''),
    fc.string({ maxLength: 4 }),
  );
  const change = fc.tuple(fc.integer({ min: 0, max: longest }), fc.integer({ min: 0, max: 6 }), added);
  return fc
    .tuple(fc.constantFrom(...texts), fc.array(change, { maxLength: 8 }))
    .map(([text, changes]) =>
      changes.reduce((t, [at, remove, add]) => t.slice(0, at) + latin1(add) + t.slice(at + remove), text),
    );
}

/** A request in which most variables find something. */
export const WHOLE_REQUEST = `INVITE sip:bob:pw@example.com:5070;transport=udp SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK-opt1;rport, SIP/2.0/TCP [::1]:5;received=x;i=2
Via: SIP/2.0/TLS h
Record-Route: <sip:rr;lr>
Route: <sip:r1;lr>, <sip:r2>
From: "Alice A." <sip:alice@atlanta.example>;tag=f1
To: Bob <tel:+1>
Call-ID: opt-1@atlanta.example
CSeq: 7 INVITE
Contact: <sip:alice@127.0.0.1:5071>;expires=5;q=0.5, "x" <sip:b>
P-Asserted-Identity: <sip:a@b>, <tel:+1>
P-Preferred-Identity: "d" <sip:a@b>
P-Charging-Vector: icid-value=1;icid-generated-at=h;orig-ioi=a
Remote-Party-ID: <sip:a@b>;x
Diversion: <sip:d@e>;reason=x;counter=1;privacy=y
Refer-To: <sip:t@u>
Authorization: Digest username="a@b", realm="r", nonce="n", uri="sip:u", response="0"
Expires: 12
X-A: 1
X-One: "n" <sip:a@b;c=d>;p=1, e;f
Content-Type: application/sdp
Content-Length: 60

v=0
o=a 1 1 IN IP4 1.2.3.4
c=IN IP4 1.2.3.4
m=audio 1 RTP/AVP 0
`.replace(/\n/g, '\r\n');

export const WHOLE_REPLY = WHOLE_REQUEST.replace(/^[^\r]*/, 'SIP/2.0 183 Session Progress');
