/** Going on to the next destination, and marking the one in use. */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { toText } from '../../runtime/values.js';
import { parseSocketAddress } from '../../runtime/variables/addresses.js';
import { XavpList } from '../../runtime/xavp.js';
import type { ListenSocket } from '../../sip/transport.js';
import { moveCall } from './calls.js';
import { STATE } from './destination.js';
import { dispatcherParams, FLAG, PROBE } from './params.js';
import type { Mode } from './records.js';
import { push } from './select.js';
import { DISPATCHER } from './state.js';
import { type Cause, parseState, updateState } from './status.js';

/** Answers what is no reply to a request but a run on the request itself. */
const ON_REQUEST = 820;

function warn(ctx: Context, text: string): void {
  ctx.host.log.write(LEVEL.WARN, 'dispatcher', text);
}

function text(fields: XavpList, name: string): string | undefined {
  const value = fields.get(name)?.value;
  return typeof value === 'string' ? value : undefined;
}

/** The record on top; undefined where there is none, or a plain value. */
function current(ctx: Context, name: string): XavpList | undefined {
  const value = ctx.env.xavps.get(name)?.value;
  return value instanceof XavpList ? value : undefined;
}

function socketOf(ctx: Context, fields: XavpList): ListenSocket | null {
  const at = parseSocketAddress(toText(text(fields, 'sock') ?? ''));
  return at === undefined ? null : (ctx.host.findSocket(at.proto, at.host, at.port) ?? null);
}

/** ds_next_dst() and ds_next_domain(): drops the record on top and uses the one below. */
export function useNext(ctx: Context, mode: Mode): number {
  const p = dispatcherParams(ctx.program);
  if ((p.flags & FLAG.FAILOVER) === 0 || p.xavp_dst === '') {
    warn(ctx, 'failover support disabled');
    return -1;
  }
  for (;;) {
    if (current(ctx, p.xavp_dst) === undefined) return -1;
    ctx.env.xavps.remove(p.xavp_dst, 0);
    const fields = use(ctx, p.xavp_dst, mode);
    if (fields === undefined) return -1;
    const duid = text(fields, 'dstid');
    if (duid === undefined) return 1;
    const moved = moveCall(ctx, duid);
    if (moved !== 'gone') return moved === 'done' ? 1 : -1;
  }
}

/** ds_set_dst() and ds_set_domain(): uses the record on top. */
export function useCurrent(ctx: Context, mode: Mode): number {
  return use(ctx, dispatcherParams(ctx.program).xavp_dst, mode) === undefined ? -1 : 1;
}

function use(ctx: Context, name: string, mode: Mode): XavpList | undefined {
  const fields = current(ctx, name);
  if (fields === undefined) return undefined;
  const uri = text(fields, 'uri');
  if (uri === undefined) {
    warn(ctx, 'no xavp uri field in next destination record');
    return undefined;
  }
  return push(ctx, uri, socketOf(ctx, fields), mode) ? fields : undefined;
}

/** ds_mark_dst(): letters of the state, '' for inactive. */
export function mark(ctx: Context, letters: string): number {
  const p = dispatcherParams(ctx.program);
  const inactive = STATE.INACTIVE | (p.ds_probing_mode === PROBE.ALL ? STATE.PROBING : 0);
  const wanted = letters === '' ? inactive : parseState(letters);
  if (wanted === undefined) {
    warn(ctx, `Failed to parse state flags: ${letters}`);
    return -1;
  }
  if ((p.flags & FLAG.FAILOVER) === 0 || p.xavp_dst === '') {
    warn(ctx, 'failover support disabled');
    return -1;
  }
  const fields = ctx.env.xavps.fields(p.xavp_dst);
  const uri = fields === undefined ? undefined : text(fields, 'uri');
  const group = fields?.get('grp')?.value;
  if (uri === undefined || typeof group !== 'number') return -1;
  const state = ctx.host.state(DISPATCHER);
  return updateState(state, state.sets.get(group), uri, wanted, causeOf(ctx), ctx) ? 1 : -1;
}

function causeOf({ msg }: Context): Cause {
  if (msg.isRequest) return { code: ON_REQUEST, reason: null, flags: 0 };
  return { code: msg.status, reason: msg.reason || null, flags: 1 };
}
