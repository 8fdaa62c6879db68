/** $uac_req() and uac_req_send(): requests of the script's own. */
import type { Context } from '../../runtime/context.js';
import { type Host, isInt, LEVEL, type Setter, toInt, toText, type Value } from '../../runtime/module.js';
import type { VarCell, VarStore } from '../../runtime/var-store.js';
import { parseSocketAddress } from '../../runtime/variables/addresses.js';
import { callIdOf, cseqOf, fromOf, toOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import type { ListenSocket } from '../../sip/transport.js';
import { type NewRequest, newRequest, type RequestReply } from '../tm/api.js';
import { answerLine, challengeOf } from './challenge.js';
import { paramsOf } from './params.js';

const MAX_URI = 1024;
/** Longest text of each field. */
const TEXTS = {
  method: 31,
  ruri: MAX_URI - 1,
  turi: MAX_URI - 1,
  furi: MAX_URI - 1,
  ouri: MAX_URI - 1,
  sock: MAX_URI - 1,
  callid: 127,
  hdrs: 2047,
  body: 32767,
  auser: 127,
  apasswd: 63,
  evparam: 127,
} as const;
const NUMBERS = ['flags', 'evroute', 'evcode', 'evtype'] as const;

type TextField = keyof typeof TEXTS;
type NumberField = (typeof NUMBERS)[number];
const TEXT_FIELDS = Object.keys(TEXTS) as TextField[];
const FIELDS: readonly (TextField | NumberField)[] = [...TEXT_FIELDS, ...NUMBERS];
export type RequestField = TextField | NumberField | 'all';

export function isRequestField(name: string): name is RequestField {
  return name === 'all' || (FIELDS as readonly string[]).includes(name);
}

/** Each field lies beside the script's variables, so that a run that waits keeps its own. */
function cell(vars: VarStore, field: TextField | NumberField): VarCell {
  return vars.nullableCell(`uac_req(${field})`);
}

const isText = (field: string): field is TextField => Object.hasOwn(TEXTS, field);

export function requestField(field: RequestField, vars: VarStore): { get: () => Value; set: Setter } {
  if (field === 'all') return { get: () => cell(vars, 'flags').v ?? 0, set: (_ctx, v) => clear(vars, v) };
  const own = cell(vars, field);
  if (!isText(field)) {
    const set: Setter = (ctx, v) => setNumber(ctx, own, v);
    return { get: () => own.v ?? 0, set };
  }
  return { get: () => own.v, set: (ctx, v) => setText(ctx, own, v, TEXTS[field]) };
}

/** `$uac_req(all) = $null` clears all but the account. */
function clear(vars: VarStore, value: Value): void {
  if (value !== null && value !== undefined) return;
  for (const field of FIELDS) {
    if (field !== 'auser' && field !== 'apasswd') cell(vars, field).v = null;
  }
}

function setNumber(ctx: Context, own: VarCell, value: Value): boolean {
  if (value === null || value === undefined) own.v = null;
  else if (isInt(value)) own.v = toInt(value);
  else return refuse(ctx.host, 'Invalid value type');
  return true;
}

function setText(ctx: Context, own: VarCell, value: Value, most: number): boolean {
  if (value === null || value === undefined) {
    own.v = null;
    return true;
  }
  if (typeof value === 'number') return refuse(ctx.host, 'Invalid value type');
  const text = toText(value);
  if (text.length > most) return refuse(ctx.host, 'Value size too big');
  own.v = text === '' ? null : text;
  return true;
}

function refuse(host: Host, why: string): false {
  host.log.write(LEVEL.ERR, 'uac', `${why}\n`);
  return false;
}

// -------------------------------------------------------------------- sending

type Fields = Readonly<Record<TextField, string> & Record<NumberField, number>>;

function read(vars: VarStore): Fields {
  const out: Record<string, string | number> = {};
  for (const field of TEXT_FIELDS) out[field] = toText(cell(vars, field).v);
  for (const field of NUMBERS) out[field] = toInt(cell(vars, field).v);
  return out as unknown as Fields;
}

/** Bit of `flags`: the password is H(user:realm:password). */
const HASHED = 1;
/** evroute: event_route[uac:reply] runs for failures only, which tm tells of where its enable_uac_fr is set. */
const FAILURES = 2;

export function sendRequest(ctx: Context): number {
  const fields = read(ctx.host.vars);
  if (fields.ruri === '' || fields.method === '') return -1;
  const request: NewRequest = {
    ...common(ctx, fields),
    from: fields.furi || fields.ruri,
    to: fields.turi || fields.ruri,
    headers: fields.hdrs,
    callId: fields.callid,
  };
  const { program, host } = ctx;
  const asks = fields.evroute !== FAILURES && (fields.evroute !== 0 || (fields.auser !== '' && fields.apasswd !== ''));
  const sent = newRequest(host, request, asks ? (reply) => answered(host, program, fields, reply) : undefined);
  if (sent === undefined) return -1;
  if (fields.evroute === FAILURES)
    sent.transaction.on('onFailure', ({ code, reply }) => tell(host, program, fields, { code, message: reply }));
  return 1;
}

function common(ctx: Pick<Context, 'host' | 'program'>, fields: Fields) {
  return {
    method: fields.method,
    uri: fields.ruri,
    nextHop: fields.ouri,
    body: fields.body,
    socket: socketNamed(ctx.host, fields.sock || paramsOf(ctx.program).default_socket || ''),
    program: ctx.program,
  };
}

/** null: none is named, or there is none. */
export function socketNamed(host: Host, text: string): ListenSocket | null {
  const address = text === '' ? undefined : parseSocketAddress(text);
  return address === undefined ? null : (host.findSocket(address.proto, address.host, address.port) ?? null);
}

function answered(host: Host, program: Context['program'], fields: Fields, reply: RequestReply): void {
  if (fields.evroute !== 0) tell(host, program, fields, reply);
  if ((reply.code === 401 || reply.code === 407) && fields.apasswd !== '') authenticate(host, program, fields, reply);
}

/** The same request once more, with an answer to the challenge. */
function authenticate(host: Host, program: Context['program'], fields: Fields, { code, message }: RequestReply): void {
  if (message === null) return;
  const challenge = challengeOf(message, code);
  if (typeof challenge === 'string') {
    refuse(host, challenge);
    return;
  }
  const account = { user: fields.auser, password: fields.apasswd, hashed: (fields.flags & HASHED) !== 0 };
  const line = answerLine(code, challenge, account, { method: fields.method, uri: fields.ruri, body: fields.body });
  const request = { ...common({ host, program }, fields), ...again(message), headers: fields.hdrs + line };
  const last = fields.evroute === 0 ? undefined : (reply: RequestReply) => tell(host, program, fields, reply);
  if (newRequest(host, request, last) === undefined) refuse(host, 'failed to send request with authentication');
}

/** Call-ID, tags, URIs and CSeq of a request that follows the one of this reply. */
export function again(reply: SipMessage) {
  const from = fromOf(reply);
  return {
    callId: callIdOf(reply) ?? '',
    cseq: Number(cseqOf(reply)?.number ?? 0) + 1,
    fromTag: from?.tag ?? '',
    from: from?.uri ?? '',
    to: toOf(reply)?.uri ?? '',
  };
}

/** The reply's code and kind are in `$uac_req(evcode)` and `$uac_req(evtype)` while the event route runs. */
function tell(
  host: Host,
  program: Context['program'],
  fields: Fields,
  { code, message }: Pick<RequestReply, 'code' | 'message'>,
): void {
  if (!program.routes.event.has(REPLY)) return;
  const { vars } = host;
  // the fields of whatever runs now come back; what the event route does with others stays
  const saved = FIELDS.map((field) => [cell(vars, field), cell(vars, field).v] as const);
  for (const field of TEXT_FIELDS) cell(vars, field).v = fields[field] || null;
  cell(vars, 'flags').v = fields.flags;
  cell(vars, 'evroute').v = fields.evroute;
  cell(vars, 'evcode').v = code;
  cell(vars, 'evtype').v = message === null ? EVENT_OF_TIMEOUT : EVENT_OF_REPLY;
  const run = host.runEvent(REPLY, message ?? undefined, undefined, undefined, program);
  if (run instanceof Promise) host.detach(run, REPLY);
  vars.restore(saved);
}

const REPLY = 'uac:reply';
const EVENT_OF_REPLY = 1;
const EVENT_OF_TIMEOUT = 2;
