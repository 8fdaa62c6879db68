/** Kamailio's uuid. */
import { randomBytes, randomUUID } from 'node:crypto';
import { defineModule, type Host, pvWith, stateKey } from '../runtime/module.js';

/** Offset of the UUID epoch (1582-10-15) from the UNIX epoch in units of 100 ns. */
const EPOCH = 0x01b21dd213814000n;

interface UuidState {
  /** Node and clock sequence of this server: random, as RFC 4122, 4.5 allows. */
  readonly tail: string;
  last: bigint;
}

const UUID = stateKey<UuidState>('uuid');

function hex(n: bigint, digits: number): string {
  return n.toString(16).padStart(digits, '0');
}

/** A version 1 UUID; never the same twice. */
function timeUuid(host: Host): string {
  const state = host.state(UUID);
  const now = BigInt(host.clock.micros()) * 10n + EPOCH;
  state.last = now > state.last ? now : state.last + 1n;
  const t = state.last;
  return `${hex(t & 0xffffffffn, 8)}-${hex((t >> 32n) & 0xffffn, 4)}-1${hex((t >> 48n) & 0xfffn, 3)}-${state.tail}`;
}

function tail(): string {
  const bytes = randomBytes(8);
  bytes[0] = (bytes[0]! & 0x3f) | 0x80;
  bytes[2] = bytes[2]! | 1;
  const text = bytes.toString('hex');
  return `${text.slice(0, 4)}-${text.slice(4)}`;
}

export const uuid = defineModule({
  name: 'uuid',
  doc: 'Universally unique identifiers (RFC 4122), in lower case.',
  pvs: {
    uuid: pvWith({
      doc: 'A new UUID at each read: `g` generated, `r` random (version 4), `t` of the time (version 1), `s` the same in safe mode.',
      bind(use) {
        const kind = use.key?.text[0]?.toLowerCase();
        const ofTime = kind === 't' || kind === 's';
        return { ok: { get: (ctx) => (ofTime ? timeUuid(ctx.host) : randomUUID()), type: 'string' } };
      },
    }),
  },
  start: (): UuidState => ({ tail: tail(), last: 0n }),
});
