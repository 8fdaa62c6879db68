/** Keys of AES as Kamailio's crypto makes them. */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';

export interface CryptoParams {
  readonly salt: string | null;
  readonly key_derivation: number;
  readonly init_vector: string | null;
  readonly register_callid: number;
  readonly register_evcb: number;
  readonly netio_key: string | null;
}

export interface Keys {
  readonly cipher: string;
  readonly key: Buffer;
  readonly iv: Buffer;
  /** The vector stands before the text. */
  readonly prefixed: boolean;
}

export const bytes = (text: string) => Buffer.from(text, 'latin1');
const ROUNDS = 5;
const KEY_BYTES = 32;
export const IV_BYTES = 16;
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

/** The bytes themselves are the key, with zeros behind them, and the vector is zeros. */
export function keysOfBytes(key: Buffer): Keys {
  const cipher = key.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc';
  const whole = Buffer.alloc(key.length === 16 ? 16 : KEY_BYTES);
  key.copy(whole);
  return { cipher, key: whole, iv: Buffer.alloc(IV_BYTES), prefixed: false };
}

/** The key as it is, in base64: 128 or 256 bits. Undefined: neither. */
export function given(key: string, iv: Buffer): Keys | undefined {
  const raw = Buffer.from(key, 'base64');
  if ((raw.length !== 16 && raw.length !== 32) || iv.length !== IV_BYTES) return undefined;
  return { cipher: raw.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc', key: raw, iv, prefixed: true };
}

export function derivedBy(params: CryptoParams, key: string): Keys {
  return derived(key, params.salt ? saltBytes(params.salt) : undefined);
}

export function seal({ cipher, key, iv }: Keys, data: Buffer): Buffer {
  const made = createCipheriv(cipher, key, iv);
  return Buffer.concat([made.update(data), made.final()]);
}

/** Undefined: not made with this key (OpenSSL finds the end wrong). */
export function unseal({ cipher, key, iv }: Keys, data: Buffer): Buffer | undefined {
  try {
    const made = createDecipheriv(cipher, key, iv);
    return Buffer.concat([made.update(data), made.final()]);
  } catch {
    return undefined;
  }
}
