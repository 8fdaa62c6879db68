/** The request for which the examples of the definitions run: docs/reference shows it, test/spine/examples.test.ts sends it. */
export const EXAMPLE_REQUEST = `OPTIONS sip:bob@example.com:5070;transport=udp SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-1
From: "Alice" <sip:alice@example.com>;tag=f1
To: <sip:bob@example.com>
Call-ID: call-1@127.0.0.1
CSeq: 7 OPTIONS
Max-Forwards: 70
User-Agent: example
Content-Length: 0

`;
