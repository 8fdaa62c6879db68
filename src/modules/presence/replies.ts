/** Answers to PUBLISH and SUBSCRIBE. */
import type { Context } from '../../runtime/context.js';
import { sendReply } from '../../runtime/replies.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import type { Presence } from './state.js';

export interface Answer {
  readonly code: number;
  readonly reason: string;
}

export const BAD_EVENT: Answer = { code: 489, reason: 'Bad Event' };
export const SERVER_ERROR: Answer = { code: 500, reason: 'Server Internal Error' };
export const TOO_BRIEF: Answer = { code: 423, reason: 'Interval Too Brief' };

/** Refuses a request: -1, what handle_publish() and handle_subscribe() give. */
export function refuse(presence: Presence, ctx: Context, { code, reason }: Answer): -1 {
  const { replyHeaders } = ctx.msg;
  if (code === BAD_EVENT.code) replyHeaders.push(`Allow-Events: ${presence.events.names}\r\n`);
  if (code === TOO_BRIEF.code) replyHeaders.push(`Min-Expires: ${presence.params.min_expires}\r\n`);
  sendReply(ctx, code, reason);
  return -1;
}

/** Seconds in Expires as Kamailio reads it: 0 where it is no number. */
export function wantedSeconds(msg: SipMessage, otherwise: number, most: number): number {
  const value = msg.firstValue(HDR.EXPIRES);
  if (value === undefined || value === '') return Math.min(otherwise, most);
  const digits = LEADING.exec(value)?.[0] ?? '0';
  return Math.min(Number(digits), most);
}

const LEADING = /^\d+/;
