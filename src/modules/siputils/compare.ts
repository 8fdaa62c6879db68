/** Are two URIs, addresses of record or header names the same? */
import { fn, str } from '../../runtime/module.js';
import { HDR, headerId } from '../../sip/header-names.js';
import { parseUri, type SipUri, uriParam } from '../../sip/uri.js';
import { ownParams, paramsOf } from './support.js';

const SAME = 1;
const DIFFERENT = -1;
const UNREADABLE = -2;

/** A missing one of these differs from one that is there, where the other URI has no parameter at all. */
const TELLING = ['user', 'ttl', 'method', 'maddr'];

function tells(uri: SipUri): boolean {
  return TELLING.some((name) => uriParam(uri, name));
}

function sameParams(a: SipUri, b: SipUri): boolean {
  const [of, others] = [paramsOf(ownParams(a)), paramsOf(ownParams(b))];
  if (of.length === 0 && others.length === 0) return true;
  if ((of.length === 0 && tells(b)) || (others.length === 0 && tells(a))) return false;
  const lower = (text: string) => text.toLowerCase();
  return of.every((p) => others.every((o) => lower(o.name) !== lower(p.name) || lower(o.value) === lower(p.value)));
}

/** A parameter that only one of them has does not count; `5060` and no port differ (seen). */
export function sameUri(a: SipUri, b: SipUri): boolean {
  return (
    a.type === b.type &&
    (a.user ?? '') === (b.user ?? '') &&
    (a.password ?? '') === (b.password ?? '') &&
    a.portText === b.portText &&
    a.host.toLowerCase() === b.host.toLowerCase() &&
    sameParams(a, b)
  );
}

/** Two ports that are both written count as the same, whatever they are (seen). */
function samePort(a: SipUri, b: SipUri): boolean {
  if (a.portText === b.portText) return true;
  if (a.portText === '') return b.port === 5060;
  return b.portText !== '' || a.port === 5060;
}

/** User, host and port; scheme, password and parameters do not count. */
export function sameAor(a: SipUri, b: SipUri): boolean {
  return (a.user ?? '') === (b.user ?? '') && samePort(a, b) && a.host.toLowerCase() === b.host.toLowerCase();
}

function compare(same: (a: SipUri, b: SipUri) => boolean, first: string, second: string): number {
  const [a, b] = [parseUri(first), parseUri(second)];
  if (a === undefined || b === undefined) return UNREADABLE;
  return same(a, b) ? SAME : DIFFERENT;
}

const uris = [str('uri'), str('other')] as const;

export const COMPARE_FUNCTIONS = {
  cmp_uri: fn({
    doc: 'Are the URIs the same? Host and parameters ignore case; a parameter of one alone does not count. -2: no URI.',
    args: uris,
    run: (_ctx, _p, a, b) => compare(sameUri, a, b),
  }),
  cmp_aor: fn({
    doc: 'Have the URIs the same user, host and port? -2: no URI.',
    args: uris,
    run: (_ctx, _p, a, b) => compare(sameAor, a, b),
  }),
  cmp_hdr_name: fn({
    doc: 'Are the header names the same, compact ones and case not counting?',
    args: [str('name'), str('other')],
    run(_ctx, _p, first, second) {
      const [a, b] = [first, second].map((name) => name.trimEnd().replace(/:$/, '').trimEnd());
      if (a === '' || b === '') return UNREADABLE;
      const [x, y] = [headerId(a!), headerId(b!)];
      if (x !== HDR.OTHER || y !== HDR.OTHER) return x === y ? SAME : DIFFERENT;
      return a!.toLowerCase() === b!.toLowerCase() ? SAME : DIFFERENT;
    },
  }),
};
