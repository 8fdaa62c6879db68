/** Kamailio's crypto: HMAC and AES on texts, and on what goes over the network. */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import type { Context } from '../../runtime/context.js';
import { defineModule, fn, intParam, type PvAccessor, quoted, str, strParam, variable } from '../../runtime/module.js';
import { bytes, type CryptoParams, derivedBy, given, IV_BYTES, seal, unseal } from './aes.js';
import { NETIO_FUNCTIONS, startNetio } from './netio.js';

const NOTHING = Buffer.alloc(0);

function encrypt(ctx: Context, params: CryptoParams, text: string, key: string, result: PvAccessor): number {
  const vector = () => (params.init_vector ? Buffer.from(params.init_vector, 'base64') : randomBytes(IV_BYTES));
  const keys = params.key_derivation === 0 ? given(key, vector()) : derivedBy(params, key);
  if (keys === undefined) return -1;
  const sealed = seal(keys, bytes(text));
  result.set?.(ctx, Buffer.concat([keys.prefixed ? keys.iv : NOTHING, sealed]).toString('base64'));
  return 1;
}

function decrypt(ctx: Context, params: CryptoParams, text: string, key: string, result: PvAccessor): number {
  const all = Buffer.from(text, 'base64');
  const own = params.key_derivation === 0;
  const keys = own ? given(key, all.subarray(0, IV_BYTES)) : derivedBy(params, key);
  const plain = keys && unseal(keys, own ? all.subarray(IV_BYTES) : all);
  if (plain === undefined) return -1;
  result.set?.(ctx, plain.toString('latin1'));
  return 1;
}

const args = () => [quoted(str('text')), quoted(str('key')), quoted(variable('result', { writable: true }))] as const;

export const crypto = defineModule({
  name: 'crypto',
  doc: 'HMAC and AES on texts, and on what goes over the network.',
  params: {
    salt: strParam('k8hTm4aZ', 'Salt of the key derivation, at least 8 characters.', (text) =>
      text !== '' && text.length < 8 ? 'salt parameter must be at least 8 characters' : undefined,
    ),
    key_derivation: intParam(
      1,
      '1: key and vector are derived from the key given; 0: it is the key itself, in base64.',
    ),
    init_vector: strParam(null, 'Vector in base64 (16 bytes) where the key is not derived; else a random one.'),
    register_callid: intParam(0, '1: requests of the server itself get UUIDs as Call-IDs.'),
    register_evcb: intParam(0, '1: event_route[crypto:netio] runs for all that comes from the network and goes there.'),
    netio_key: strParam(null, 'The key for the network; as its bytes are where key_derivation is 0.'),
    kevcb_netio: strParam(null, 'No KEMI here: only "" is taken.', (v) =>
      v === '' ? undefined : 'KEMI functions are not built: use event_route[crypto:netio]',
    ),
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
    ...NETIO_FUNCTIONS,
  },
  events: { 'crypto:netio': 'For all that comes from the network or goes there, with register_evcb=1.' },
  check: (params) => {
    const { register_evcb, netio_key } = params as unknown as CryptoParams;
    return register_evcb !== 0 && !netio_key ? ['crypto netio key parameter is not set'] : [];
  },
  atStart: ['register_callid', 'register_evcb'],
  start(host, params) {
    const { register_callid, register_evcb } = params as unknown as CryptoParams;
    if (register_callid !== 0) host.hooks.callId = randomUUID;
    if (register_evcb !== 0) startNetio(host);
  },
  reload: () => undefined,
});
