import { type Avp, allAvps, removeAvp } from '../../runtime/message-env.js';
import type { RouteContext } from '../../runtime/module.js';

/** Takes one value off its stack, wherever it stands there. */
export function dropAvp(ctx: RouteContext, key: string, avp: Avp): void {
  const at = allAvps(ctx.env, key).indexOf(avp);
  if (at >= 0) removeAvp(ctx.env, key, at);
}
