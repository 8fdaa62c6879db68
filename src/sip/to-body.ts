/**
 * Values of From and To as Kamailio reads them (parse_addr_spec.c): stricter than the address lists. A To that does not
 * parse makes the message unreadable from there on.
 */
import { NameAddr } from './address.js';
import { isLws, skipLws } from './via.js';

export class ToBody {
  readonly text: string;
  readonly start: number;
  readonly displayEnd: number;
  readonly uriStart: number;
  readonly uriEnd: number;
  readonly bracketed: boolean;
  /** After the URI and, with brackets, the `>`; then where its parameters begin and end. */
  paramsStart: number;
  end: number;
  /** Text of the last tag parameter; undefined when there is none or it is empty. */
  tag: string | undefined = undefined;
  #address: NameAddr | undefined = undefined;

  constructor(
    text: string,
    start: number,
    displayEnd: number,
    uriStart: number,
    uriEnd: number,
    end: number,
    bracketed: boolean,
  ) {
    this.text = text;
    this.start = start;
    this.displayEnd = displayEnd;
    this.uriStart = uriStart;
    this.uriEnd = uriEnd;
    this.paramsStart = end;
    this.end = end;
    this.bracketed = bracketed;
  }

  get uri(): string {
    return this.text.slice(this.uriStart, this.uriEnd);
  }

  /** Made when it is first asked for: of most messages only the tag is. */
  get address(): NameAddr {
    this.#address ??= new NameAddr(this.text, {
      start: this.start,
      displayStart: this.start,
      displayEnd: this.displayEnd,
      uriStart: this.uriStart,
      uriEnd: this.uriEnd,
      paramsStart: this.paramsStart,
      end: this.end,
      bracketed: this.bracketed,
    });
    return this.#address;
  }
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

/** The value from `from` to `end`; undefined when it does not parse. */
export function parseToBody(text: string, from: number, end: number): ToBody | undefined {
  const start = skipLws(text, from, end);
  const body = start < end ? bodyAt(text, start, end) : undefined;
  if (body === undefined) return undefined;
  const semicolon = skipLws(text, body.end, end);
  if (semicolon >= end) return body;
  if (text.charCodeAt(semicolon) !== SEMICOLON) return undefined;
  const tag = tagOf(text, semicolon, end);
  if (tag === undefined) return undefined;
  let stop = end;
  while (stop > semicolon + 1 && isLws(text.charCodeAt(stop - 1))) stop--;
  body.paramsStart = semicolon + 1;
  body.end = stop;
  if (tag !== '') body.tag = tag;
  return body;
}

function bodyAt(text: string, start: number, end: number): ToBody | undefined {
  const first = text.charCodeAt(start);
  if (first === LT) return enclosed(text, start, start, start, end);
  if (first !== QUOTE) return tokenOrUri(text, start, end);
  let at = start + 1;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (c === QUOTE) break;
    if (c === CR || c === LF || c === NUL) return undefined;
    if (c === BACKSLASH) at++;
  }
  const open = skipLws(text, at + 1, end);
  return at < end && text.charCodeAt(open) === LT && open < end ? enclosed(text, start, at + 1, open, end) : undefined;
}

/** `<uri>` with blanks around the URI but none within. */
function enclosed(text: string, start: number, displayEnd: number, open: number, end: number): ToBody | undefined {
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
  return new ToBody(text, start, displayEnd, uriStart, uriEnd, at + 1, true);
}

function isBlank(c: number): boolean {
  return c === 32 || c === 9;
}

/** A display name of words before `<`, or a URI without brackets, which ends at a blank or `;`. */
function tokenOrUri(text: string, start: number, end: number): ToBody | undefined {
  let wordEnd = -1;
  let words = 0;
  for (let at = start; at < end; at++) {
    const c = text.charCodeAt(at);
    if (isLws(c)) {
      if (wordEnd < 0) wordEnd = at;
    } else if (c === LT) {
      return enclosed(text, start, wordEnd < 0 ? at : wordEnd, at, end);
    } else if (c === SEMICOLON) {
      if (words > 0 || at === start) return undefined;
      const uriEnd = wordEnd < 0 ? at : wordEnd;
      return new ToBody(text, start, start, start, uriEnd, uriEnd, false);
    } else if (c === GT || c === QUOTE || c === BACKSLASH || c === NUL) {
      return undefined;
    } else if (wordEnd >= 0) {
      words++;
      wordEnd = -1;
    }
  }
  if (words > 0) return undefined;
  const uriEnd = wordEnd < 0 ? end : wordEnd;
  return new ToBody(text, start, start, start, uriEnd, uriEnd, false);
}

/** Walks the parameters from the first `;` on; the text of the last tag, '' when there is none, undefined: invalid. */
function tagOf(text: string, from: number, end: number): string | undefined {
  let tag = '';
  let at = from;
  while (at < end) {
    const nameStart = skipLws(text, at + 1, end);
    const nameEnd = tokenEnd(text, nameStart, end);
    if (nameEnd === nameStart) return undefined;
    const isTag = nameEnd - nameStart === 3 && isTagName(text, nameStart);
    at = skipLws(text, nameEnd, end);
    let value = '';
    if (at < end && text.charCodeAt(at) === EQUALS) {
      const valueStart = skipLws(text, at + 1, end);
      const valueEnd = valueEndAt(text, valueStart, end, isTag);
      if (valueEnd < 0) return undefined;
      const quoted = valueEnd > valueStart && text.charCodeAt(valueStart) === QUOTE ? 1 : 0;
      if (isTag) value = text.slice(valueStart + quoted, valueEnd - quoted);
      at = skipLws(text, valueEnd, end);
    }
    if (isTag) tag = value;
    if (at < end && text.charCodeAt(at) !== SEMICOLON) return undefined;
  }
  return tag;
}

function isTagName(text: string, at: number): boolean {
  return text.startsWith('tag', at) || text.slice(at, at + 3).toLowerCase() === 'tag';
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
