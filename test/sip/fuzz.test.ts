/** Whatever bytes arrive: nothing throws, and what is found lies within the message. FUZZ_RUNS sets how long. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { nameAddr, scanAddresses } from '../../src/sip/address.js';
import {
  buildForward,
  buildForwardedReply,
  buildReply,
  ownVia,
  rebuild,
  replyDestination,
  statelessBranch,
  tagSuffix,
} from '../../src/sip/build.js';
import { parseDigest } from '../../src/sip/digest.js';
import { callIdOf, contactsOf, cseqOf, fromOf, routesOf, toOf, viasOf } from '../../src/sip/header.js';
import { HDR } from '../../src/sip/header-names.js';
import { parseNet } from '../../src/sip/ip.js';
import type { SipMessage } from '../../src/sip/message.js';
import { acceptable, parseMessage } from '../../src/sip/parse.js';
import { parseAddressPackage, parsePackage } from '../../src/sip/sip-package.js';
import { StreamFramer } from '../../src/sip/stream-framer.js';
import { listenSocket, type Received } from '../../src/sip/transport.js';
import { buildUri, parseParams, parseUri, uriParam } from '../../src/sip/uri.js';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
vi.setConfig({ testTimeout: 20_000 + RUNS * 20 });
const socket = listenSocket('udp', '127.0.0.1', 5060);
const received: Received = { proto: 'udp', srcIp: '127.0.0.1', srcPort: 5061, socket, connection: 0 };

const SAMPLES: readonly [string, string] = [
  'INVITE sip:bob:pw@h.example:5070;transport=tcp;lr?a=b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-1;rport, SIP/2.0/TCP [::2]:5;received=1.2.3.4;i=5\r\nv: SIP/2.0/TLS c\r\nFrom: "A B" <sip:a@b.example;x=y>;tag=1;z="q;r"\r\nTo: Bob <sips:c@[::1]:99;lr>;y\r\nCall-ID: x@y\r\nCSeq: 1 INVITE\r\nRoute: <sip:1.2.3.4;lr>, "x" <sip:5.6.7.8;lr>;a=b\r\nContact: <sip:me@x>;q=0.5;expires=60, sip:b@y;q=1\r\nX-A: one\r\n two\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
  'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-o\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK-t;rport=77;received=10.9.9.9\r\nFrom: <sip:a@b>;tag=1\r\nTo: sip:c@d;tag=2\r\nCall-ID: stray\r\nCSeq: 1 OPTIONS\r\nRecord-Route: <sip:10.0.0.2;lr>\r\nContact: *\r\nContent-Length: 0\r\n\r\n',
];

const ODD = [
  ';',
  ':',
  ',',
  '<',
  '>',
  '"',
  '@',
  '?',
  '=',
  '[',
  ']',
  '(',
  ')',
  '\\',
  '/',
  ' ',
  '\t',
  '\r\n',
  '\r\n ',
  '\r',
  '\n',
  '\0',
  '%',
  '*',
  '\xff',
  'tag=',
  '<sip:',
  'SIP/2.0',
];

/** A sample with a few places changed. */
const mutated: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom(...SAMPLES),
    fc.array(fc.tuple(fc.nat(700), fc.nat(12), fc.constantFrom(...ODD, '')), { minLength: 1, maxLength: 6 }),
  )
  .map(([sample, changes]) =>
    changes.reduce<string>(
      (text, [at, length, put]) =>
        text.slice(0, at % text.length) + put + text.slice((at % text.length) + (length % 4 === 0 ? 0 : length)),
      sample,
    ),
  );
const bytes: fc.Arbitrary<string> = fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b).toString('latin1'));
const messages = fc.oneof({ weight: 4, arbitrary: mutated }, { weight: 1, arbitrary: bytes });
const values = fc.oneof(
  bytes,
  fc.array(fc.constantFrom(...ODD, 'a', 'sip:', '1', 'x.y'), { maxLength: 20 }).map((p) => p.join('')),
);

function within(msg: SipMessage, start: number, end: number): void {
  expect(start).toBeGreaterThanOrEqual(0);
  expect(end).toBeGreaterThanOrEqual(start);
  expect(end).toBeLessThanOrEqual(msg.text.length);
}

