/** Identity headers: P-Asserted-Identity, P-Preferred-Identity, Remote-Party-ID, Diversion, Refer-To. */
import { type NameAddr, scanAddresses } from '../../sip/address.js';
import { nameAddr, unquote } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import { parseParams, parseUri } from '../../sip/uri.js';
import { type BindResult, type PvAccessor, type PvDefinition, type PvUse, pv, pvWith } from '../module.js';
import type { Value } from '../values.js';
import { uriHost, uriUser } from './request-uri.js';
import { type Get, indexReader, logError, orNull } from './support.js';

/** Addresses over all lines of one kind; a first line that does not parse hides them all. */
function addresses(msg: SipMessage, id: number): readonly NameAddr[] {
  const key = `pvIdentities${id}`;
  const cached = msg.parsed[key];
  if (Array.isArray(cached)) return cached;
  const out: NameAddr[] = [];
  for (const h of msg.headers) {
    if (h.id !== id) continue;
    const line = scanAddresses(msg.text, h.valueStart, h.valueEnd);
    if (line === undefined) break;
    out.push(...line);
  }
  msg.parsed[key] = out;
  return out;
}

/** One address by index; a negative index is the first, as in 5.6.3. */
function indexed(id: number, read: (address: NameAddr) => Value) {
  return (use: PvUse): BindResult<PvAccessor> => {
    const index = indexReader(use.index);
    return {
      ok: {
        get: (ctx) => {
          const i = index(ctx);
          if (i === undefined) return undefined;
          if (i === '*') {
            logError(ctx, "Unable to return 'all' values");
            return undefined;
          }
          const address = addresses(ctx.msg, id)[Math.max(i, 0)];
          return address === undefined ? null : read(address);
        },
      },
    };
  };
}

function list(doc: string, id: number, read: (address: NameAddr) => Value): PvDefinition {
  return pvWith({ doc, key: 'none', index: true, bind: indexed(id, read) });
}

function ofUri(read: typeof uriUser): (address: NameAddr) => Value {
  return (address) => {
    const uri = parseUri(address.uri);
    return uri === undefined ? null : read(uri);
  };
}

/** The one address of a header. */
function single(id: number, read: (address: NameAddr) => Value): Get {
  return ({ msg }) => {
    const text = msg.firstValue(id);
    const address = text === undefined ? undefined : nameAddr(text);
    return address === undefined ? null : read(address);
  };
}

/** Names of its parameters count to the letter, unlike others (case pv/identity-forms). */
const param = (name: string) =>
  single(HDR.DIVERSION, (a) => {
    const found = parseParams(a.params).find(([n]) => n === name);
    return found === undefined ? null : unquote(found[1] ?? '');
  });

export const IDENTITIES: Readonly<Record<string, PvDefinition>> = {
  ai: list('URI of P-Asserted-Identity.', HDR.PAI, (a) => a.uri),
  pu: list('URI of P-Preferred-Identity.', HDR.PPI, (a) => a.uri),
  pU: list('User of P-Preferred-Identity.', HDR.PPI, ofUri(uriUser)),
  pd: list('Host of P-Preferred-Identity.', HDR.PPI, ofUri(uriHost)),
  pn: list('Display name of P-Preferred-Identity; null without one.', HDR.PPI, (a) => orNull(a.display)),
  re: pv(
    'URI of Remote-Party-ID.',
    single(HDR.RPID, (a) => a.uri),
  ),
  di: pv(
    'URI of Diversion.',
    single(HDR.DIVERSION, (a) => a.uri),
  ),
  dir: pv('Reason in Diversion.', param('reason')),
  dip: pv('Privacy in Diversion.', param('privacy')),
  dic: pv('Counter in Diversion.', param('counter')),
  rt: pv(
    'URI of Refer-To.',
    single(HDR.REFERTO, (a) => a.uri),
  ),
};
