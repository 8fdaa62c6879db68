/** NAPTR records that lead from a number to URIs. */
import type { NaptrAnswer } from '../../runtime/host.js';
import { cachedRegex } from '../../runtime/regex-cache.js';

/** In order of preference, first those of equal rank that came first. */
export function inOrder(records: readonly NaptrAnswer[]): NaptrAnswer[] {
  return [...records].sort((a, b) => rankOf(a) - rankOf(b));
}

const PREFERENCES = 0x10000;

export function rankOf({ order, preference }: NaptrAnswer): number {
  return order * PREFERENCES + preference;
}

/**
 * Is the record for the service? '': `e2u+sip`; `voice`: `e2u+voice:sip`; `+sip+video`: one that has any of these. A list
 * of services does not look at the flags (5.6.3).
 */
export function isFor(service: string, record: NaptrAnswer): boolean {
  const offered = record.service.toLowerCase();
  const wanted = service.toLowerCase();
  if (wanted[0] === '+') {
    if (!offered.startsWith('e2u+')) return false;
    const any = new Set(wanted.slice(1).split('+'));
    return offered
      .slice(4)
      .split('+')
      .some((s) => any.has(s));
  }
  if (record.flags.toLowerCase() !== 'u') return false;
  return wanted === '' ? offered === 'e2u+sip' || offered === 'sip+e2u' : offered === `e2u+${wanted}:sip`;
}

/** `!pattern!replacement!flags`: only this character separates, as in 5.6.3. */
export interface Rewrite {
  readonly pattern: string;
  readonly replacement: string;
}

export function parseRegexp(text: string): Rewrite | undefined {
  const m = /^!([^!]*)!([^!]*)!/.exec(text);
  return m === null ? undefined : { pattern: m[1]!, replacement: m[2]! };
}

const MAX_URI = 1024;
/** Groups that a pattern may have, and that a replacement may name, in 5.6.3. */
const MOST_GROUPS = 6;
const MAX_GROUP = 5;

/** The URI for a number; undefined: no match, a bad pattern, or a URI that is too long. */
export function rewrite(number: string, { pattern, replacement }: Rewrite): string | undefined {
  const regex = cachedRegex(pattern, { newline: true });
  const match = regex === undefined || regex.groupCount > MOST_GROUPS ? undefined : regex.exec(number);
  if (match === undefined) return undefined;
  let out = '';
  for (let at = 0; at < replacement.length; at++) {
    const c = replacement[at]!;
    if (c !== '\\') {
      out += c;
      continue;
    }
    const next = replacement[++at];
    if (next === undefined) return undefined;
    if (next < '0' || next > '9') {
      out += next;
      continue;
    }
    const group = Number(next) > MAX_GROUP ? undefined : match.groups[Number(next)];
    if (group === undefined || group[0] < 0) return undefined;
    out += number.slice(group[0], group[1]);
  }
  return out.length < MAX_URI ? out : undefined;
}
