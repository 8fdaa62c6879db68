/** Answers to REGISTER: 200 with all contacts, or an error with its reason in P-Registrar-Error. */
import { type Context, extraKey } from '../../runtime/context.js';
import { qText } from '../../runtime/destination-set.js';
import { sendReply } from '../../runtime/replies.js';
import { hasOption } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { type AorRecord, type Contact, isValid, usrlocOf } from '../usrloc/index.js';
import { OUTBOUND, PATH_MODE, registrarParams } from './params.js';
import { addRecord } from './record-xavp.js';

/** Code and text of each error; `none` is success. */
const ERRORS = {
  NONE: [200, 'No problem'],
  UL_DELETE_RECORD: [500, 'usrloc_record_delete failed'],
  UL_GET: [500, 'usrloc_record_get failed'],
  INVALID_CSEQ: [400, 'Invalid CSeq number'],
  UL_INSERT: [500, 'usrloc_contact_insert failed'],
  AOR_LEN: [500, 'Address Of Record too long'],
  AOR_PARSE: [400, 'Error while parsing AOR'],
  INVALID_Q: [400, 'Invalid q param in contact'],
  PARSE: [400, 'Message parse error'],
  PARSE_EXPIRES: [400, 'Expires parse error'],
  PARSE_CONTACT: [400, 'Contact parse error'],
  STAR_EXPIRES: [400, '* used in contact and expires is not zero'],
  STAR_CONTACT: [400, '* used in contact and more than 1 contact'],
  UNESCAPE: [400, 'Error while unescaping username'],
  TOO_MANY: [503, 'Too many registered contacts'],
  CONTACT_LEN: [400, 'Contact/received too long'],
  CALLID_LEN: [400, 'Callid too long'],
  PARSE_PATH: [400, 'Path parse error'],
  PATH_UNSUPPORTED: [420, 'No support for found Path indicated'],
  OUTBOUND_UNSUPPORTED: [421, 'No support for Outbound indicated'],
  OUTBOUND_REQUIRED: [420, 'No support for Outbound on server'],
  OUTBOUND_EDGE: [439, 'No support for Outbound on edge proxy'],
  INVALID_REGID: [400, 'Invalid Reg-Id number'],
  LOW_EXPIRES: [423, 'Interval too brief'],
} as const;

export type ErrorName = keyof typeof ERRORS;

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  420: 'Bad Extension',
  421: 'Extension Required',
  423: 'Interval Too Brief',
  439: 'First Hop Lacks Outbound Support',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
};

/** What the last save() of a run left for its reply. */
export interface Outcome {
  error: ErrorName;
  /** The Contact line, with its end; '' for none. */
  contacts: string;
}

const OUTCOME = extraKey<Outcome>('registrar outcome');

export function outcomeOf(ctx: Context): Outcome {
  let outcome = ctx.extra(OUTCOME);
  if (outcome === undefined) {
    outcome = { error: 'NONE', contacts: '' };
    ctx.setExtra(OUTCOME, outcome);
  }
  return outcome;
}

/** Makes the Contact line of a record for the coming reply; no record: none. */
export function buildContacts(ctx: Context, record: AorRecord | undefined, host: string): void {
  const state = outcomeOf(ctx);
  const now = usrlocOf(ctx.host).now();
  const gruu = registrarParams(ctx.program).gruu_enabled === 1 && hasOption(ctx.msg, HDR.SUPPORTED, 'gruu');
  let items = '';
  for (const c of record?.contacts ?? []) {
    if (!isValid(c, now)) continue;
    items += `${items === '' ? '' : ', '}${contactItem(ctx, record!, c, now, gruu ? host : undefined)}`;
    addRecord(ctx, c);
  }
  state.contacts = items === '' ? '' : `Contact: ${items}\r\n`;
}

function contactItem(ctx: Context, record: AorRecord, c: Contact, now: number, gruuHost: string | undefined): string {
  const { received_param } = registrarParams(ctx.program);
  let out = `<${c.uri}>`;
  if (c.q >= 0) out += `;q=${qText(c.q)}`;
  out += `;expires=${c.expires - now}`;
  if (received_param !== '' && c.received !== '') out += `;${received_param}="${c.received}"`;
  if (c.instance === '') return c.regId > 0 ? `${out};reg-id=${c.regId}` : out;
  if (gruuHost !== undefined) out += gruus(record, c, gruuHost);
  out += `;+sip.instance="${c.instance}"`;
  return c.regId > 0 ? `${out};reg-id=${c.regId}` : out;
}

