/** How long a contact is good for (RFC 3261, 10.2.1.1), and its q. */
import type { Context } from '../../runtime/context.js';
import { parseQ } from '../../runtime/destination-set.js';
import type { Contact } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { isLws } from '../../sip/via.js';
import { registrarParams } from './params.js';
import { intSetting } from './settings.js';

/** Seconds in Expires; undefined when there is none or it is no number (a date). */
export function expiresHeader(msg: SipMessage): number | undefined {
  const value = msg.firstValue(HDR.EXPIRES);
  if (value === undefined) return undefined;
  let end = 0;
  while (isDigit(value.charCodeAt(end))) end++;
  if (end === 0 || (end < value.length && !isLws(value.charCodeAt(end)))) return undefined;
  return Number(value.slice(0, end)) | 0;
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

interface Asked {
  readonly seconds: number;
  /** Percent by which it may be lowered. */
  readonly range: number;
}

function asked(ctx: Context, contact: Contact): Asked {
  const { default_expires, default_expires_range, expires_range } = registrarParams(ctx.program);
  const set = intSetting(ctx, 'expires');
  if (set !== undefined && set >= 0) return { seconds: set, range: 0 };
  const own = contact.expires;
  const given = own === undefined || own === '' ? expiresHeader(ctx.msg) : contactExpires(own);
  if (given === undefined || given < 0) return { seconds: default_expires, range: default_expires_range };
  return { seconds: given, range: expires_range };
}

const MAX_UINT32 = 0xffffffff;

function contactExpires(text: string): number | undefined {
  const n = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return n <= MAX_UINT32 ? n | 0 : undefined;
}

/** Seconds from now; 0: to be removed; undefined: refused, too short. */
export function expiresOf(ctx: Context, contact: Contact, vary: boolean): number | undefined {
  const { min_expires, max_expires, min_expires_mode } = registrarParams(ctx.program);
  const { seconds, range } = asked(ctx, contact);
  if (seconds === 0) return 0;
  if (seconds < min_expires && min_expires_mode !== 0) return undefined;
  let out = Math.max(seconds, min_expires);
  if (vary && range !== 0) out = Math.max(lowered(ctx, out, range), min_expires);
  return max_expires !== 0 && out > max_expires ? max_expires : out;
}

/** By chance, `range` percent at most. */
function lowered(ctx: Context, seconds: number, range: number): number {
  const least = Math.trunc(seconds - (range / 100) * seconds);
  return Math.trunc(least + (Math.floor(ctx.host.random() * 100) / 100) * (seconds - least));
}

/** Thousandths, -1 for none; undefined where it is no q. */
export function qOf(ctx: Context, contact: Contact): number | undefined {
  const set = intSetting(ctx, 'q');
  if (set !== undefined) return set >= 0 && set <= 1000 ? set : undefined;
  return contact.q === undefined || contact.q === '' ? registrarParams(ctx.program).default_q : parseQ(contact.q);
}
