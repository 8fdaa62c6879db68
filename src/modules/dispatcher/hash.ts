/** What the algorithms 0 to 3, 5 and 7 hash. */
import type { Context } from '../../runtime/context.js';
import { hashSum } from '../../runtime/corehash.js';
import { LEVEL } from '../../runtime/host.js';
import { parseDigest } from '../../sip/digest.js';
import { callIdOf, fromOf, toOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import { parseUri } from '../../sip/uri.js';
import { boundParams, dispatcherParams, FLAG } from './params.js';

const SIP_PORT = 5060;
const SIPS_PORT = 5061;

/** Never 0. */
export function hashOf(first: string, second = ''): number {
  return hashSum(first, second) || 1;
}

/** User, host and port of a URI; with flag 1 the user alone. The port that goes without saying is left out. */
function uriHash(ctx: Context, text: string | undefined): number | undefined {
  const uri = text === undefined ? undefined : parseUri(text);
  if (uri === undefined) return undefined;
  const user = uri.user ?? '';
  if ((dispatcherParams(ctx.program).flags & FLAG.USER_ONLY) !== 0) return hashOf(user);
  const usual = uri.type === 'sips' ? SIPS_PORT : SIP_PORT;
  return hashOf(user, uri.portText === '' || uri.port === usual ? uri.host : `${uri.host}:${uri.portText}`);
}

/** User of the credentials, Proxy-Authorization first; undefined where there is none. */
export function authUserHash({ msg }: Context): number | undefined {
  for (const id of [HDR.PROXYAUTH, HDR.AUTHORIZATION]) {
    const header = msg.first(id);
    const digest = header === undefined ? undefined : parseDigest(msg.value(header));
    if (digest === undefined) continue;
    const name = (digest.params.get('username') ?? '').replace(/@.*$/s, '').trim();
    return name === '' ? undefined : hashOf(name);
  }
  return undefined;
}

function variableHash(ctx: Context): number | undefined {
  const { hash } = boundParams(ctx.program);
  const text = hash?.get(ctx).trim() ?? '';
  if (text !== '') return hashOf(text);
  ctx.host.log.write(LEVEL.ERR, 'dispatcher', 'hash_pvar is not set, or empty');
  return undefined;
}

/** By number of algorithm; undefined: what it hashes is not there. */
export const HASHES: Readonly<Record<number, (ctx: Context) => number | undefined>> = {
  0(ctx) {
    const id = callIdOf(ctx.msg);
    return id === undefined ? undefined : hashOf(id);
  },
  1: (ctx) => uriHash(ctx, fromOf(ctx.msg)?.uri),
  2: (ctx) => uriHash(ctx, toOf(ctx.msg)?.uri),
  3: (ctx) => uriHash(ctx, ctx.msg.uri),
  7: variableHash,
};
