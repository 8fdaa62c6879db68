import { describe, expect, test } from 'vitest';
import { Nonces } from '../../../src/modules/auth/nonce.js';

describe('nonces', () => {
  let now = 1_000_000_000_000;
  const nonces = new Nonces('key', () => now, 7);

  test('are good until they expire, and never the same', () => {
    const [a, b] = [nonces.make(10), nonces.make(10)];
    expect(a).not.toBe(b);
    expect(nonces.check(a)).toBe('good');
    now += 11_000;
    expect(nonces.check(a)).toBe('stale');
  });

  test('are unreadable when any character was changed, or made with another key', () => {
    const nonce = nonces.make(10);
    for (let i = 0; i < nonce.length; i++) {
      const other = nonce[i] === '0' ? '1' : '0';
      expect(nonces.check(nonce.slice(0, i) + other + nonce.slice(i + 1))).toBe('unreadable');
    }
    expect(nonces.check(new Nonces('other', () => now, 1).make(10))).toBe('unreadable');
    expect(nonces.check('')).toBe('unreadable');
  });

  test('a count must rise, and expired ones are forgotten', () => {
    const nonce = nonces.make(10);
    expect([
      nonces.count(nonce, '00000001'),
      nonces.count(nonce, '00000001'),
      nonces.count(nonce, '0000000a'),
      nonces.count(nonce, 'x'),
    ]).toEqual(['good', 'replayed', 'good', 'replayed']);
    nonces.use(nonce);
    expect(nonces.wasUsed(nonce)).toBe(true);
    now += 11_000;
    nonces.use(nonces.make(10));
    expect(nonces.wasUsed(nonce)).toBe(false);
  });
});
