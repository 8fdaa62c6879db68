/** Name and address values (From, To, Contact, Route …): RFC 3261, 25.1 name-addr and addr-spec, as Kamailio reads them. */
import { itemEnd, parseParams } from './uri.js';
import { isLws, skipLws } from './via.js';

/** One value. Offsets are those of the text it was read from. */
export class NameAddr {
  readonly text: string;
  /** Of the display name with its quotes, blanks around it left out; equal when there is none. */
  readonly displayStart: number;
  readonly displayEnd: number;
  readonly uriStart: number;
  readonly uriEnd: number;
  /** After the first `;`; equal to `end` when there are no parameters. */
  readonly paramsStart: number;
  /** After the last parameter, blanks left out. */
  readonly end: number;
  /** Begins with the display name, `<` or the URI. */
  readonly start: number;
  readonly bracketed: boolean;
  #params: [string, string | undefined][] | undefined;

  constructor(text: string, at: Span) {
    this.text = text;
    this.start = at.start;
    this.displayStart = at.displayStart;
    this.displayEnd = at.displayEnd;
    this.uriStart = at.uriStart;
    this.uriEnd = at.uriEnd;
    this.paramsStart = at.paramsStart;
    this.end = at.end;
    this.bracketed = at.bracketed;
  }

  /** Raw, quotes kept; '' when there is none. */
  get display(): string {
    return this.text.slice(this.displayStart, this.displayEnd);
  }

  get uri(): string {
    return this.text.slice(this.uriStart, this.uriEnd);
  }

  /** Raw text after the first `;` without it; '' when there is none. */
  get params(): string {
    return this.text.slice(this.paramsStart, this.end);
  }

  /** Value without quotes; names ignore case; '' when there is no value, undefined when it is not there. */
  param(name: string): string | undefined {
    if (this.paramsStart >= this.end) return undefined;
    this.#params ??= parseParams(this.params);
    const lower = name.toLowerCase();
    for (const [n, v] of this.#params)
      if (n.length === lower.length && n.toLowerCase() === lower) return unquote(v ?? '');
    return undefined;
  }
}

interface Span {
  start: number;
  displayStart: number;
  displayEnd: number;
  uriStart: number;
  uriEnd: number;
  paramsStart: number;
  end: number;
  bracketed: boolean;
}

export function unquote(text: string): string {
  return text.length >= 2 && text[0] === '"' && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** One value that is the whole text; undefined when it does not parse. */
export function nameAddr(text: string): NameAddr | undefined {
  return scanAddress(text, 0, text.length, false)?.address;
}

export interface AddressScan {
  readonly address: NameAddr;
  /** Offset after the comma, or -1 when this was the last value. */
  readonly next: number;
}

/** Reads one value at `from`; with `list` a comma ends it, else the parameters run to `end`. */
export function scanAddress(text: string, from: number, end: number, list: boolean): AddressScan | undefined {
  const start = skipLws(text, from, end);
  if (start >= end) return undefined;
  const open = openingBracket(text, start, end);
  if (open < -1) return undefined;
  return open >= 0 ? bracketedAt(text, start, open, end, list) : bareAt(text, start, end, list);
}

/** All values of one line; undefined when one does not parse. */
export function scanAddresses(text: string, from: number, end: number): NameAddr[] | undefined {
  const out: NameAddr[] = [];
  let at = from;
  while (at >= 0) {
    const one = scanAddress(text, at, end, true);
    if (one === undefined) return undefined;
    out.push(one.address);
    at = one.next;
  }
  return out;
}

/** Offset of the `<` of a name-addr; -1: an addr-spec; -2: an open quote or a quoted name without `<`. */
function openingBracket(text: string, start: number, end: number): number {
  let at = start;
  if (text[at] === '"') {
    at++;
    while (at < end && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    if (at >= end) return -2;
    at = skipLws(text, at + 1, end);
    return at < end && text[at] === '<' ? at : -2;
  }
  for (; at < end; at++) {
    const c = text[at];
    if (c === '<') return at;
    if (c === ';' || c === ',' || c === '"') return -1;
  }
  return -1;
}

function bracketedAt(text: string, start: number, open: number, end: number, list: boolean): AddressScan | undefined {
  const close = text.indexOf('>', open);
  if (close < 0 || close >= end) return undefined;
  const displayEnd = trimEnd(text, start, open);
  const uriStart = skipLws(text, open + 1, close);
  const uriEnd = trimEnd(text, uriStart, close);
  return tail(text, close + 1, end, list, {
    start,
    displayStart: start,
    displayEnd,
    uriStart,
    uriEnd,
    paramsStart: close + 1,
    end: close + 1,
    bracketed: true,
  });
}

function bareAt(text: string, start: number, end: number, list: boolean): AddressScan | undefined {
  let at = start;
  while (at < end) {
    const c = text.charCodeAt(at);
    if (isLws(c) || c === 59 || (list && c === 44)) break;
    at++;
  }
  if (at === start) return undefined;
  return tail(text, at, end, list, {
    start,
    displayStart: start,
    displayEnd: start,
    uriStart: start,
    uriEnd: at,
    paramsStart: at,
    end: at,
    bracketed: false,
  });
}

/** Parameters, then a comma or the end. */
function tail(text: string, from: number, end: number, list: boolean, span: Span): AddressScan | undefined {
  let at = skipLws(text, from, end);
  if (at < end && text[at] === ';') {
    const stop = list ? Math.min(itemEnd(text, at, ','), end) : end;
    span.paramsStart = at + 1;
    span.end = Math.max(trimEnd(text, at + 1, stop), at + 1);
    at = stop;
  }
  const address = new NameAddr(text, span);
  if (at >= end) return { address, next: -1 };
  if (!list || text[at] !== ',') return undefined;
  return { address, next: skipLws(text, at + 1, end) >= end ? -1 : at + 1 };
}

function trimEnd(text: string, from: number, end: number): number {
  while (end > from && isLws(text.charCodeAt(end - 1))) end--;
  return end;
}

/** URI of the first value of a list of addresses: where a Path leads first. */
export function firstAddress(list: string): string | undefined {
  const open = list.indexOf('<');
  const close = list.indexOf('>', open);
  if (open >= 0 && close > open) return nameAddr(list.slice(0, close + 1))?.uri;
  return nameAddr(list.split(',')[0] ?? '')?.uri;
}