describe('any bytes', () => {
  test('a message is read without throwing, its parts lying within it', () => {
    fc.assert(
      fc.property(messages, (text) => {
        const msg = parseMessage(text, received, 1, 0);
        if (msg === undefined) return;
        let last = msg.headersStart;
        for (const h of msg.headers) {
          expect(h.start).toBe(last);
          within(msg, h.start, h.valueStart);
          within(msg, h.valueStart, h.valueEnd);
          within(msg, h.valueEnd, h.end);
          expect(h.name.length).toBeGreaterThan(0);
          last = h.end;
        }
        for (const via of viasOf(msg)) {
          within(msg, via.start, via.end);
          within(msg, via.header.valueStart, via.start);
        }
        for (const c of contactsOf(msg)) within(msg, c.start, c.end);
        for (const id of [HDR.ROUTE, HDR.RECORDROUTE, HDR.PATH] as const) {
          for (const r of routesOf(msg, id)) within(msg, r.start, r.end);
        }
        for (const value of [fromOf(msg), toOf(msg)]) if (value) within(msg, value.uriStart, value.uriEnd);
        cseqOf(msg);
        callIdOf(msg);
      }),
      { numRuns: RUNS },
    );
  });

  test('what is accepted can be answered and forwarded, and reads the same afterwards', () => {
    fc.assert(
      fc.property(messages, (text) => {
        const msg = parseMessage(text, received, 1, 0);
        if (msg === undefined || acceptable(msg) !== undefined) return;
        statelessBranch(msg);
        tagSuffix(msg);
        replyDestination(msg);
        expect(rebuild(msg)).toBe(text);
        const out = msg.isRequest
          ? buildForward(msg, { via: ownVia(socket, 'B'), leaving: { sendSocket: socket } })
          : buildForwardedReply(msg, { sendSocket: socket });
        const again = parseMessage(out, received, 2, 0);
        const vias = viasOf(msg).length;
        expect(again && viasOf(again).length).toBe(msg.isRequest ? vias + 1 : vias - 1);
        const reply = buildReply(msg, 404, 'No', { toTag: 'T' });
        if (msg.malformedAt >= 0) expect(reply).toBe('');
        else if (msg.isRequest && msg.version.length === 7) {
          const answer = parseMessage(reply, received, 3, 0);
          expect(answer?.status).toBe(404);
          expect(answer && callIdOf(answer)).toBe(callIdOf(msg));
          expect(answer && toOf(answer)?.tag).toBe(toOf(msg)?.tag ?? 'T');
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('values are taken apart without throwing', () => {
    fc.assert(
      fc.property(values, (text) => {
        nameAddr(text)?.param('tag');
        scanAddresses(text, 0, text.length);
        parseParams(text);
        parseDigest(text);
        parseNet(text);
        parsePackage(text);
        parseAddressPackage(text);
        const uri = parseUri(`sip:${text}`);
        if (uri) uriParam(uri, 'lr');
      }),
      { numRuns: RUNS },
    );
  });

  test('a sip URI that is taken apart is put together again', () => {
    fc.assert(
      fc.property(values, (text) => {
        const uri = parseUri(`sip:${text}`);
        if (uri === undefined || uri.type !== 'sip' || /[?;:]$/.test(text) || /:[;?]|;\?/.test(text)) return;
        expect(buildUri({ ...uri, port: uri.portText })).toBe(`sip:${text}`);
      }),
      { numRuns: RUNS },
    );
  });

  test('a stream is cut the same however it arrives', () => {
    const good = SAMPLES[0];
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { maxLength: 8 }), bytes, (cuts, tail) => {
        const stream = Buffer.from(good + good + tail, 'latin1');
        const got: string[] = [];
        const framer = new StreamFramer(
          { maxMessage: 4096, acceptNoLength: false },
          { message: (d) => got.push(d.toString('latin1')), ping: () => {}, foreign: () => false, broken: () => {} },
        );
        let at = 0;
        for (const cut of [...cuts.map((c) => c % stream.length), stream.length].sort((a, b) => a - b)) {
          framer.push(stream.subarray(at, cut));
          at = cut;
        }
        expect(got.slice(0, 2)).toEqual([good, good]);
      }),
      { numRuns: RUNS },
    );
  });
});
