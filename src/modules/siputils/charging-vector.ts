/** P-Charging-Vector (RFC 7315) as 5.6.3 handles it. */
import { isIPv4 } from 'node:net';
import type { Context } from '../../runtime/context.js';
import {
  extraKey,
  fn,
  type Host,
  LEVEL,
  pvTable,
  type StateKey,
  stateKey,
  str,
  type Value,
} from '../../runtime/module.js';
import type { SipMessage } from '../../sip/message.js';

interface Vector {
  readonly all: string;
  readonly value: string;
  readonly genaddr: string;
  readonly orig: string;
  readonly term: string;
}

const VECTOR = extraKey<Vector | null>('charging vector');

export interface ChargingState {
  /** Vectors made so far. */
  made: number;
}

const STATE: StateKey<{ readonly charging: ChargingState }> = stateKey('siputils');

/** Up to a blank, `;`, `,` or the end of the line; '' where the name is not there. */
function field(text: string, name: string): string {
  const at = text.indexOf(`${name}=`);
  return at < 0 ? '' : /^[^ ;,\r\n]*/.exec(text.slice(at + name.length + 1))![0];
}

/** null without an icid-value. */
function parseVector(ctx: Context, text: string, all: string): Vector | null {
  if (!text.includes('icid-value=')) {
    ctx.host.log.write(LEVEL.WARN, 'siputils', 'mandatory icid-value not found\n');
    return null;
  }
  const [value, genaddr] = [field(text, 'icid-value'), field(text, 'icid-generated-at')];
  return { all, value, genaddr, orig: field(text, 'orig-ioi'), term: field(text, 'term-ioi') };
}

/** The name must begin with a capital P. */
function received(ctx: Context, msg: SipMessage): Vector | null {
  for (const header of msg.named('P-Charging-Vector')) {
    const text = msg.value(header);
    if (header.name[0] === 'P' && text !== '') return parseVector(ctx, text, text);
  }
  return null;
}

function vectorOf(ctx: Context): Vector | null {
  const known = ctx.msg.slots.get(VECTOR) as Vector | null | undefined;
  if (known) return known;
  const found = received(ctx, ctx.msg);
  ctx.msg.slots.set(VECTOR, found);
  return found;
}

/** 32 hex digits: `IVS`, an address, process, second and a counter, the last three with their low byte first. */
function newId(host: Host, ip: string): string {
  const bytes = Buffer.alloc(16);
  const state = host.state(STATE).charging;
  bytes.write('IVS', 'latin1');
  if (isIPv4(ip)) bytes.set(ip.split('.').map(Number), 3);
  bytes.writeUInt32LE(host.pid >>> 0, 7);
  bytes[11] = Math.floor(host.clock.now() / 1000) & 0xff;
  bytes.writeUInt32LE(state.made++ >>> 0, 12);
  return bytes.toString('hex').toUpperCase();
}

function generate(ctx: Context): void {
  const { msg, host } = ctx;
  const { ip } = msg.received.socket;
  const text = `icid-value=${newId(host, ip)}; icid-generated-at=${ip}\r\n`;
  const line = `P-Charging-Vector: ${text}`;
  msg.slots.set(VECTOR, parseVector(ctx, text, line));
  msg.edits.insert(msg.headersEnd, line);
}

/** `r` changes nothing, since 5.6.3 never finds what to remove (case siputils/charging-vector). */
function apply(ctx: Context, flags: string): number {
  const found = received(ctx, ctx.msg);
  ctx.msg.slots.set(VECTOR, found);
  if (/f/i.test(flags) || (/g/i.test(flags) && found === null)) generate(ctx);
  return 1;
}

export const CHARGING_FUNCTIONS = {
  sip_p_charging_vector: fn({
    doc: 'g: adds P-Charging-Vector where there is none; f: adds one anyway. Other letters do nothing.',
    args: [str('flags')],
    run: (ctx, _p, flags) => apply(ctx, flags),
  }),
};

function part(read: (vector: Vector) => string) {
  return (ctx: Context): Value => {
    const vector = vectorOf(ctx);
    return vector === null ? null : read(vector) || null;
  };
}

export const pcv = pvTable('P-Charging-Vector, the one received or made.', {
  all: part((v) => v.all),
  value: part((v) => v.value),
  genaddr: part((v) => v.genaddr),
  orig: part((v) => v.orig),
  term: part((v) => v.term),
});
