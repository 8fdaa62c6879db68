/** Changes of From and To: a new display name, a new URI. */
import type { Context } from '../../runtime/context.js';
import { LEVEL, ROUTE } from '../../runtime/module.js';
import { type FromTo, toOf } from '../../sip/header.js';
import { addRrParam } from '../rr/record.js';
import { rrParamsOf } from '../rr/state.js';
import { changeAddress, FLAG, headerOf, type NewAddress, type Side } from './address.js';
import { cookieOf } from './cookie.js';
import { keepInDialog } from './dialogs.js';
import { paramsOf, restoreMode, type UacParams } from './params.js';
import { keepForReplies, restoreInReplies } from './replies.js';

export function cookieName(params: UacParams, side: Side): string {
  return side === 'from' ? params.rr_from_store_param : params.rr_to_store_param;
}

/** uac_replace_from() and uac_replace_to(). */
export function replaceAddress(ctx: Context, side: Side, wanted: NewAddress): number {
  const { msg } = ctx;
  const header = headerOf(msg, side);
  const why = header === undefined ? `failed to find/parse ${side.toUpperCase()} hdr` : refusal(ctx, side, wanted);
  if (header === undefined || why !== undefined) {
    ctx.host.log.write(LEVEL.ERR, 'uac', `${why}\n`);
    return -1;
  }
  keepForReplies(ctx, side, header);
  changeAddress(msg, header, wanted);
  if (wanted.uri === '' || restoreMode(paramsOf(ctx.program)) === 'none') return 1;
  if (!keepForDialog(ctx, side, header, wanted)) return -1;
  restoreInReplies(ctx, FLAG[side]);
  return 1;
}

function refusal(ctx: Context, side: Side, { uri }: NewAddress): string | undefined {
  const { msg } = ctx;
  if (ctx.routeType === ROUTE.REQUEST && (msg.internalFlags & FLAG[side]) !== 0)
    return `called uac_replace_${side}() multiple times on the message`;
  if (uri !== '' && restoreMode(paramsOf(ctx.program)) === 'auto' && toOf(msg)?.tag !== undefined)
    return 'decline FROM replacing in sequential request in auto mode (has TO tag)';
  return undefined;
}

/** With the dialog where one is followed, else in our Record-Route. */
function keepForDialog(ctx: Context, side: Side, header: FromTo, wanted: NewAddress): boolean {
  if (keepInDialog(ctx, side, header, wanted)) return true;
  if (rrParamsOf(ctx.program).append_fromtag === 0) {
    ctx.host.log.write(LEVEL.ERR, 'uac', "'append_fromtag' RR param is not enabled!\n");
    return false;
  }
  const params = paramsOf(ctx.program);
  const cookie = cookieOf(header.uri, wanted.uri, params.restore_passwd);
  addRrParam(ctx, `;${cookieName(params, side)}=${cookie}`);
  return true;
}
