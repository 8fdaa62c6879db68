/** sip_trace(): the message in view, and the rest of its transaction or dialog. */
import type { Context } from '../../runtime/context.js';
import type { MessageEnv } from '../../runtime/message-env.js';
import { type ExtraKey, extraKey, type Host } from '../../runtime/module.js';
import { replyDestination } from '../../sip/build.js';
import type { SipMessage } from '../../sip/message.js';
import { hasDialog, onDialog } from '../dialog/api.js';
import {
  currentTransaction,
  hasTm,
  inviteOf,
  onTransaction,
  type TmEvent,
  type Transaction,
  tmOf,
  tmParamsOf,
  transactionOf,
} from '../tm/api.js';
import { SIPTRACE, type Siptrace, type Target } from './state.js';
import { ANYWHERE, attributesOf, receiverOf, socketText, sourceOf, type Traced, targetOf } from './traced.js';

/** What sip_trace() was told, for what comes later. */
export interface Following {
  readonly target: Target | undefined;
  readonly correlationId: string;
}

/** The message is traced (Kamailio's FL_SIPTRACE). */
const FLAG: ExtraKey<true> = extraKey<true>('siptrace flag');
/** For the transaction that the message will begin. */
const PENDING: ExtraKey<Following[]> = extraKey<Following[]>('siptrace transaction');
/** For the dialog that the message will begin. */
const DIALOG: ExtraKey<Following> = extraKey<Following>('siptrace dialog');

const isTraced = (msg: SipMessage): boolean => msg.slots.has(FLAG);

export const TYPE = { MESSAGE: 'm', TRANSACTION: 't', DIALOG: 'd' } as const;
export type TraceType = (typeof TYPE)[keyof typeof TYPE];

export interface Request extends Following {
  readonly type: TraceType;
  /** A destination was given in the call: a dialog is traced only so. */
  readonly hasUri: boolean;
}

/** The whole of sip_trace(): 1, or -1. */
export function trace(ctx: Context, what: Request): number {
  const state = ctx.host.state(SIPTRACE);
  const done = () => (traceMessage(state, ctx, what) ? 1 : -1);
  if (what.type === TYPE.MESSAGE) return done();
  const { msg } = ctx;
  const isDialog = what.type === TYPE.DIALOG;
  if (!hasTm(ctx.host)) {
    state.warn('TM module not loaded! Tracing only current message!');
    return done();
  }
  if (isTracedAlready(ctx)) return 1;
  if (isDialog && !hasDialog(ctx.host)) {
    state.warn('DIALOG module not loaded! Tracing only current message!');
    return done();
  }
  if (!msg.isRequest || (isDialog && msg.method !== 'INVITE')) {
    const [kind, on] = isDialog ? ['dialog', 'initial invite'] : ['transaction', 'request message'];
    state.warn(`When tracing a ${kind} sip_trace() has to be initiated on the ${on}`);
    return -1;
  }
  if (isDialog) {
    if (!what.hasUri) {
      state.complain("failed to serialize siptrace info! Won't trace dialog!");
      return -1;
    }
    msg.slots.set(DIALOG, what);
  }
  followTransaction(ctx, what);
  return done();
}

/** A CANCEL or the ACK of a negative reply is caught with its INVITE. */
function isTracedAlready(ctx: Context): boolean {
  const { msg } = ctx;
  if (msg.method === 'CANCEL') {
    const invite = inviteOf(tmOf(ctx.host), msg, tmParamsOf(ctx.program));
    return invite?.request != null && isTraced(invite.request);
  }
  if (msg.method !== 'ACK') return false;
  const t = currentTransaction(ctx);
  return t?.request != null && isTraced(t.request);
}

// ---------------------------------------------------------------- one message

/** False: tracing is off, or the message cannot be read. */
export function traceMessage(state: Siptrace, ctx: Context, to?: Following, at = ctx.msg): boolean {
  if (!state.on && state.users(ctx.env).length === 0) return false;
  const attributes = attributesOf(state.host, at);
  if (attributes === undefined) return false;
  const local = state.params.trace_local_ip || undefined;
  const { sending } = ctx;
  const status = at.isRequest ? '' : `${at.status}`;
  const common = {
    ...attributes,
    status,
    isReply: !at.isRequest,
    socket: at.received.socket,
    micros: state.host.clock.micros(),
  };
  const traced: Traced =
    sending === null
      ? { ...common, body: at.text, direction: 'in', from: sourceOf(at.received), to: local ?? receiverOf(at.received) }
      : {
          ...common,
          body: sending.text,
          direction: 'out',
          from: local ?? socketText(sending.to.socket),
          to: targetOf({ ...sending.to, proto: sending.to.socket.proto }),
        };
  return state.store(traced, ctx.env, to?.target, to?.correlationId);
}

// --------------------------------------------------------------- transactions

/** Traces what follows in the transaction of the request in view, be it there already or not. */
function followTransaction(ctx: Context, following: Following): void {
  ctx.msg.slots.set(FLAG, true);
  const t = transactionOf(ctx);
  if (t !== null) return attach(ctx.host.state(SIPTRACE), t, following);
  const pending = (ctx.msg.slots.get(PENDING) as Following[] | undefined) ?? [];
  pending.push(following);
  ctx.msg.slots.set(PENDING, pending);
}

