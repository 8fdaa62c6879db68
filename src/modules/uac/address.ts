/** The addresses of From and To, and edits of them. */
import { type FromTo, fromOf, toOf } from '../../sip/header.js';
import { MSG_FLAG, type SipMessage } from '../../sip/message.js';

export type Side = 'from' | 'to';

export const FLAG: Readonly<Record<Side, number>> = { from: MSG_FLAG.USE_UAC_FROM, to: MSG_FLAG.USE_UAC_TO };

export function headerOf(msg: SipMessage, side: Side): FromTo | undefined {
  return side === 'from' ? fromOf(msg) : toOf(msg);
}

/** `display` undefined: it stays; `uri` '': it stays. */
export interface NewAddress {
  readonly display: string | undefined;
  readonly uri: string;
}

export function changeAddress(msg: SipMessage, header: FromTo, { display, uri }: NewAddress): void {
  if (display !== undefined) changeDisplay(msg, header, display);
  if (uri !== '') msg.edits.replace(header.uriStart, header.uriEnd - header.uriStart, uri);
}

function changeDisplay(msg: SipMessage, header: FromTo, display: string): void {
  const { displayStart, displayEnd, address } = header;
  const length = displayEnd - displayStart;
  if (length > 0) {
    msg.edits.replace(displayStart, length, display);
    return;
  }
  if (display === '') return;
  if (address.bracketed) {
    msg.edits.insert(msg.text.lastIndexOf('<', header.uriStart), `${display} `);
    return;
  }
  msg.edits.insert(header.uriEnd, '>');
  msg.edits.insert(header.uriStart, `${display} <`);
}
