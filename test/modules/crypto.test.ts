import { describe, expect, test } from 'vitest';
import { crypto } from '../../src/modules/crypto/index.js';
import type { PvAccessor, Value } from '../../src/runtime/module.js';
import { fakeContext } from '../support/fake-host.js';

function run(name: keyof typeof crypto.functions, params: Record<string, unknown>, text: string, key: string): Value {
  let stored: Value;
  const result: PvAccessor = {
    get: () => stored,
    set: (_ctx, value) => {
      stored = value;
    },
  };
  const unused = { register_callid: 0, register_evcb: 0, netio_key: null };
  const all = { salt: 'k8hTm4aZ', key_derivation: 1, init_vector: null, ...unused, ...params };
  crypto.functions[name].run(fakeContext(), all, text, key, result);
  return stored;
}

describe('AES with a derived key gives what Kamailio gives', () => {
  const cases: [salt: string, text: string, key: string, result: string][] = [
    ['k8hTm4aZ', 'plain text', 'secret key', '+w4IkVAhaGWlviyQSdQGfQ=='],
    ['k8hTm4aZ', 'a', 'k', '81AxBOl6bAMCO5AMe2TlUA=='],
    ['my salt value', 'plain text', 'secret key', 'Wpe7XroQaRtkPUDKxSEqAg=='],
    ['my salt value', 'a', 'k', 'hoU0LSkWaQGLppDacT3nvQ=='],
    ['~~~zzZ\xe9\xffabc', 'plain text', 'secret key', 'eDjjdVjN9INLPvf6JPnvOw=='],
  ];
  for (const [salt, text, key, result] of cases) {
    test(`${text} with salt ${salt}`, () => {
      expect(run('crypto_aes_encrypt', { salt }, text, key)).toBe(result);
      expect(run('crypto_aes_decrypt', { salt }, result, key)).toBe(text);
    });
  }
  test('a wrong key gives nothing', () => {
    expect(run('crypto_aes_decrypt', {}, '+w4IkVAhaGWlviyQSdQGfQ==', 'another')).toBeUndefined();
  });
  test('a key that is not derived goes round with its vector in front', () => {
    const key = Buffer.alloc(16, 7).toString('base64');
    const made = run('crypto_aes_encrypt', { key_derivation: 0 }, 'text', key);
    expect(run('crypto_aes_decrypt', { key_derivation: 0 }, String(made), key)).toBe('text');
  });
});

test('register_callid gives requests of the server itself UUIDs', () => {
  const host = fakeContext().host;
  crypto.start(host, { register_callid: 1, register_evcb: 0 });
  expect(host.hooks.callId?.()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
