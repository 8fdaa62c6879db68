/** Kamailio's crypto: HMAC and AES on texts. */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import type { Context } from '../runtime/context.js';
import { defineModule, fn, intParam, type PvAccessor, quoted, str, strParam, variable } from '../runtime/module.js';

interface CryptoParams {
  readonly salt: string | null;
  readonly key_derivation: number;
  readonly init_vector: string | null;
}

interface Keys {
  readonly cipher: string;
  readonly key: Buffer;
  readonly iv: Buffer;
  /** The vector stands before the text. */
  readonly prefixed: boolean;
}

const bytes = (text: string) => Buffer.from(text, 'latin1');
const ROUNDS = 5;
const KEY_BYTES = 32;
const IV_BYTES = 16;
const SALT_BYTES = 8;

/** What Kamailio makes of the parameter `salt`: signed chars, as its C does it. */
function saltBytes(salt: string): Buffer {
  const out = Buffer.alloc(SALT_BYTES);
  let k = 97;
  for (let i = 0; i < SALT_BYTES; i++) {
    const c = (salt.charCodeAt(i) << 24) >> 24;
    k = (((c * 7 + k + k * (i + 1)) % 255) << 24) >> 24;
    out[i] = k & 255;
  }
  return out;
}

/** OpenSSL's EVP_BytesToKey with SHA-1 for AES-256-CBC. */
function derived(password: string, salt: Buffer | undefined): Keys {
  let all = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  while (all.length < KEY_BYTES + IV_BYTES) {
    last = sha1(Buffer.concat([last, bytes(password), salt ?? Buffer.alloc(0)]));
    for (let i = 1; i < ROUNDS; i++) last = sha1(last);
    all = Buffer.concat([all, last]);
  }
  const iv = all.subarray(KEY_BYTES, KEY_BYTES + IV_BYTES);
  return { cipher: 'aes-256-cbc', key: all.subarray(0, KEY_BYTES), iv, prefixed: false };
}

function sha1(data: Buffer): Buffer<ArrayBuffer> {
  return createHash('sha1').update(data).digest();
}

/** The key as it is, in base64: 128 or 256 bits. Undefined: neither. */
function given(key: string, iv: Buffer): Keys | undefined {
  const raw = Buffer.from(key, 'base64');
  if ((raw.length !== 16 && raw.length !== 32) || iv.length !== IV_BYTES) return undefined;
  return { cipher: raw.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc', key: raw, iv, prefixed: true };
}

function derivedBy(params: CryptoParams, key: string): Keys {
  return derived(key, params.salt ? saltBytes(params.salt) : undefined);
}

function encrypt(ctx: Context, params: CryptoParams, text: string, key: string, result: PvAccessor): number {
  const vector = () => (params.init_vector ? Buffer.from(params.init_vector, 'base64') : randomBytes(IV_BYTES));
  const keys = params.key_derivation === 0 ? given(key, vector()) : derivedBy(params, key);
  if (keys === undefined) return -1;
  const cipher = createCipheriv(keys.cipher, keys.key, keys.iv);
  const out = Buffer.concat([keys.prefixed ? keys.iv : Buffer.alloc(0), cipher.update(bytes(text)), cipher.final()]);
  result.set?.(ctx, out.toString('base64'));
  return 1;
}

function decrypt(ctx: Context, params: CryptoParams, text: string, key: string, result: PvAccessor): number {
  const all = Buffer.from(text, 'base64');
  const own = params.key_derivation === 0;
  const keys = own ? given(key, all.subarray(0, IV_BYTES)) : derivedBy(params, key);
  if (keys === undefined) return -1;
  try {
    const cipher = createDecipheriv(keys.cipher, keys.key, keys.iv);
    const plain = Buffer.concat([cipher.update(own ? all.subarray(IV_BYTES) : all), cipher.final()]);
    result.set?.(ctx, plain.toString('latin1'));
    return 1;
  } catch {
    // A text that this key did not make: OpenSSL finds its end wrong.
    return -1;
  }
}

const args = () => [quoted(str('text')), quoted(str('key')), quoted(variable('result', { writable: true }))] as const;

export const crypto = defineModule({
  name: 'crypto',
  doc: 'HMAC and AES on texts.',
  params: {
    salt: strParam('k8hTm4aZ', 'Salt of the key derivation, at least 8 characters.', (text) =>
      text !== '' && text.length < 8 ? 'salt parameter must be at least 8 characters' : undefined,
    ),
    key_derivation: intParam(
      1,
      '1: key and vector are derived from the key given; 0: it is the key itself, in base64.',
    ),
    init_vector: strParam(null, 'Vector in base64 (16 bytes) where the key is not derived; else a random one.'),
  },
  functions: {
    crypto_hmac_sha256: fn({
      doc: 'Stores the HMAC-SHA256 of the text in base64url without padding.',
      args: args(),
      run(ctx, _params: CryptoParams, text, key, result) {
        result.set?.(ctx, createHmac('sha256', bytes(key)).update(bytes(text)).digest('base64url'));
        return 1;
      },
    }),
    crypto_aes_encrypt: fn({
      doc: 'Stores the text encrypted with AES-CBC, in base64.',
      args: args(),
      run: (ctx, params: CryptoParams, text, key, result) => encrypt(ctx, params, text, key, result),
    }),
    crypto_aes_decrypt: fn({
      doc: 'Stores the plain text; false if the key does not fit.',
      args: args(),
      run: (ctx, params: CryptoParams, text, key, result) => decrypt(ctx, params, text, key, result),
    }),
  },
  missing: [
    'crypto_netio_in',
    'crypto_netio_out',
    'crypto_netio_encrypt',
    'crypto_netio_decrypt',
    'register_callid',
    'register_evcb',
    'kevcb_netio',
    'netio_key',
  ],
});
