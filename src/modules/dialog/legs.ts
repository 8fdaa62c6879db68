/** What a message tells of a leg: tag, CSeq, contact, route set (RFC 3261, 12.1). */
import { contactsOf, cseqOf, routesOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { parseStartLine, SipMessage } from '../../sip/message.js';
import type { Transaction } from '../tm/api.js';
import { CALLEE, CALLER, type Dialog, type Side } from './dialog.js';
import type { Dialogs } from './state.js';

/** Bits of keep_proxy_rr. */
const KEEP = { CALLEE: 1, CALLER: 2 } as const;

/** The INVITE: the caller's leg. False where a header that it needs is missing. */
export function learnCaller(ds: Dialogs, dialog: Dialog, msg: SipMessage, tag: string): boolean {
  const leg = dialog.legs[CALLER];
  leg.socket = msg.received.socket;
  const cseq = cseqOf(msg)?.number;
  const contact = oneContact(ds, msg);
  if (cseq === undefined || contact === undefined) return false;
  const routes = recordRoutes(msg);
  Object.assign(leg, { tag, cseq: cseq || '0', contact, routeSet: routes.join(',') });
  dialog.recordRoutes = routes.length;
  return true;
}

/** The 2xx: the callee's leg. */
export function learnCallee(ds: Dialogs, dialog: Dialog, reply: SipMessage, t: Transaction, tag: string): void {
  const leg = dialog.legs[CALLEE];
  leg.socket = reply.received.socket;
  const contact = oneContact(ds, reply);
  if (contact === undefined) {
    ds.error('could not add further info to the dialog');
    return;
  }
  const keep = ds.params.keep_proxy_rr;
  const ours = ownRecordRoutes(dialog, reply, t);
  const routes = recordRoutes(reply);
  const theirs = Math.max(routes.length - dialog.recordRoutes - ((keep & KEEP.CALLEE) === 0 ? ours : 0), 0);
  const routeSet = routes.slice(0, theirs).reverse().join(',');
  Object.assign(leg, { tag, cseq: leg.cseq || '0', contact, routeSet });
  if ((keep & KEEP.CALLER) === 0 || ours === 0) return;
  const callee = Math.max(routes.length - dialog.recordRoutes - ours, 0);
  dialog.legs[CALLER].routeSet = routes.slice(callee).join(',');
}

function recordRoutes(msg: SipMessage): string[] {
  return routesOf(msg, HDR.RECORDROUTE).map((r) => msg.text.slice(r.start, r.end));
}

/** Record-Routes that we put into the request of the branch whose reply went up. */
function ownRecordRoutes(dialog: Dialog, reply: SipMessage, t: Transaction): number {
  const text = t.branches[t.replyBranch]?.text ?? '';
  const line = text === '' ? undefined : parseStartLine(text);
  if (line === undefined) return 0;
  const sent = new SipMessage(text, line, reply.received, 0, 0);
  return Math.max(routesOf(sent, HDR.RECORDROUTE).length - dialog.recordRoutes, 0);
}

/** The contact URI; undefined where there is not exactly one. */
function oneContact(ds: Dialogs, msg: SipMessage): string | undefined {
  const all = contactsOf(msg);
  if (all.length === 1 && !all[0]!.star) return all[0]!.uri;
  ds.error(msg.first(HDR.CONTACT) === undefined ? 'bad sip message or missing Contact hdr' : 'bad Contact HDR');
  return undefined;
}

/** A request within the dialog: the contact of who sent it, where it is an INVITE, and its CSeq. True: news. */
export function refreshLeg(ds: Dialogs, dialog: Dialog, msg: SipMessage, side: Side): boolean {
  const leg = dialog.legs[side];
  if (msg.method === 'INVITE') leg.contact = oneContact(ds, msg) ?? leg.contact;
  const cseq = cseqOf(msg)?.number;
  if (cseq === undefined) return false;
  leg.cseq = cseq;
  return true;
}
