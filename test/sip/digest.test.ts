import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { algorithmOf, answerChallenge, digestResponse, ha1, parseDigest, verifyDigest } from '../../src/sip/digest.js';
import { md5 } from '../../src/sip/md5.js';

test('the SHA-256 example of RFC 7616, 3.9.1', () => {
  const secret = ha1('SHA-256', 'Mufasa', 'http-auth@example.org', 'Circle of Life');
  const response = digestResponse({
    algorithm: 'SHA-256',
    ha1: secret,
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    method: 'GET',
    uri: '/dir/index.html',
    qop: 'auth',
    nc: '00000001',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  });
  expect(response).toBe('753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1');
});

test('credentials are taken apart, commas inside quotes kept', () => {
  const got = parseDigest('Digest username="a,b", realm="r" , nonce="n",qop=auth,nc=00000001, stale=true');
  expect(got?.scheme).toBe('Digest');
  expect([...(got?.params ?? [])]).toEqual([
    ['username', 'a,b'],
    ['realm', 'r'],
    ['nonce', 'n'],
    ['qop', 'auth'],
    ['nc', '00000001'],
    ['stale', 'true'],
  ]);
  expect(parseDigest('Digest')).toBeUndefined();
  expect(parseDigest('')).toBeUndefined();
});

test('a challenge is answered so that it can be verified', () => {
  for (const extra of [
    '',
    ', qop="auth"',
    ', qop="auth-int"',
    ', algorithm=SHA-256, qop="auth,auth-int"',
    ', algorithm=MD5-sess, qop="auth"',
  ]) {
    const challenge = parseDigest(`Digest realm="r", nonce="n"${extra}, opaque="o"`);
    const hash = algorithmOf(challenge?.params.get('algorithm'))?.hash ?? 'MD5';
    const secret = ha1(hash, 'u', 'r', 'p');
    const answer =
      challenge &&
      answerChallenge(challenge, {
        user: 'u',
        realm: 'r',
        ha1: secret,
        uri: 'sip:x',
        method: 'INVITE',
        cnonce: 'c',
        nc: 1,
        body: 'b',
      });
    const credentials = parseDigest(answer ?? '');
    expect(credentials && verifyDigest(credentials, secret, 'INVITE', 'b')).toBe(true);
    expect(credentials && verifyDigest(credentials, secret, 'BYE', 'b')).toBe(false);
    expect(credentials && verifyDigest(credentials, ha1(hash, 'u', 'r', 'wrong'), 'INVITE', 'b')).toBe(false);
  }
});

test('an unknown algorithm is refused', () => {
  expect(algorithmOf('SHA-1')).toBeUndefined();
  expect(digestResponse({ algorithm: 'X', ha1: '', nonce: '', method: '', uri: '' })).toBeUndefined();
});

test('MD5 of texts around the length of a block is that of OpenSSL', () => {
  for (let n = 0; n < 200; n++) {
    const text = Array.from({ length: n }, (_, i) => String.fromCharCode((i * 37 + n) & 255)).join('');
    expect(md5(text.slice(0, n >> 1), text.slice(n >> 1))).toBe(
      createHash('md5')
        .update(`${text.slice(0, n >> 1)}:${text.slice(n >> 1)}`, 'latin1')
        .digest('hex'),
    );
    expect(md5(text)).toBe(createHash('md5').update(text, 'latin1').digest('hex'));
  }
});

test('of credentials with many parameters the first are read', () => {
  const many = Array.from({ length: 500 }, (_, i) => `p${i}=${i}`).join(',');
  const got = parseDigest(`Digest ${many}, realm="r", p3=x`);
  expect(got?.params.size).toBe(64);
  expect(got?.params.get('p3')).toBe('x');
});

test('odd credentials are read as they were before quotes were looked for', () => {
  const read = (text: string) => [...(parseDigest(text)?.params ?? [])];
  expect(read('Digest a="x\\"y,z", b=1')).toEqual([
    ['a', 'x\\"y,z'],
    ['b', '1'],
  ]);
  expect(read('Digest a = "q" , b="open, c=1')).toEqual([
    ['a', 'q'],
    ['b', '"open, c=1'],
  ]);
  expect(read('Digest bare, A="1" 2, b=x"y,z"w, =v, c=')).toEqual([
    ['bare', ''],
    ['a', '"1" 2'],
    ['b', 'x"y,z"w'],
    ['c', ''],
  ]);
});
