/** Requests that begin here and go to a side of a dialog: BYE, OPTIONS, what a script asks for. */
import { newRequest, type RequestReply } from '../tm/api.js';
import { cseqDiff } from './cseq.js';
import { CALLEE, CALLER, DFLAG, type Dialog, IFLAG, type Side, STATE } from './dialog.js';
import { runEventRoute } from './events.js';
import { countChange, step, stopTimer, unref } from './lifecycle.js';
import type { Dialogs } from './state.js';

const MAX_FORWARDS = 'Max-Forwards: 70\r\n';
/** A PRACK on the way to the 2xx raised the CSeq, nobody knows how far. */
const PRACK_ROOM = 80;

export interface WithinRequest {
  readonly method: string;
  /** Header lines with CRLF. */
  readonly headers: string;
  readonly body?: string;
  /** Added to the CSeq number that the other side sent last: 1 a new request. */
  readonly raise?: number;
}

type OnReply = (reply: RequestReply) => void;

/** Sends a request to one side, as if the other had sent it. False: it cannot be sent. */
export function sendWithin(ds: Dialogs, dialog: Dialog, side: Side, what: WithinRequest, onReply?: OnReply): boolean {
  const to = dialog.legs[side];
  const from = dialog.legs[side === CALLER ? CALLEE : CALLER];
  const cseq = Number(from.cseq) + (side === CALLEE ? cseqDiff(dialog) : 0);
  if (to.contact === '') {
    ds.error('no contact available');
    return false;
  }
  if (from.cseq === '' || !Number.isSafeInteger(cseq)) {
    ds.error('invalid cseq');
    return false;
  }
  const target = to.routeSet === '' ? withoutAlias(to.contact) : { uri: to.contact, nextHop: null };
  const [local, remote] = side === CALLER ? [dialog.toUri, dialog.fromUri] : [dialog.fromUri, dialog.toUri];
  ds.sending = dialog;
  try {
    const sent = newRequest(
      ds.host,
      {
        method: what.method,
        uri: target.uri,
        nextHop: target.nextHop,
        from: local,
        to: remote,
        fromTag: from.tag,
        toTag: to.tag,
        callId: dialog.callId,
        cseq: Math.max(cseq + (what.raise ?? 1), 0),
        routes: to.routeSet === '' ? [] : routeValues(to.routeSet),
        headers: what.headers,
        body: what.body ?? '',
        socket: to.socket,
      },
      onReply,
    );
    return sent !== undefined;
  } finally {
    ds.sending = null;
  }
}

/** The values of a route set; a comma within `<…>` or quotes parts none. */
export function routeValues(routeSet: string): string[] {
  return routeSet.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+/g)?.map((v) => v.trim()) ?? [];
}

const PROTOCOLS = ['', 'udp', 'tcp', 'tls', 'sctp', 'ws', 'wss'];

/** A contact with `;alias=IP~PORT~PROTO` is reached there (nathelper's set_contact_alias()). */
function withoutAlias(contact: string): { uri: string; nextHop: string | null } {
  const m = /;alias=([^~;>]+)~(\d+)~(\d)/.exec(contact);
  if (m === null) return { uri: contact, nextHop: null };
  const proto = PROTOCOLS[Number(m[3])] || 'udp';
  return { uri: contact.replace(m[0], ''), nextHop: `sip:${m[1]}:${m[2]};transport=${proto}` };
}

/** Header lines end with CRLF. */
function line(headers: string): string {
  return headers === '' || headers.endsWith('\n') ? headers : `${headers}\r\n`;
}

// ----------------------------------------------------------------------- BYE

function sendBye(ds: Dialogs, dialog: Dialog, side: Side, headers: string): boolean {
  if (!dialog.isAnswered) {
    ds.error('terminating non-confirmed dialogs not supported');
    return false;
  }
  const { dlg_extra_hdrs, lreq_callee_headers } = ds.params;
  const extra = `${MAX_FORWARDS}${line(dlg_extra_hdrs ?? '')}${line(headers)}`;
  const all = side === CALLEE ? extra + line(lreq_callee_headers ?? '') : extra;
  const raise = 1 + ((dialog.iflags & IFLAG.PRACK) === 0 ? 0 : PRACK_ROOM);
  return sendWithin(ds, dialog, side, { method: 'BYE', headers: all, raise }, (r) => byeReplied(ds, dialog, r));
}

/** Whatever the answer: the dialog is over. */
function byeReplied(ds: Dialogs, dialog: Dialog, { code, message }: RequestReply): void {
  if (code < 200 || !dialog.linked) return;
  const { before, after, unref: free } = step(ds, dialog, 'bye');
  countChange(ds, before, after);
  if (after !== STATE.DELETED) return;
  if (before === STATE.DELETED) return unref(ds, dialog);
  dialog.endTs = ds.now();
  const stopped = stopTimer(dialog);
  dialog.raise('terminatedConfirmed', { reply: message });
  ds.changed(dialog, 'state');
  unref(ds, dialog, free + stopped);
}

/** dlg_bye("caller") and dlg_bye("callee"). */
export function bye(ds: Dialogs, dialog: Dialog, side: Side, headers = ''): boolean {
  const flag = side === CALLER ? DFLAG.CALLER_BYE : DFLAG.CALLEE_BYE;
  if ((dialog.dflags & flag) !== 0) return false;
  dialog.dflags |= flag;
  const sent = sendBye(ds, dialog, side, headers);
  runEventRoute(ds, dialog, dialog.state, STATE.DELETED);
  return sent;
}

/** To both sides. */
export function byeAll(ds: Dialogs, dialog: Dialog, headers = ''): boolean {
  dialog.raise('terminated');
  const caller = sendBye(ds, dialog, CALLER, headers);
  const callee = sendBye(ds, dialog, CALLEE, headers);
  runEventRoute(ds, dialog, dialog.state, STATE.DELETED);
  return caller && callee;
}

// ----------------------------------------------------------------- keepalive

/** Seconds that a dialog has left once a side does not know it any more. */
const LAST_SECONDS = 10;
const GONE: ReadonlySet<number> = new Set([408, 481]);

/** OPTIONS with a CSeq that is too low: a side that knows the dialog refuses it, one that does not says 481. */
export function sendKeepalive(ds: Dialogs, dialog: Dialog, side: Side, onGone: (seconds: number) => void): void {
  if (dialog.state !== STATE.CONFIRMED) return;
  const last = Number(dialog.legs[side === CALLER ? CALLEE : CALLER].cseq);
  const headers = side === CALLEE ? line(ds.params.lreq_callee_headers ?? '') : '';
  sendWithin(ds, dialog, side, { method: 'OPTIONS', headers, raise: last > 1 ? -1 : 0 }, ({ code }) => {
    if (code < 200 || !dialog.linked || dialog.state !== STATE.CONFIRMED) return;
    if (!GONE.has(code)) {
      dialog.keepaliveFailures[side] = 0;
      return;
    }
    if (code === 408 && dialog.legs[side].cseq === '') return;
    if (++dialog.keepaliveFailures[side] >= ds.params.ka_failed_limit) onGone(LAST_SECONDS);
  });
}
