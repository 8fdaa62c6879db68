/** Header lines: found, added, removed. What is added needs its own CRLF; the script's author writes it. */
import type { Regex } from '../../runtime/regex.js';
import { type Header, headerMatcher, type SipMessage } from '../../sip/message.js';
import { removeHeader } from './body.js';

export type HeaderTest = (h: Header) => boolean;

/** Removes every header that `test` picks; false when there is none. Removing twice is true twice: the text keeps them. */
export function removeHeaders(msg: SipMessage, test: HeaderTest): boolean {
  let found = false;
  for (const h of msg.headers) {
    if (!test(h)) continue;
    removeHeader(msg, h);
    found = true;
  }
  return found;
}

export function hasHeader(msg: SipMessage, test: HeaderTest): boolean {
  return msg.headers.some(test);
}

/** A test for header names by regular expression. */
export const nameLike =
  (re: Regex): HeaderTest =>
  (h) =>
    re.test(h.name);

/** Adds behind the last header, or behind the last one that `after` picks. */
export function appendHeader(msg: SipMessage, text: string, after?: HeaderTest): boolean {
  if (text === '' || msg.headers.length === 0) return false;
  const anchor = after === undefined ? undefined : msg.headers.findLast(after);
  msg.edits.insert(anchor === undefined ? msg.headersEnd : anchor.end, text);
  return true;
}

/** Adds before the first header, or before the first one that `before` picks. */
export function insertHeader(msg: SipMessage, text: string, before?: HeaderTest): boolean {
  const first = msg.headers[0];
  if (text === '' || first === undefined) return false;
  const anchor = before === undefined ? undefined : msg.headers.find(before);
  msg.edits.insert((anchor ?? first).start, text);
  return true;
}

/**
 * Removes header number `index` of a name: from 0, negative from the end. 1 removed, 2 there is none of that number
 * (a negative number outside is 1, as in 5.6.3).
 */
export function removeHeaderAt(msg: SipMessage, name: string, index: number): number {
  const all = msg.headers.filter(headerMatcher(name));
  const picked = index >= 0 ? all[index] : all[all.length + index];
  if (picked !== undefined) removeHeader(msg, picked);
  return picked === undefined && index >= 0 ? 2 : 1;
}

/** Removes headers of a name by their value: `eq`, `ne`, `in` (contains). -2: none was removed. */
export function removeHeadersByValue(msg: SipMessage, name: string, test: (value: string) => boolean): number {
  const named = headerMatcher(name);
  return removeHeaders(msg, (h) => named(h) && test(msg.value(h).trimEnd())) ? 1 : -2;
}

/** Do the headers that `named` picks match: all one of them (`a`), the first (`f`), the last (`l`)? */
export function searchHeaders(msg: SipMessage, named: HeaderTest, re: Regex, mode: string): boolean {
  const all = msg.headers.filter(named);
  const picked = mode[0] === 'f' ? all.slice(0, 1) : mode[0] === 'l' ? all.slice(-1) : all;
  return picked.some((h) => re.test(msg.value(h)));
}
