/** Replies and forwarded messages of the recorded cases sl/*, built from the messages that were sent. */
import { expect, test } from 'vitest';
import { buildForward, buildForwardedReply, buildReply, ownVia } from '../../src/sip/build.js';
import { acceptable, parseMessage } from '../../src/sip/parse.js';
import { listenSocket, type Received } from '../../src/sip/transport.js';

const socket = listenSocket('udp', '127.0.0.1', 5070);
const received: Received = { proto: 'udp', srcIp: '127.0.0.1', srcPort: 5555, socket, connection: 0 };

function message(...lines: string[]) {
  const msg = parseMessage(lines.join('\r\n'), received, 1, 0);
  if (msg === undefined) throw new Error('does not parse');
  return msg;
}

const options = (via: string) => [
  'OPTIONS sip:bob@127.0.0.1:5070 SIP/2.0',
  `Via: SIP/2.0/UDP ${via}`,
  'Max-Forwards: 70',
  'From: <sip:alice@example.org>;tag=a1',
  'To: <sip:bob@example.org>',
  'Call-ID: call-1@a',
  'CSeq: 1 OPTIONS',
  'Content-Length: 0',
  '',
  '',
];

// case sl/received_and_rport_in_replies
const vias: [sent: string, back: string][] = [
  ['127.0.0.1:5555;branch=z9hG4bK-1', '127.0.0.1:5555;branch=z9hG4bK-1'],
  ['127.0.0.1:5555;rport;branch=z9hG4bK-2', '127.0.0.1:5555;rport=5555;branch=z9hG4bK-2;received=127.0.0.1'],
  ['10.1.2.3:5555;branch=z9hG4bK-3', '10.1.2.3:5555;branch=z9hG4bK-3;received=127.0.0.1'],
  [
    '127.0.0.1:5555;rport=77;received=1.2.3.4;branch=z9hG4bK-8',
    '127.0.0.1:5555;rport=5555;received=1.2.3.4;branch=z9hG4bK-8;received=127.0.0.1',
  ],
];
for (const [sent, back] of vias) {
  test(`a reply to ${sent} carries ${back}`, () => {
    const reply = buildReply(message(...options(sent)), 200, 'OK', { toTag: 'T' });
    expect(reply).toBe(
      `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP ${back}\r\nFrom: <sip:alice@example.org>;tag=a1\r\n` +
        'To: <sip:bob@example.org>;tag=T\r\nCall-ID: call-1@a\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
    );
  });
}

test('a forwarded request has the own Via on top and the new request URI', () => {
  const msg = message(...options('127.0.0.1:5555;branch=z9hG4bK-1;rport'));
  msg.newUri = 'sip:x@y';
  const out = buildForward(msg, { via: ownVia(socket, 'B'), leaving: { sendSocket: socket } });
  expect(out.split('\r\n').slice(0, 3)).toEqual([
    'OPTIONS sip:x@y SIP/2.0',
    'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=B',
    'Via: SIP/2.0/UDP 127.0.0.1:5555;received=127.0.0.1;branch=z9hG4bK-1;rport=5555',
  ]);
});

test('a forwarded reply loses the first Via of a list', () => {
  const msg = message(
    'SIP/2.0 200 OK',
    'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-ours, SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK-inline',
    'From: <sip:a@b>;tag=1',
    'To: <sip:c@d>;tag=2',
    'Call-ID: stray',
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  );
  expect(acceptable(msg)).toBeUndefined();
  expect(buildForwardedReply(msg, { sendSocket: socket })).toContain(
    'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK-inline\r\nFrom:',
  );
});
