/** ACK for the 2xx of an INVITE that began here (RFC 3261, 13.2.2.4). */

import { carrier } from '../../runtime/host.js';
import { ownVia } from '../../sip/build.js';
import { contactsOf, routesOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import type { Destination } from '../../sip/transport.js';
import { dialogAck, type LocalDialog } from './local-request.js';
import { nextHops } from './next-hop.js';
import { paramsOf } from './params.js';
import type { Tm } from './state.js';
import type { ClientBranch, Transaction } from './transaction.js';

/** Sends it, unless the owner of the transaction does so himself. */
export function sendLocalAck(tm: Tm, t: Transaction, b: ClientBranch, reply: SipMessage): void {
  const dialog = t.slot<LocalDialog>(LOCAL_DIALOG);
  if (dialog === undefined || dialog.ownAck || b.to === null) return;
  const contact = contactsOf(reply)[0]?.uri ?? dialog.uri;
  const learnt = routesOf(reply, HDR.RECORDROUTE)
    .map((r) => `<${r.uri}>`)
    .reverse();
  const routes = learnt.length > 0 ? learnt : dialog.routes;
  const to = destination(tm, t, b.to, reply, routes[0]?.replace(/^.*<|>.*$/g, '') ?? contact);
  const text = dialogAck({
    ...dialog,
    uri: contact,
    toTag: toOf(reply)?.tag ?? '',
    routes,
    via: ownVia(to.socket, `${t.viaBranch}ack`, { transport: carrier(tm.host, to) }),
  });
  tm.host.send(text, to);
}

/** local_ack_mode: 0 by the route set, 1 where the INVITE went, 2 where the reply came from. */
function destination(tm: Tm, t: Transaction, sent: Destination, reply: SipMessage, hop: string): Destination {
  const mode = paramsOf(t.program).local_ack_mode;
  if (mode === 1) return sent;
  if (mode === 2) return { ...sent, ip: reply.received.srcIp, port: reply.received.srcPort };
  const hops = nextHops(tm.host, hop, sent.socket, undefined);
  return hops instanceof Promise || typeof hops === 'number' ? sent : (hops[0] ?? sent);
}

/** Where a local transaction keeps what its dialog needs. */
export const LOCAL_DIALOG = {};
