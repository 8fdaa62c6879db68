/** The message as a whole and what identifies it: variables.md, section 3. */

import { rebuild } from '../../sip/build.js';
import { cseqOf, METHOD_OTHER, methodId } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { parseStartLine, type SipMessage } from '../../sip/message.js';
import type { Context } from '../context.js';
import { type BindResult, type PvAccessor, type PvDefinition, type PvUse, pv, pvTable, pvWith } from '../module.js';
import { Dual, parseInt32, type Value } from '../values.js';
import { assignedText, isNull, logError, unsigned } from './support.js';

// ---------------------------------------------------------------- methods

const METHODS = new Map<string, Dual>();

/** Method as text with its number beside it; the known ones are made once. */
function methodValue(name: string): Dual {
  const known = METHODS.get(name);
  if (known !== undefined) return known;
  const made = new Dual(name, methodId(name));
  if (made.int !== METHOD_OTHER) METHODS.set(name, made);
  return made;
}

function method({ msg }: Context): Value {
  if (msg.isRequest) return methodValue(msg.method);
  const cseq = cseqOf(msg);
  return cseq === undefined ? null : methodValue(cseq.method);
}

function methodNumber({ msg }: Context): Value {
  if (msg.isRequest) return methodId(msg.method);
  const cseq = cseqOf(msg);
  return cseq === undefined ? null : methodId(cseq.method);
}

// ------------------------------------------------------------------- parts

const status = (msg: SipMessage): Value => new Dual(`${msg.status}`, msg.status, true);

/** Body, or null where the header part does not end properly. */
function body({ msg }: Context): Value {
  return msg.bodyStart < 0 ? null : msg.body;
}

const bodySize = ({ msg }: Context): number => (msg.bodyStart < 0 ? 0 : msg.text.length - msg.bodyStart);

/** End of the header part: before the empty line. */
const headersEnd = (msg: SipMessage): number => (msg.malformedAt >= 0 ? msg.malformedAt : msg.headersEnd);

/** Blanks, tabs and line ends off both sides (Kamailio's trim). */
function trim(text: string): string {
  return text.replace(/^[ \t\r\n]+/, '').replace(/[ \t\r\n]+$/, '');
}

const headerPart = (msg: SipMessage): string => trim(msg.text.slice(msg.headersStart, headersEnd(msg)));

function lastPart({ msg }: Context): Value {
  const head = msg.headers[0];
  return head === undefined ? null : msg.text.slice(head.start);
}

// ----------------------------------------------------------------- $msgbuf

function bindBuffer(use: PvUse): BindResult<PvAccessor> {
  const key = use.key;
  if (key?.kind === 'dynamic') {
    const { get } = key;
    const at = (ctx: Context): number => {
      const v = get(ctx);
      return typeof v === 'number' ? v : v instanceof Dual ? v.int : 0;
    };
    return { ok: { get: (ctx) => byteAt(ctx, at(ctx)), set: (ctx, v) => setByte(ctx, at(ctx), v) } };
  }
  const n = parseInt32(key?.text ?? '');
  if (n === undefined) return { error: `bad index value: [${key?.text ?? ''}]` };
  return { ok: { get: (ctx) => byteAt(ctx, n), set: (ctx, v) => setByte(ctx, n, v) } };
}

/** One byte and, as in 5.6.3, a NUL behind it. */
function byteAt(ctx: Context, at: number): Value {
  const { text } = ctx.msg;
  if (at < 0 || at >= text.length) {
    logError(ctx, 'index out of range');
    return null;
  }
  return `${text[at]}\0`;
}

function setByte(ctx: Context, at: number, value: Value): boolean {
  const { msg } = ctx;
  if (at < 0 || at >= msg.text.length) return logError(ctx, 'index out of range');
  if (isNull(value)) return true;
  const text = assignedText(value);
  if (text === undefined || text === '') return logError(ctx, 'error - str value required');
  msg.text = msg.text.slice(0, at) + text[0] + msg.text.slice(at + 1);
  if (at < msg.headersStart) readStartLine(msg);
  return true;
}

/** What was read of the start line are pieces of the buffer in Kamailio: they change with it. */
function readStartLine(msg: SipMessage): void {
  const line = parseStartLine(msg.text);
  if (line === undefined || line.isRequest !== msg.isRequest) return;
  msg.method = line.method;
  msg.originalUri = line.uri;
  msg.reason = line.reason;
}

const requestOnly =
  (read: (msg: SipMessage) => Value) =>
  ({ msg }: Context): Value =>
    msg.isRequest ? null : read(msg);

export const MESSAGE: Readonly<Record<string, PvDefinition>> = {
  ci: pv('Call-ID.', ({ msg }) => msg.firstValue(HDR.CALLID) ?? null),
  cs: pv('Number of CSeq, as text.', ({ msg }) => cseqOf(msg)?.number ?? null),
  csb: pv('Whole CSeq.', ({ msg }) => (cseqOf(msg) === undefined ? null : (msg.firstValue(HDR.CSEQ) ?? null))),
  rm: pv('Method; in a reply that of CSeq.', method),
  rmid: pv('Number of the method, one bit each.', methodNumber),
  rv: pv('SIP version.', ({ msg }) => msg.version, undefined, 'string'),
  mt: pv('1 in a request, 2 in a reply.', ({ msg }) => (msg.isRequest ? 1 : 2), undefined, 'int'),
  mts: pv('`rq` in a request, `rp` in a reply.', ({ msg }) => (msg.isRequest ? 'rq' : 'rp'), undefined, 'string'),
  rs: pv('Status of a reply; null in a request.', requestOnly(status)),
  rsi: pv('Status of a reply; 0 in a request.', ({ msg }) => (msg.isRequest ? 0 : status(msg))),
  rr: pv(
    'Reason of a reply; null in a request.',
    requestOnly((msg) => msg.reason),
  ),
  rb: pv('Body.', body),
  bs: pv('Size of the body in bytes.', bodySize, undefined, 'int'),
  mb: pv('The message as received.', ({ msg }) => msg.text, undefined, 'string'),
  ml: pv('Its length in bytes.', ({ msg }) => msg.text.length, undefined, 'int'),
  mbu: pv('The message with the changes made so far.', ({ msg }) => rebuild(msg)),
  mi: pv('Serial number of the message.', ({ msg }) => unsigned(msg.id)),
  msg: pvTable('Parts of the message as received.', {
    len: ({ msg }) => msg.text.length,
    buf: ({ msg }) => msg.text,
    body,
    body_len: bodySize,
    hdrs: ({ msg }) => headerPart(msg),
    hdrs_len: ({ msg }) => headerPart(msg).length,
    hdrc: ({ msg }) => msg.headers.length,
    fline: ({ msg }) => trim(msg.text.slice(0, msg.headersStart)),
    fpart: ({ msg }) => trim(msg.text.slice(0, headersEnd(msg))),
    lpart: lastPart,
  }),
  msgbuf: pvWith({ doc: 'One byte of the received message; writing changes it.', writable: true, bind: bindBuffer }),
};