/** Public and temporary GRUU (RFC 5627). */
function gruus(record: AorRecord, c: Contact, host: string): string {
  const address = record.aor.includes('@') ? record.aor : `${record.aor}@${host}`;
  const instance = c.instance.replace(/^<(.*)>$/, '$1');
  let hash = '';
  // digit by digit, the lowest first: lookup() reads it in that order
  for (let rest = record.hash; rest !== 0; rest >>>= 4) hash += (rest & 15).toString(16);
  return `;pub-gruu="sip:${address};gr=${instance}";temp-gruu="sip:${c.ruid}-${hash}@${host};gr"`;
}

/** Puts the headers of the reply to the message; the code and reason that it goes out with. */
function prepare(ctx: Context): readonly [code: number, reason: string] {
  const state = outcomeOf(ctx);
  const { replyHeaders } = ctx.msg;
  if (state.contacts !== '') replyHeaders.push(state.contacts);
  state.contacts = '';
  addForOutcome(ctx, state);
  const [code, text] = ERRORS[state.error];
  if (code !== 200) replyHeaders.push(`P-Registrar-Error: ${text}\r\n`);
  const { retry_after } = registrarParams(ctx.program);
  if (code >= 500 && retry_after !== 0) replyHeaders.push(`Retry-After: ${retry_after}\r\n`);
  return [code, REASONS[code] ?? 'OK'];
}

function addForOutcome(ctx: Context, state: Outcome): void {
  const { replyHeaders } = ctx.msg;
  switch (state.error) {
    case 'NONE':
      addPath(ctx, state);
      addOutbound(ctx);
      return;
    case 'OUTBOUND_UNSUPPORTED':
      replyHeaders.push('Require: outbound\r\n', 'Supported: outbound\r\n');
      return;
    case 'OUTBOUND_REQUIRED':
      replyHeaders.push('Unsupported: outbound\r\n');
      return;
    case 'LOW_EXPIRES':
      replyHeaders.push(`Min-Expires: ${registrarParams(ctx.program).min_expires}\r\n`);
      return;
    default:
  }
}

function addPath(ctx: Context, state: Outcome): void {
  const { use_path, path_mode } = registrarParams(ctx.program);
  const { path, replyHeaders } = ctx.msg;
  if (use_path === 0 || path === null || path === '' || path_mode === PATH_MODE.OFF) return;
  const supported = hasOption(ctx.msg, HDR.SUPPORTED, 'path');
  if (!supported && path_mode !== PATH_MODE.STRICT) return;
  if (!supported) {
    state.error = 'PATH_UNSUPPORTED';
    replyHeaders.push('Unsupported: path\r\n');
  }
  replyHeaders.push(`Path: ${path}\r\n`);
}

function addOutbound(ctx: Context): void {
  const { outbound_mode, flow_timer } = registrarParams(ctx.program);
  if (outbound_mode === OUTBOUND.NONE) return;
  const { msg } = ctx;
  const flowTimer = flow_timer > 0 ? [`Flow-Timer: ${flow_timer}\r\n`] : [];
  if (outbound_mode === OUTBOUND.REQUIRED) {
    msg.replyHeaders.push('Require: outbound\r\n', 'Supported: outbound\r\n', ...flowTimer);
    return;
  }
  msg.replyHeaders.push('Supported: outbound\r\n');
  const wanted = hasOption(msg, HDR.REQUIRE, 'outbound') || hasOption(msg, HDR.SUPPORTED, 'outbound');
  if (wanted) msg.replyHeaders.push('Require: outbound\r\n', ...flowTimer);
}

/** Answers by what the last save() came to: 1, -1 where it could not be sent. */
export function sendRegistrarReply(ctx: Context): number {
  const [code, reason] = prepare(ctx);
  return sendReply(ctx, code, reason) < 0 ? -1 : 1;
}

/** Puts the headers of the reply to the message without sending it. */
export function prepareRegistrarReply(ctx: Context): void {
  prepare(ctx);
}
