/** The sip package still loads with ws 8, and agrees with the project's own parsers. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { digestResponse, ha1 } from '../../src/sip/digest.js';
import {
  ha1Package,
  parsePackage,
  parseUriPackage,
  replyPackage,
  responsePackage,
  stringifyPackage,
} from '../../src/sip/sip-package.js';
import { parseUri, uriParam } from '../../src/sip/uri.js';

const request = [
  'MESSAGE sip:bob@127.0.0.1:5070 SIP/2.0',
  'v: SIP/2.0/UDP 127.0.0.1:5555;branch=z9hG4bK-c1',
  'From: "A" <sip:alice@example.org>;tag=a1',
  'To: <sip:bob@example.org>',
  'Call-ID: c1',
  'CSeq: 2 MESSAGE',
  'Content-Length: 5',
  '',
  'hello',
].join('\r\n');

test('the package runs with ws 8', () => {
  const version: unknown = createRequire(import.meta.url)('ws/package.json').version;
  expect(version).toMatch(/^8\./);
  expect(parsePackage(request)?.method).toBe('MESSAGE');
});

test('a request is taken apart and built again', () => {
  const parsed = parsePackage(request);
  expect(parsed?.headers.cseq).toEqual({ seq: 2, method: 'MESSAGE' });
  expect(parsed?.headers.via?.[0]).toMatchObject({ protocol: 'UDP', host: '127.0.0.1', port: 5555 });
  expect(parsed?.headers.from?.params.tag).toBe('a1');
  const again = parsePackage(stringifyPackage(parsed ?? { headers: {} }));
  expect(again).toEqual(parsed);
});

test('a reply to it keeps what identifies the request', () => {
  const parsed = parsePackage(request) ?? { headers: {} };
  const text = stringifyPackage(replyPackage(parsed, 200, 'OK', { content: 'x' }));
  expect(text).toMatch(/^SIP\/2\.0 200 OK\r\nVia: SIP\/2\.0\/UDP 127\.0\.0\.1:5555;branch=z9hG4bK-c1\r\n/);
  expect(text).toMatch(/\r\nContent-Length: 1\r\n/);
  expect(text.endsWith('\r\n\r\nx')).toBe(true);
});

test('what it makes of garbage is undefined, not an exception', () => {
  for (const text of ['', 'x', 'GET / HTTP/1.1', 'SIP/2.0', `${request}\u0000`]) {
    expect(() => parsePackage(text)).not.toThrow();
  }
});

test('both parsers see the same URI', () => {
  for (const text of ['sip:bob@example.com:5070;transport=tcp;lr?a=b', 'sips:x:y@h.example', 'sip:10.0.0.1']) {
    const theirs = parseUriPackage(text);
    const ours = parseUri(text);
    expect(ours?.host).toBe(theirs?.host);
    expect(ours?.user ?? undefined).toBe(theirs?.user);
    expect(ours?.port).toBe(theirs?.port || 0);
    for (const [name, value] of Object.entries(theirs?.params ?? {})) {
      expect(ours && uriParam(ours, name)).toBe(value ?? '');
    }
  }
});

test('both compute the same digest', () => {
  const hash = ha1Package('Mufasa', 'testrealm@host.com', 'Circle Of Life');
  expect(ha1('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life')).toBe(hash);
  const nonce = 'dcd98b7102dd2f0e8b11d0f600bfb0c093';
  const input = {
    ha1: hash,
    nonce,
    nc: '00000001',
    cnonce: '0a4f113b',
    qop: 'auth',
    method: 'GET',
    uri: '/dir/index.html',
  };
  // RFC 2617, 3.5
  expect(responsePackage(input)).toBe('6629fae49393a05397450978507c4ef1');
  expect(digestResponse(input)).toBe('6629fae49393a05397450978507c4ef1');
});
