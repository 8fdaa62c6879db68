/** ACK for the 2xx of an INVITE that began here (RFC 3261, 13.2.2.4). */

import { ownVia } from '../../sip/build.js';
import { contactsOf, routesOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { dialogRequest, type LocalDialog } from './local-request.js';
import type { Tm } from './state.js';
import type { ClientBranch, Transaction } from './transaction.js';

/** Sends it, unless the owner of the transaction does so himself. */
export function sendLocalAck(tm: Tm, t: Transaction, b: ClientBranch, reply: SipMessage): void {
  const dialog = t.slot<LocalDialog>(LOCAL_DIALOG);
  if (dialog === undefined || dialog.ownAck || b.to === null) return;
  const contact = contactsOf(reply)[0];
  const routes = routesOf(reply, HDR.RECORDROUTE)
    .map((r) => `<${r.uri}>`)
    .reverse();
  const text = dialogRequest({
    ...dialog,
    method: 'ACK',
    uri: contact?.uri ?? dialog.uri,
    toTag: toOf(reply)?.tag ?? '',
    routes: routes.length > 0 ? routes : dialog.routes,
    via: ownVia(b.to.socket, `${t.viaBranch}ack`, {}),
    headers: '',
    body: '',
  });
  tm.host.send(text, b.to);
}

/** Where a local transaction keeps what its dialog needs. */
export const LOCAL_DIALOG = {};
