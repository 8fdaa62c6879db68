/** `$snd`, `$sndto`, `$sndfrom` in onsend_route and `$rcv` in event routes on raw data. */
import { PROTO_ID } from '../../sip/transport.js';
import type { Context } from '../context.js';
import { type PvDefinition, pvTable, pvWith } from '../module.js';
import type { Value } from '../values.js';
import { addressFamily } from './addresses.js';
import { assignedText, type Get, isNull, logError } from './support.js';

type Sending = NonNullable<Context['sending']>;

function sending(read: (s: Sending) => Value): Get {
  return ({ sending: s }) => (s === null ? null : read(s));
}

const shared: Readonly<Record<string, Get>> = {
  af: sending((s) => addressFamily(s.to.socket)),
  proto: sending((s) => PROTO_ID[s.to.socket.proto]),
  sproto: sending((s) => s.to.socket.proto),
  buf: sending((s) => s.text),
  len: sending((s) => s.text.length),
};

const sndto = pvTable('Where the message goes, in onsend_route; null elsewhere.', {
  ip: sending((s) => s.to.ip),
  port: sending((s) => s.to.port),
  ...shared,
});

type Raw = NonNullable<Context['raw']>;

function raw(read: (r: Raw) => Value): Get {
  return ({ raw: r }) => (r === null ? null : read(r));
}

const RCV: Readonly<Record<string, Get>> = {
  buf: raw((r) => r.text),
  len: raw((r) => r.text.length),
  proto: raw((r) => PROTO_ID[r.from.proto]),
  sproto: raw((r) => r.from.proto),
  srcip: raw((r) => r.from.srcIp),
  rcvip: raw((r) => r.from.socket.ip),
  srcport: raw((r) => r.from.srcPort),
  rcvport: raw((r) => r.from.socket.port),
  af: raw((r) => addressFamily(r.from.socket)),
};

/** The route's data takes the place of what was received. */
function setData(ctx: Context, value: Value): boolean {
  if (ctx.raw === null) return logError(ctx, 'received info not set');
  const text = isNull(value) ? '' : assignedText(value);
  if (text === undefined) return logError(ctx, 'str value required to set received data');
  ctx.raw = { ...ctx.raw, text };
  return true;
}

export const SENDS: Readonly<Record<string, PvDefinition>> = {
  snd: sndto,
  sndto,
  sndfrom: pvTable('The socket that the message leaves by, in onsend_route; null elsewhere.', {
    ip: sending((s) => s.to.socket.ip),
    port: sending((s) => s.to.socket.port),
    ...shared,
  }),
  rcv: pvWith({
    doc: `Raw data in event routes of the network. Keys: ${Object.keys(RCV).join(', ')}; buf can be written.`,
    writable: true,
    bind(use) {
      const name = use.key?.kind === 'text' ? use.key.text : '';
      const get = Object.hasOwn(RCV, name) ? RCV[name] : undefined;
      if (get === undefined) return { error: `unknown PV rcv name ${name}` };
      // other fields can be assigned to and stay as they are
      return { ok: { get, set: name === 'buf' ? setData : () => true } };
    },
  }),
};
