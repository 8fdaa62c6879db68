/** Max-Forwards (RFC 3261, 16.3), as Kamailio's maxfwd does it: in place, so that the script sees it at once. */
import type { Context } from '../runtime/context.js';
import { defineModule, fn, int, intParam, LEVEL } from '../runtime/module.js';
import { HDR } from '../sip/header-names.js';
import type { SipMessage } from '../sip/message.js';

interface Params {
  readonly max_limit: number;
}

const HEADER_ADDED = 2;
const DECREMENTED = 1;
const ALREADY_ZERO = -1;
const BELOW = 1;
const NOT_BELOW = -1;
const UNREADABLE = -2;

/** Where the digits stand in the message, and what they say. */
interface Hops {
  readonly value: number;
  readonly start: number;
  readonly end: number;
}

const SPACE = 32;
const ZERO = 48;

/** As String.trimEnd() has it. */
function isBlank(c: number): boolean {
  return c === SPACE || (c >= 9 && c <= 13) || c === 160;
}

/**
 * Undefined: no header. More than five digits are unreadable, and five wrap at 16 bits; none at all are 0 (seen).
 * Blanks in front come from `overwrite`.
 */
function hopsOf(msg: SipMessage): Hops | 'unreadable' | undefined {
  const header = msg.first(HDR.MAXFORWARDS);
  if (header === undefined) return undefined;
  const { text } = msg;
  const start = header.valueStart;
  let end = header.valueEnd;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  let at = start;
  while (at < end && text.charCodeAt(at) === SPACE) at++;
  if (end - at > 5) return 'unreadable';
  let value = 0;
  for (; at < end; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return 'unreadable';
    value = value * 10 + digit;
  }
  return { value: value & 0xffff, start, end };
}

/** Puts `value` where the old one stands, with blanks in front when it is shorter: no offset moves. */
function overwrite(msg: SipMessage, { start, end }: Hops, value: number): void {
  const digits = String(value).padStart(end - start, ' ');
  msg.text = msg.text.slice(0, start) + digits + msg.text.slice(end);
}

function invalid(ctx: Context, value: number): boolean {
  if (value >= 0 && value <= 255) return false;
  ctx.host.log.write(LEVEL.ERR, 'maxfwd', `invalid param value: ${value}\n`);
  return true;
}

const process = fn({
  doc: 'Takes one off Max-Forwards, or adds the header with `value` when the request has none.',
  args: [int('value')],
  routes: ['request'],
  example: 'if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }',
  run(ctx, { max_limit }: Params, value) {
    if (invalid(ctx, value)) return ALREADY_ZERO;
    const hops = hopsOf(ctx.msg);
    if (hops === undefined) return addHeader(ctx.msg, value);
    if (hops === 'unreadable') return unreadable(ctx);
    if (hops.value === 0) return ALREADY_ZERO;
    overwrite(ctx.msg, hops, Math.min(hops.value - 1, max_limit));
    return DECREMENTED;
  },
});

function addHeader(msg: SipMessage, value: number): number {
  msg.edits.insert(msg.headers[0]?.start ?? msg.headersStart, `Max-Forwards: ${value}\r\n`);
  return HEADER_ADDED;
}

function unreadable(ctx: Context): number {
  ctx.host.log.write(LEVEL.ERR, 'maxfwd', 'unable to parse the max forwards number\n');
  return UNREADABLE;
}

const isLess = fn({
  doc: 'Is Max-Forwards less than `limit`? -2 when the header is missing, -3 when it is no number.',
  args: [int('limit')],
  routes: ['request', 'failure', 'branch'],
  run(ctx, _params: Params, limit) {
    if (invalid(ctx, limit)) return NOT_BELOW;
    const hops = hopsOf(ctx.msg);
    if (hops === undefined) return UNREADABLE;
    if (hops === 'unreadable') return unreadable(ctx) - 1;
    return hops.value < limit ? BELOW : NOT_BELOW;
  },
});

export const maxfwd = defineModule({
  name: 'maxfwd',
  doc: 'Guards against forwarding loops with the Max-Forwards header (RFC 3261, 16.3).',
  settings: ['max_limit'],
  params: { max_limit: intParam(70, 'Highest Max-Forwards value let through; a greater one is lowered to it.') },
  functions: {
    mf_process_maxfwd_header: process,
    maxfwd_process: process,
    process_maxfwd: process,
    is_maxfwd_lt: isLess,
    maxfwd_at_least: isLess,
    mf_lowlimit: isLess,
  },
});