/** Listens for the transactions and dialogs that begin. */
export function followAll(host: Host, state: Siptrace): void {
  if (hasTm(host)) {
    onTransaction(host, (t, ctx) => {
      const pending = ctx.msg.slots.get(PENDING) as Following[] | undefined;
      for (const following of pending ?? []) attach(state, t, following);
    });
  }
  if (!hasDialog(host)) return;
  onDialog(host, (dialog, ctx) => {
    const following = ctx.msg.slots.get(DIALOG) as Following | undefined;
    if (following === undefined) return;
    const within = (event: { readonly request: SipMessage | null; readonly ctx: Context | undefined }): void => {
      if (event.request === null || event.ctx === undefined) return;
      followTransaction(event.ctx, following);
      traceMessage(state, event.ctx, following, event.request);
    };
    dialog.on('requestWithin', within);
    dialog.on('terminated', within);
  });
}

function attach(state: Siptrace, t: Transaction, { target }: Following): void {
  const to = { target, correlationId: '' };
  t.on('requestSent', (event) => requestOut(state, event, to));
  t.on('responseIn', (event) => replyIn(state, event, to));
  t.on('responseSent', (event) => replyOut(state, event, to));
  t.on('ackNegIn', ({ request, ctx }) => {
    if (request?.method === 'ACK' && ctx !== undefined) traceMessage(state, ctx, to, request);
  });
  t.on('e2eCancelIn', ({ request, ctx }) => {
    if (request === null || ctx === undefined) return;
    const cancel = transactionOf(ctx);
    request.slots.set(FLAG, true);
    cancel?.on('responseReady', (event) => replyOut(state, event, to, true));
    traceMessage(state, ctx, undefined, request);
  });
}

const isWanted = (state: Siptrace, env: MessageEnv, msg: SipMessage | null): boolean =>
  (msg !== null && isTraced(msg)) || state.users(env).length > 0;

function requestOut(state: Siptrace, { t, request, text, to, ctx }: TmEvent, following: Following): void {
  const env = ctx?.env ?? t.env;
  const msg = request ?? t.request;
  const attributes = msg !== null && isWanted(state, env, msg) ? attributesOf(state.host, msg) : undefined;
  if (msg === null || attributes === undefined) return;
  const body = text ?? 'No request buffer';
  const traced = {
    ...attributes,
    method: body.split(' ', 1)[0] ?? '',
    status: '',
    isReply: false,
    socket: msg.received.socket,
    body,
    from: state.params.trace_local_ip || (to ? socketText(to.socket) : receiverOf(msg.received)),
    to: to ? targetOf(to) : ANYWHERE,
    direction: 'out',
    micros: state.host.clock.micros(),
  };
  state.store(traced, env, following.target);
}

function replyIn(state: Siptrace, { t, reply, request, code }: TmEvent, following: Following): void {
  if (reply === null || !isWanted(state, t.env, request)) return;
  const attributes = attributesOf(state.host, reply);
  if (attributes === undefined) return;
  const traced = {
    ...attributes,
    status: `${code}`,
    isReply: true,
    socket: reply.received.socket,
    body: reply.text,
    from: sourceOf(reply.received),
    to: state.params.trace_local_ip || receiverOf(reply.received),
    direction: 'in',
    micros: state.host.clock.micros(),
  };
  state.store(traced, t.env, following.target);
}

function replyOut(
  state: Siptrace,
  { t, reply, request, code, text, to }: TmEvent,
  following: Following,
  always = false,
): void {
  const original = t.request ?? request;
  const msg = reply ?? original;
  if (msg === null || original === null || (!always && !isWanted(state, t.env, original))) return;
  const attributes = attributesOf(state.host, msg);
  if (attributes === undefined) return;
  const traced = {
    ...attributes,
    status: `${code}`,
    isReply: true,
    socket: msg.received.socket,
    body: text ?? 'No reply buffer',
    from: state.params.trace_local_ip || receiverOf({ ...original.received, proto: msg.received.proto }),
    to: to ? targetOf(to) : ANYWHERE,
    direction: 'out',
    micros: state.host.clock.micros(),
  };
  state.store(traced, t.env, following.target);
}

// ------------------------------------------------------------ stateless replies

/** A reply of sl to a traced request. */
export function statelessReply(state: Siptrace, ctx: Context, text: string, code: number): void {
  const { msg } = ctx;
  if (!isWanted(state, ctx.env, msg)) return;
  const attributes = attributesOf(state.host, msg);
  if (attributes === undefined) return;
  const to = replyDestination(msg);
  const traced = {
    ...attributes,
    status: `${code}`,
    isReply: true,
    socket: msg.received.socket,
    body: text,
    from: state.params.trace_local_ip || receiverOf(msg.received),
    to: to === undefined ? ANYWHERE : targetOf({ ...to, proto: msg.received.proto }),
    direction: 'out',
    micros: state.host.clock.micros(),
  };
  state.store(traced, ctx.env);
}
