/** Remote-Party-ID out of an AVP. */
import type { Context } from '../../runtime/context.js';
import { avpKey, firstAvp } from '../../runtime/message-env.js';
import { fn, forms } from '../../runtime/module.js';
import { nameAddr } from '../../sip/header.js';
import { parseUri } from '../../sip/uri.js';
import { isE164 } from './numbers.js';
import { plain, refused } from './support.js';

export interface Params {
  readonly rpid_prefix: string;
  readonly rpid_suffix: string;
  readonly rpid_avp: string;
}

/** The AVP's key of `$avp(s:rpid)`; undefined when the text is none. */
export function rpidKey(text: string): string | undefined {
  const m = /^\$(?:avp\(([^()]+)\)|\(avp\(([^()]+)\)\))$/.exec(text.trim());
  return m === null ? undefined : avpKey(m[1] ?? m[2]!);
}

/** Text of the AVP; undefined when it is not set, empty or a number. */
function rpidOf(ctx: Context, { rpid_avp }: Params): string | undefined {
  const key = rpidKey(rpid_avp);
  const value = key === undefined ? undefined : firstAvp(ctx.env, key)?.value;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function append(ctx: Context, params: Params, prefix: string, suffix: string): number {
  const rpid = rpidOf(ctx, params);
  if (rpid === undefined) return -1;
  const { msg } = ctx;
  msg.edits.insert(msg.headersEnd, `Remote-Party-ID: ${prefix}${rpid}${suffix}\r\n`);
  return 1;
}

function hasE164User(ctx: Context, params: Params): number {
  const rpid = rpidOf(ctx, params);
  if (rpid === undefined) return -1;
  const address = rpid.includes('<') ? nameAddr(rpid)?.uri : rpid;
  const uri = address === undefined ? undefined : parseUri(address);
  if (uri === undefined) return refused(ctx, 'failed to parse RPID URI');
  return isE164(uri.user ?? '') ? 1 : -1;
}

const ROUTES = ['request', 'branch', 'failure'] as const;

export const RPID_FUNCTIONS = {
  append_rpid_hf: forms(
    fn({
      doc: 'Adds Remote-Party-ID with the value of `rpid_avp` between `rpid_prefix` and `rpid_suffix`.',
      args: [],
      routes: ROUTES,
      run: (ctx, p: Params) => append(ctx, p, p.rpid_prefix, p.rpid_suffix),
    }),
    fn({
      doc: 'Adds Remote-Party-ID with the value of `rpid_avp` between the two texts.',
      args: [plain('prefix'), plain('suffix')],
      routes: ROUTES,
      run: (ctx, p: Params, prefix, suffix) => append(ctx, p, prefix, suffix),
    }),
  ),
  is_rpid_user_e164: fn({
    doc: 'Is the user of the URI in `rpid_avp` a plus and 2 to 15 digits?',
    args: [],
    routes: ['request'],
    run: (ctx, p: Params) => hasE164User(ctx, p),
  }),
};
