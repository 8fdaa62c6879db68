/**
 * Values of From and To as Kamailio reads them (parse_addr_spec.c): stricter than the address lists. A To that does not
 * parse makes the message unreadable from there on.
 */
import { NameAddr } from './address.js';
import { isLws, skipLws } from './via.js';

export interface ToBody {
  readonly address: NameAddr;
  /** Text of the last tag parameter; undefined when there is none or it is empty. */
  readonly tag: string | undefined;
}

const LT = 60;
const GT = 62;
const QUOTE = 34;
const BACKSLASH = 92;
const SEMICOLON = 59;
const COMMA = 44;
const EQUALS = 61;
const CR = 13;
const LF = 10;
const NUL = 0;

interface Body {
  displayEnd: number;
  uriStart: number;
  uriEnd: number;
  /** After the URI and, with brackets, the `>`. */
  end: number;
  bracketed: boolean;
}

/** The value from `from` to `end`; undefined when it does not parse. */
export function parseToBody(text: string, from: number, end: number): ToBody | undefined {
  const start = skipLws(text, from, end);
  const body = start < end ? bodyAt(text, start, end) : undefined;
  if (body === undefined) return undefined;
  const semicolon = skipLws(text, body.end, end);
  if (semicolon >= end) return { address: address(text, start, body, body.end, body.end), tag: undefined };
  if (text.charCodeAt(semicolon) !== SEMICOLON) return undefined;
  const tag = tagOf(text, semicolon, end);
  if (tag === INVALID) return undefined;
  let stop = end;
  while (stop > semicolon + 1 && isLws(text.charCodeAt(stop - 1))) stop--;
  return { address: address(text, start, body, semicolon + 1, stop), tag: tag === '' ? undefined : tag };
}

function address(text: string, start: number, body: Body, paramsStart: number, end: number): NameAddr {
  const { displayEnd, uriStart, uriEnd, bracketed } = body;
  return new NameAddr(text, {
    start,
    displayStart: start,
    displayEnd,
    uriStart,
    uriEnd,
    paramsStart,
    end,
    bracketed,
  });
}

function bodyAt(text: string, start: number, end: number): Body | undefined {
  const first = text.charCodeAt(start);
  if (first === LT) return enclosed(text, start, start, end);
  if (first !== QUOTE) return tokenOrUri(text, start, end);
  let at = start + 1;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (c === QUOTE) break;
    if (c === CR || c === LF || c === NUL) return undefined;
    if (c === BACKSLASH) at++;
  }
  const open = skipLws(text, at + 1, end);
  return at < end && text.charCodeAt(open) === LT && open < end ? enclosed(text, at + 1, open, end) : undefined;
}

/** `<uri>` with blanks around the URI but none within. */
function enclosed(text: string, displayEnd: number, open: number, end: number): Body | undefined {
  let at = open + 1;
  while (at < end && isBlank(text.charCodeAt(at))) at++;
  const uriStart = at;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (c === GT || isBlank(c)) break;
    if (c === LT || c === QUOTE || c === BACKSLASH || c === CR || c === LF || c === NUL) return undefined;
    if (at === uriStart && c === SEMICOLON) return undefined;
  }
  const uriEnd = at;
  while (at < end && isBlank(text.charCodeAt(at))) at++;
  if (uriEnd === uriStart || at >= end || text.charCodeAt(at) !== GT) return undefined;
  return { displayEnd, uriStart, uriEnd, end: at + 1, bracketed: true };
}

function isBlank(c: number): boolean {
  return c === 32 || c === 9;
}

/** A display name of words before `<`, or a URI without brackets, which ends at a blank or `;`. */
function tokenOrUri(text: string, start: number, end: number): Body | undefined {
  let wordEnd = -1;
  let words = 0;
  for (let at = start; at < end; at++) {
    const c = text.charCodeAt(at);
    if (isLws(c)) {
      if (wordEnd < 0) wordEnd = at;
    } else if (c === LT) {
      return enclosed(text, wordEnd < 0 ? at : wordEnd, at, end);
    } else if (c === SEMICOLON) {
      if (words > 0 || at === start) return undefined;
      const uriEnd = wordEnd < 0 ? at : wordEnd;
      return { displayEnd: start, uriStart: start, uriEnd, end: uriEnd, bracketed: false };
    } else if (c === GT || c === QUOTE || c === BACKSLASH || c === NUL) {
      return undefined;
    } else if (wordEnd >= 0) {
      words++;
      wordEnd = -1;
    }
  }
  if (words > 0) return undefined;
  const uriEnd = wordEnd < 0 ? end : wordEnd;
  return { displayEnd: start, uriStart: start, uriEnd, end: uriEnd, bracketed: false };
}

const INVALID = Symbol('invalid parameters');

/** Walks the parameters from the first `;` on; the text of the last tag, '' when there is none. */
function tagOf(text: string, from: number, end: number): string | typeof INVALID {
  let tag = '';
  let at = from;
  while (at < end) {
    const nameStart = skipLws(text, at + 1, end);
    const nameEnd = tokenEnd(text, nameStart, end);
    if (nameEnd === nameStart) return INVALID;
    const isTag = nameEnd - nameStart === 3 && text.slice(nameStart, nameEnd).toLowerCase() === 'tag';
    at = skipLws(text, nameEnd, end);
    let value = '';
    if (at < end && text.charCodeAt(at) === EQUALS) {
      const valueStart = skipLws(text, at + 1, end);
      const valueEnd = valueEndAt(text, valueStart, end, isTag);
      if (valueEnd < 0) return INVALID;
      const quoted = valueEnd > valueStart && text.charCodeAt(valueStart) === QUOTE ? 1 : 0;
      if (isTag) value = text.slice(valueStart + quoted, valueEnd - quoted);
      at = skipLws(text, valueEnd, end);
    }
    if (isTag) tag = value;
    if (at < end && text.charCodeAt(at) !== SEMICOLON) return INVALID;
  }
  return tag;
}

function tokenEnd(text: string, from: number, end: number): number {
  let at = from;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (isLws(c) || c === SEMICOLON || c === EQUALS || c === QUOTE || c === BACKSLASH || c === COMMA || c === NUL)
      break;
  }
  return at;
}

/** End of a value; -1 when it does not parse. A comma is let through in a tag, as some clients write one there. */
function valueEndAt(text: string, from: number, end: number, isTag: boolean): number {
  if (from >= end) return from;
  if (text.charCodeAt(from) === QUOTE) {
    for (let at = from + 1; at < end; at++) {
      const c = text.charCodeAt(at);
      if (c === QUOTE) return at + 1;
      if (c === BACKSLASH || c === CR || c === LF || c === NUL) return -1;
    }
    return -1;
  }
  let at = from;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (isLws(c) || c === SEMICOLON) break;
    if (c === EQUALS || c === QUOTE || c === BACKSLASH || c === NUL || (c === COMMA && !isTag)) return -1;
  }
  return at;
}
