import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerLine, challengeOf } from '../../../src/modules/uac/challenge.js';
import { cookieOf, otherUri } from '../../../src/modules/uac/cookie.js';
import { ha1, parseDigest, verifyDigest } from '../../../src/sip/digest.js';
import { message } from '../../support/fake-host.js';

const uri = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' });

test('a cookie gives either URI to whoever has the other one', () => {
  fc.assert(
    fc.property(uri, uri, fc.string({ maxLength: 8, unit: 'grapheme-ascii' }), (old, fresh, password) => {
      const cookie = cookieOf(old, fresh, password);
      expect(otherUri(cookie, fresh, password)).toEqual({ ok: old });
      expect(otherUri(cookie, old, password)).toEqual({ ok: fresh });
    }),
  );
});

test('what is no cookie of the URI is refused', () => {
  for (const cookie of ['', '?', 'AAAA', '----', 'dmVpbA--']) {
    expect(otherUri(cookie, 'sip:alice@example.org', '')).toHaveProperty('error');
  }
});

const challenges: [header: string, hashed: boolean][] = [
  ['Digest realm="r", nonce="n"', false],
  ['Digest realm="r", nonce="n", qop="auth-int"', false],
  ['Digest realm="r", nonce="n", qop="auth,auth-int", opaque="o", algorithm=MD5-sess', false],
  ['Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256', false],
  ['Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256', true],
];

test.each(challenges)('the answer to %s (password hashed: %s) is right', (header, hashed) => {
  const reply = message(
    `SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nWWW-Authenticate: ${header}\r\n\r\n`,
  );
  const challenge = challengeOf(reply, 401);
  if (typeof challenge === 'string') throw new Error(challenge);
  const secret = ha1(header.includes('SHA-256') ? 'SHA-256' : 'MD5', 'u', 'r', 'pw');
  const asked = { method: 'REGISTER', uri: 'sip:b', body: 'x' };
  const line = answerLine(401, challenge, { user: 'u', password: hashed ? secret : 'pw', hashed }, asked);
  const digest = parseDigest(line.replace(/^Authorization: /, '').trim());
  expect(digest && verifyDigest(digest, secret, 'REGISTER', 'x')).toBe(true);
});

test('a challenge by an unknown hash is not answered', () => {
  const reply = message(
    'SIP/2.0 407 Auth\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nProxy-Authenticate: Digest realm="r", nonce="n", algorithm=X\r\n\r\n',
  );
  expect(challengeOf(reply, 407)).toBe('unsupported algorithm "X"');
  expect(challengeOf(reply, 401)).toBe('reply has no auth hdr');
});
