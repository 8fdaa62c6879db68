/** The AVP that gets the tag of what matched. */
import type { Context } from '../../runtime/context.js';
import { avpKey } from '../../runtime/message-env.js';
import { permissionsParams } from './params.js';

export function tagKey(ctx: Context): string | undefined {
  const spec = permissionsParams(ctx.program).peer_tag_avp;
  const name = spec === null ? undefined : /^\$avp\((.+)\)$/.exec(spec)?.[1];
  return name === undefined ? undefined : avpKey(name);
}
