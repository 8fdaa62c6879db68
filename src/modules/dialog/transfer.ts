/** dlg_refer() and dlg_bridge(): a side of a call is sent elsewhere by REFER, and our call to it ends. */
import { callIdOf, contactsOf, cseqOf, fromOf, routesOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { newRequest } from '../tm/api.js';
import { CALLEE, CALLER, Dialog, type Side } from './dialog.js';
import type { Dialogs } from './state.js';
import { sendWithin } from './within.js';

const HOLD =
  'v=0\r\no=kamailio-bridge 0 0 IN IP4 0.0.0.0\r\ns=kamailio\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n' +
  'm=audio 9 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n';

/** A dialog of our own, of which the other side is the callee: never in the table. */
function ownDialog(callId: string, fromUri: string, toUri: string): Dialog {
  return new Dialog(0, { callId, fromUri, toUri, requestUri: toUri, initTs: 0 });
}

/** REFER to the callee of `call`; whatever it answers, BYE follows. */
function refer(ds: Dialogs, call: Dialog, to: string): boolean {
  const { bridge_controller, bridge_contact } = ds.params;
  const headers = `Referred-By: ${bridge_controller}\r\nRefer-To: ${to}\r\nContact: <${bridge_contact}>\r\n`;
  return sendWithin(ds, call, CALLEE, { method: 'REFER', headers }, ({ code }) => {
    if (code >= 200) sendWithin(ds, call, CALLEE, { method: 'BYE', headers: '', raise: 2 });
  });
}

/** dlg_refer(side, to): that side of the dialog is told to call `to`. */
export function transfer(ds: Dialogs, dialog: Dialog, side: Side, to: string): boolean {
  const other = side === CALLER ? CALLEE : CALLER;
  // the leg of the side that is not named gets the REFER, as in Kamailio
  const call =
    side === CALLER
      ? ownDialog(dialog.callId, dialog.toUri, dialog.fromUri)
      : ownDialog(dialog.callId, dialog.fromUri, dialog.toUri);
  Object.assign(call.legs[CALLER], { ...dialog.legs[side], routeSet: '' });
  Object.assign(call.legs[CALLEE], { ...dialog.legs[other] });
  return refer(ds, call, to);
}

/** dlg_bridge(): INVITE to `from` (on hold), then REFER to `to`. */
export function bridge(ds: Dialogs, from: string, to: string, nextHop: string, body = HOLD): boolean {
  const { bridge_controller, bridge_contact } = ds.params;
  const sent = newRequest(
    ds.host,
    {
      method: 'INVITE',
      uri: from,
      to: from,
      from: bridge_controller,
      nextHop: nextHop === '' ? null : nextHop,
      headers: `Contact: <${bridge_contact}>\r\nContent-Type: application/sdp\r\n`,
      body,
    },
    ({ code, message }) => {
      if (code >= 300 || message === null) return;
      const call = answeredCall(ds, message);
      if (call !== undefined) refer(ds, call, to);
    },
  );
  return sent !== undefined;
}

/** The dialog that a 2xx to our INVITE made. */
function answeredCall(ds: Dialogs, reply: SipMessage): Dialog | undefined {
  const [callId, from, to, cseq] = [callIdOf(reply), fromOf(reply), toOf(reply), cseqOf(reply)];
  const contact = contactsOf(reply)[0];
  if (!callId || from?.tag === undefined || to === undefined || cseq === undefined || contact === undefined) {
    ds.error('the answer to a bridged call makes no dialog');
    return undefined;
  }
  const call = ownDialog(callId, from.uri, to.uri);
  const routes = routesOf(reply, HDR.RECORDROUTE).map((r) => reply.text.slice(r.start, r.end));
  Object.assign(call.legs[CALLER], { tag: from.tag, cseq: cseq.number, contact: ds.params.bridge_controller });
  Object.assign(call.legs[CALLEE], {
    tag: to.tag ?? '',
    cseq: '0',
    contact: contact.uri,
    routeSet: routes.reverse().join(','),
    socket: reply.received.socket,
  });
  return call;
}
