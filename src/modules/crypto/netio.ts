/** event_route[crypto:netio]: what goes to the network leaves encrypted, and what comes is decrypted, where the script says so. */
import type { NetData, NetHook } from '../../runtime/host.js';
import { type ExtraKey, extraKey, fn, type Host, LEVEL, type RouteContext } from '../../runtime/module.js';
import { bytes, type CryptoParams, derivedBy, type Keys, keysOfBytes, seal, unseal } from './aes.js';

interface Passing {
  readonly out: boolean;
  encrypt: boolean;
  decrypt: boolean;
}

const PASSING: ExtraKey<Passing> = extraKey<Passing>('crypto:netio');
const EVENT = 'crypto:netio';
const paramsOf = (host: Host) => host.program.params('crypto') as unknown as CryptoParams;

function keysOf(params: CryptoParams): Keys {
  const key = params.netio_key ?? '';
  return params.key_derivation === 0 ? keysOfBytes(bytes(key)) : derivedBy(params, key);
}

/** Runs the event route on a made-up message; what it asked for is in the answer. */
function ask(host: Host, data: NetData, out: boolean): Passing | Promise<Passing> {
  const passing: Passing = { out, encrypt: false, decrypt: false };
  if (!host.program.routes.event.has(EVENT)) return passing;
  const msg = host.fakeRequest();
  if (data.from !== undefined) msg.received = data.from;
  const run = host.runEvent(
    EVENT,
    msg,
    (ctx) => {
      ctx.setExtra(PASSING, passing);
      if (data.to !== undefined) ctx.sending = { text: msg.text, to: data.to };
    },
    data.env,
  );
  return run instanceof Promise ? run.then(() => passing) : passing;
}

function hook(host: Host, out: boolean, change: (text: string, passing: Passing) => string): NetHook {
  return (data) => {
    const asked = ask(host, data, out);
    return asked instanceof Promise ? asked.then((p) => change(data.text, p)) : change(data.text, asked);
  };
}

export function startNetio(host: Host): void {
  host.hooks.onNetIn.push(
    hook(host, false, (text, { decrypt }) => {
      if (!decrypt) return text;
      const plain = unseal(keysOf(paramsOf(host)), bytes(text));
      if (plain !== undefined) return plain.toString('latin1');
      host.log.write(LEVEL.ERR, 'crypto', 'AES decryption failed\n');
      return text;
    }),
  );
  host.hooks.onNetOut.push(
    hook(host, true, (text, { encrypt }) =>
      encrypt ? seal(keysOf(paramsOf(host)), bytes(text)).toString('latin1') : text,
    ),
  );
}

/** 5.6.3 crashes where nothing passes. */
function passing(ctx: RouteContext): Passing | undefined {
  const found = ctx.extra(PASSING);
  if (found === undefined) ctx.host.log.write(LEVEL.ERR, 'crypto', `this is for event_route[${EVENT}] alone\n`);
  return found;
}

export const NETIO_FUNCTIONS = {
  crypto_netio_in: fn({
    doc: 'In event_route[crypto:netio]: did the data come from the network?',
    args: [],
    run: (ctx) => (passing(ctx)?.out === false ? 1 : -1),
  }),
  crypto_netio_out: fn({
    doc: 'In event_route[crypto:netio]: does the data go to the network?',
    args: [],
    run: (ctx) => (passing(ctx)?.out === true ? 1 : -1),
  }),
  crypto_netio_encrypt: fn({
    doc: 'In event_route[crypto:netio]: the data leaves encrypted with netio_key.',
    args: [],
    run(ctx) {
      const found = passing(ctx);
      if (found === undefined) return -1;
      found.encrypt = true;
      return 1;
    },
  }),
  crypto_netio_decrypt: fn({
    doc: 'In event_route[crypto:netio]: the data that came is decrypted with netio_key; what is not encrypted with it stays.',
    args: [],
    run(ctx) {
      const found = passing(ctx);
      if (found === undefined) return -1;
      found.decrypt = true;
      return 1;
    },
  }),
};
