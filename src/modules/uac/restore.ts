/** Replaced URIs come back, by the cookie in our Route, in later requests of the dialog. */
import type { Context } from '../../runtime/context.js';
import { type Host, LEVEL } from '../../runtime/module.js';
import { addRrParam } from '../rr/record.js';
import { directionOf, onRoute, routeParam, UPSTREAM } from '../rr/state.js';
import { FLAG, headerOf, type Side } from './address.js';
import { otherUri } from './cookie.js';
import { paramsOf, restoreMode } from './params.js';
import { cookieName } from './replace.js';
import { followChanged, keepForReplies, restoreInReplies, SIDES } from './replies.js';

/** Hooks of a server: set where the module starts. */
export function restoreLater(host: Host): void {
  followChanged(host);
  if (!host.hasState({ module: 'rr' })) return;
  onRoute(host, (ctx) => {
    if (restoreMode(paramsOf(ctx.program)) !== 'auto') return;
    for (const side of SIDES) {
      const flag = restoreAddress(ctx, side);
      if (flag !== 0) restoreInReplies(ctx, flag);
    }
  });
}

// ---------------------------------------------------------------- requests

/** Puts the other URI in by the cookie of our Route; gives the flag of the header that was changed, 0 none. */
export function restoreAddress(ctx: Context, side: Side): number {
  const { msg } = ctx;
  const params = paramsOf(ctx.program);
  const name = cookieName(params, side);
  const cookie = routeParam(ctx, name);
  if (cookie === undefined || cookie === '') return 0;
  addRrParam(ctx, `;${name}=${cookie}`);
  const upstream = directionOf(ctx) === UPSTREAM;
  const target: Side = (side === 'from') === upstream ? 'to' : 'from';
  const header = headerOf(msg, target);
  if (header === undefined) return 0;
  keepForReplies(ctx, target, header);
  const found = otherUri(cookie, header.uri, params.restore_passwd);
  if ('error' in found) {
    ctx.host.log.write(LEVEL.ERR, 'uac', `${found.error}\n`);
    return 0;
  }
  msg.edits.replace(header.uriStart, header.uriEnd - header.uriStart, found.ok);
  msg.internalFlags |= FLAG[target];
  return FLAG[target];
}
