/** `$via0`, `$via1`, `$viaZ`, and where a reply goes next: `$rpl`. */
import { routesOf, topVia, type Via, viasOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { PROTO_ID } from '../../sip/transport.js';
import { protoOf } from '../../sip/uri.js';
import { type PvDefinition, pvTable } from '../module.js';
import { Dual, type Value } from '../values.js';
import { type Get, orNull } from './support.js';

const ATTRIBUTES: Readonly<Record<string, (via: Via) => Value>> = {
  host: (via) => orNull(via.host),
  port: (via) => via.port || 5060,
  proto: (via) => via.transport,
  protoid: (via) => protoId(via.transport),
  branch: (via) => orNull(via.branch),
  rport: (via) => orNull(via.rport),
  received: (via) => orNull(via.received),
  i: (via) => orNull(via.i),
};

/** PROTO_OTHER. */
const OTHER = 7;

function protoId(transport: string): number {
  const proto = protoOf(transport);
  return proto === undefined ? OTHER : PROTO_ID[proto];
}

function viaTable(doc: string, which: (msg: SipMessage) => Via | undefined): PvDefinition {
  const table: Record<string, Get> = {};
  for (const [name, read] of Object.entries(ATTRIBUTES)) {
    table[name] = (ctx) => {
      const via = which(ctx.msg);
      return via === undefined ? null : read(via);
    };
  }
  return pvTable(doc, table);
}

export interface ReplyDestination {
  readonly uri: string;
  readonly host: string;
  readonly port: number;
  readonly proto: Dual;
}

const UDP = new Dual('udp', 1);

/** Where a reply goes after the own Via: received and rport of the second Via win over its sent-by. */
export function replyDestination(msg: SipMessage): ReplyDestination | undefined {
  const via = viasOf(msg)[1];
  if (via === undefined) return undefined;
  const rport = via.rport === undefined || via.rport === '' ? 0 : Number(via.rport);
  if (!Number.isInteger(rport)) return undefined;
  const host = via.received ?? via.host;
  const id = protoOf(via.transport);
  const proto = id === undefined ? UDP : new Dual(id, PROTO_ID[id]);
  const port = rport || via.port || (proto.text === 'tls' ? 5061 : 5060);
  return { uri: `sip:${host}:${port};transport=${proto.text}`, host, port, proto };
}

function reply(read: (to: ReplyDestination) => Value): Get {
  return ({ msg }) => {
    const to = msg.isRequest ? undefined : replyDestination(msg);
    return to === undefined ? null : read(to);
  };
}

export const VIA: Readonly<Record<string, PvDefinition>> = {
  via0: viaTable('Attributes of the top Via.', topVia),
  via1: viaTable('Attributes of the second Via.', (msg) => viasOf(msg)[1]),
  viaZ: viaTable('Attributes of the last Via.', (msg) => viasOf(msg).at(-1)),
  rpl: pvTable('Where a reply goes next (second Via) and how many Via and Record-Route values it has.', {
    duri: reply((to) => to.uri),
    dhost: reply((to) => to.host),
    dport: reply((to) => to.port),
    dproto: reply((to) => to.proto),
    dprotoid: reply((to) => to.proto.int),
    cntvia: ({ msg }) => (msg.isRequest ? null : viasOf(msg).length),
    cntrr: ({ msg }) => (msg.isRequest ? null : routesOf(msg, HDR.RECORDROUTE).length),
  }),
};
