/** Which call is on which destination (algorithm 10), by Call-ID. */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { callIdOf, cseqOf } from '../../sip/header.js';
import type { Destination } from './destination.js';
import { dispatcherParams } from './params.js';
import type { DestinationSet } from './set.js';
import { DISPATCHER, type Dispatcher } from './state.js';

export interface Call {
  readonly duid: string;
  readonly set: number;
  /** Milliseconds since the epoch; 0 never. */
  readonly expires: number;
  /** The same while it is not answered. */
  readonly expiresUnanswered: number;
  answered: boolean;
}

const SECOND = 1000;

function complain(ctx: Context, text: string): void {
  ctx.host.log.write(LEVEL.ERR, 'dispatcher', text);
}

/** Counts the message's call to the destination; false where it cannot be. */
export function addCall(ctx: Context, set: DestinationSet, destination: Destination): boolean {
  const { calls } = ctx.host.state(DISPATCHER);
  const p = dispatcherParams(ctx.program);
  const id = callIdOf(ctx.msg);
  const { duid } = destination.attrs;
  if (p.ds_hash_size <= 0 || id === undefined || !duid || calls.has(id)) {
    complain(ctx, duid ? `cannot add load to ${set.id} (${id})` : `dst unique id not set for ${set.id} (${id})`);
    return false;
  }
  const now = ctx.host.clock.now();
  const end = (seconds: number) => (seconds === 0 ? 0 : now + seconds * SECOND);
  calls.set(id, {
    duid,
    set: set.id,
    expires: end(p.ds_hash_expire),
    expiresUnanswered: end(p.ds_hash_initexpire),
    answered: false,
  });
  destination.load++;
  return true;
}

function release(state: Dispatcher, call: Call): boolean {
  const destination = state.sets.get(call.set)?.findByDuid(call.duid);
  if (destination === undefined) return false;
  if (destination.load > 0) destination.load--;
  return true;
}

/** The call ends: false where it is not known. */
function removeCall(ctx: Context): boolean {
  const state = ctx.host.state(DISPATCHER);
  const id = callIdOf(ctx.msg) ?? '';
  const call = state.calls.get(id);
  if (call === undefined || !release(state, call)) {
    complain(ctx, `cannot find load for (${id})`);
    return false;
  }
  state.calls.delete(id);
  return true;
}

/** Moves the call to another destination of its set: `gone` where there is none with that id. */
export function moveCall(ctx: Context, duid: string): 'done' | 'gone' | 'failed' {
  const state = ctx.host.state(DISPATCHER);
  const id = callIdOf(ctx.msg) ?? '';
  const call = state.calls.get(id);
  const set = call === undefined ? undefined : state.sets.get(call.set);
  if (call === undefined || set === undefined) {
    complain(ctx, `cannot find load for (${id})`);
    return 'failed';
  }
  const next = set.findByDuid(duid);
  if (next === undefined) return 'gone';
  state.calls.delete(id);
  release(state, call);
  return addCall(ctx, set, next) ? 'done' : 'failed';
}

/** ds_load_update(): BYE and CANCEL end the call, a 2xx to INVITE confirms it. */
export function updateCall(ctx: Context): number {
  const { msg } = ctx;
  if (msg.isRequest) {
    if (msg.method === 'BYE' || msg.method === 'CANCEL') removeCall(ctx);
    return 1;
  }
  const call = ctx.host.state(DISPATCHER).calls.get(callIdOf(msg) ?? '');
  const good = msg.status >= 200 && msg.status < 300 && cseqOf(msg)?.method === 'INVITE';
  if (good && call !== undefined) call.answered = true;
  return 1;
}

/** ds_load_unset(). */
export function unsetCall(ctx: Context): number {
  const { xavp_dst } = dispatcherParams(ctx.program);
  if (xavp_dst === '') return 1;
  const { msg } = ctx;
  const counted = typeof ctx.env.xavps.fields(xavp_dst)?.get('dstid')?.value === 'string';
  if (msg.isRequest && msg.method === 'INVITE' && !counted) return 1;
  return removeCall(ctx) ? 1 : -1;
}

/** Forgets calls whose time is over. */
export function expireCalls(state: Dispatcher): void {
  const now = state.host.clock.now();
  const over = (at: number) => at !== 0 && at < now;
  for (const [id, call] of state.calls) {
    if (!over(call.expires) && (call.answered || !over(call.expiresUnanswered))) continue;
    state.calls.delete(id);
    release(state, call);
  }
}
