/** The address of record of a URI (RFC 3261, 10.3). */
import type { Context } from '../../runtime/context.js';
import { parseUri, type SipUri } from '../../sip/uri.js';
import { usrlocOf } from '../usrloc/index.js';
import { registrarParams } from './params.js';
import type { ErrorName } from './reply.js';

const MAX_AOR = 256;
const MAX_USER = 64;
const MAX_HOST = 128;

export interface Aor {
  readonly aor: string;
  readonly uri: SipUri;
}

/** As usrloc keeps it; else why it is none. */
export function aorOf(ctx: Context, of: string | SipUri): Aor | { readonly error: ErrorName } {
  const uri = typeof of === 'string' ? parseUri(of) : of;
  if (uri === undefined) return { error: 'AOR_PARSE' };
  const rawUser = uri.user ?? '';
  if (rawUser.length + uri.host.length + 1 > MAX_AOR || rawUser.length > MAX_USER || uri.host.length > MAX_HOST)
    return { error: 'AOR_LEN' };
  const user = unescapeUser(rawUser);
  if (user === undefined) return { error: 'UNESCAPE' };
  const { case_sensitive, realm_prefix } = registrarParams(ctx.program);
  const spelled = case_sensitive === 0 ? user.toLowerCase() : user;
  if (usrlocOf(ctx.host).params.use_domain === 0) return { aor: spelled, uri };
  const prefixed = realm_prefix !== '' && uri.host.length > realm_prefix.length && uri.host.startsWith(realm_prefix);
  const host = (prefixed ? uri.host.slice(realm_prefix.length) : uri.host).toLowerCase();
  return { aor: user === '' ? host : `${spelled}@${host}`, uri };
}

/** Undoes %XX; undefined where what follows a % is no such code, or is not printable. */
export function unescapeUser(text: string): string | undefined {
  if (!text.includes('%')) return text;
  let bad = false;
  const out = text.replace(/%(.{0,2})/gs, (_, hex: string) => {
    const code = /^[0-9a-fA-F]{2}$/.test(hex) ? Number.parseInt(hex, 16) : -1;
    if (code < 32 || code > 126) bad = true;
    return String.fromCharCode(Math.max(code, 0));
  });
  return bad ? undefined : out;
}
