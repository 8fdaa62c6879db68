/** Via values (RFC 3261, 20.42), read where they stand in the message, as Kamailio reads them: only SIP/2.0 parses. */

import type { Header } from './message.js';

export interface Via {
  readonly header: Header;
  /** Offsets in the text: from the `S` of SIP to after the last parameter, trailing blanks and comma left out. */
  readonly start: number;
  readonly end: number;
  /** As written: `UDP`. */
  readonly transport: string;
  /** sent-by host as written, IPv6 with brackets. */
  readonly host: string;
  /** 0: none. */
  readonly port: number;
  /** Offset after sent-by: where parameters begin. */
  readonly hostEnd: number;
  /** Raw text after the first `;` without it; '' when there is none. */
  readonly params: string;
  readonly branch: string | undefined;
  readonly received: string | undefined;
  /** '' when it is there without a value. */
  readonly rport: string | undefined;
  /** Offsets of the whole rport parameter from its `;` on, -1 when there is none. */
  readonly rportStart: number;
  readonly rportEnd: number;
  readonly i: string | undefined;
  readonly maddr: string | undefined;
  readonly ttl: string | undefined;
  /** Has the parameter `alias` (RFC 5923). */
  readonly alias: boolean;
}

/** One value and where the next begins: -1 when it was the last. */
interface ViaScan {
  readonly via: Via;
  readonly next: number;
}

const SP = 32;
const TAB = 9;
const CR = 13;
const LF = 10;
const SLASH = 47;
const COLON = 58;
const SEMICOLON = 59;
const COMMA = 44;
const EQUALS = 61;
const QUOTE = 34;
const OPEN_PAREN = 40;
const BACKSLASH = 92;

export function isLws(c: number): boolean {
  return c === SP || c === TAB || c === CR || c === LF;
}

export function skipLws(text: string, at: number, end: number): number {
  while (at < end && isLws(text.charCodeAt(at))) at++;
  return at;
}

/** All values of one Via line; undefined when one of them does not parse. */
export function scanVias(text: string, header: Header): Via[] | undefined {
  const out: Via[] = [];
  let at = header.valueStart;
  while (at >= 0) {
    const one = scanVia(text, header, at);
    if (one === undefined) return undefined;
    out.push(one.via);
    at = one.next;
  }
  return out;
}

function scanVia(text: string, header: Header, from: number): ViaScan | undefined {
  const end = header.valueEnd;
  const start = skipLws(text, from, end);
  const transportStart = protocolEnd(text, start, end);
  if (transportStart < 0) return undefined;
  let at = transportStart;
  while (at < end && !isLws(text.charCodeAt(at))) at++;
  const transport = text.slice(transportStart, at);
  const hostStart = skipLws(text, at, end);
  if (transport === '' || hostStart === at) return undefined;
  const hostEnd = sentByHostEnd(text, hostStart, end);
  if (hostEnd <= hostStart) return undefined;
  const host = text.slice(hostStart, hostEnd);
  let last = hostEnd;
  let port = 0;
  at = skipLws(text, hostEnd, end);
  if (text.charCodeAt(at) === COLON && at < end) {
    const digits = skipLws(text, at + 1, end);
    last = digits;
    while (last < end && isDigit(text.charCodeAt(last))) last++;
    port = Number(text.slice(digits, last));
    if (last === digits || port > 65535) return undefined;
    at = skipLws(text, last, end);
  }
  return scanParams(text, at, end, { header, start, transport, host, port, hostEnd: last });
}

type Head = Pick<Via, 'header' | 'start' | 'transport' | 'host' | 'port' | 'hostEnd'>;

/** Offset of the transport after `SIP/2.0/`, or -1. */
function protocolEnd(text: string, start: number, end: number): number {
  if (text.startsWith('SIP/2.0/', start)) return skipLws(text, start + 8, end);
  if (text.slice(start, start + 3).toUpperCase() !== 'SIP') return -1;
  let at = skipLws(text, start + 3, end);
  if (text.charCodeAt(at) !== SLASH) return -1;
  at = skipLws(text, at + 1, end);
  if (!text.startsWith('2.0', at)) return -1;
  at = skipLws(text, at + 3, end);
  return text.charCodeAt(at) === SLASH && at < end ? skipLws(text, at + 1, end) : -1;
}

function sentByHostEnd(text: string, start: number, end: number): number {
  if (text[start] === '[') {
    const close = text.indexOf(']', start);
    return close < 0 || close >= end ? -1 : close + 1;
  }
  let at = start;
  while (at < end) {
    const c = text.charCodeAt(at);
    if (isLws(c) || c === COLON || c === SEMICOLON || c === COMMA || c === OPEN_PAREN) break;
    at++;
  }
  return at;
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

function scanParams(text: string, from: number, end: number, head: Head): ViaScan | undefined {
  let at = from;
  let last = head.hostEnd;
  const paramsStart = at + 1;
  let branch: string | undefined;
  let received: string | undefined;
  let rport: string | undefined;
  let rportStart = -1;
  let rportEnd = -1;
  let i: string | undefined;
  let maddr: string | undefined;
  let ttl: string | undefined;
  let alias = false;
  while (at < end && text.charCodeAt(at) === SEMICOLON) {
    const nameStart = skipLws(text, at + 1, end);
    const nameEnd = tokenEnd(text, nameStart, end);
    if (nameEnd === nameStart) {
      // nothing between two `;`, or after the last one
      at = nameStart;
      if (at < end && text.charCodeAt(at) !== SEMICOLON && text.charCodeAt(at) !== COMMA) return undefined;
      continue;
    }
    let valueStart = nameEnd;
    let valueEnd = nameEnd;
    let next = skipLws(text, nameEnd, end);
    if (next < end && text.charCodeAt(next) === EQUALS) {
      valueStart = skipLws(text, next + 1, end);
      valueEnd = valueEndAt(text, valueStart, end);
      if (valueEnd < 0) return undefined;
      next = skipLws(text, valueEnd, end);
    }
    last = valueEnd;
    switch (text.slice(nameStart, nameEnd).toLowerCase()) {
      case 'branch':
        branch = text.slice(valueStart, valueEnd);
        break;
      case 'received':
        received = text.slice(valueStart, valueEnd);
        break;
      case 'rport':
        rport = text.slice(valueStart, valueEnd);
        rportStart = at;
        rportEnd = valueEnd;
        break;
      case 'i':
        i = text.slice(valueStart, valueEnd);
        break;
      case 'maddr':
        maddr = text.slice(valueStart, valueEnd);
        break;
      case 'ttl':
        ttl = text.slice(valueStart, valueEnd);
        break;
      case 'alias':
        alias = true;
        break;
    }
    at = next;
  }
  at = skipComment(text, at, end);
  if (at < end && text.charCodeAt(at) !== COMMA) return undefined;
  const params = last > head.hostEnd ? text.slice(paramsStart, last) : '';
  const via: Via = {
    ...head,
    end: last,
    params,
    branch,
    received,
    rport,
    rportStart,
    rportEnd,
    i,
    maddr,
    ttl,
    alias,
  };
  if (at >= end) return { via, next: -1 };
  // a comma at the very end has nothing behind it
  return { via, next: skipLws(text, at + 1, end) >= end ? -1 : at + 1 };
}

function tokenEnd(text: string, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const c = text.charCodeAt(at);
    if (isLws(c) || c === SEMICOLON || c === COMMA || c === EQUALS || c === QUOTE || c === OPEN_PAREN) break;
    at++;
  }
  return at;
}

/** End of a token or quoted string; -1 for an open quote or an empty value. */
function valueEndAt(text: string, from: number, end: number): number {
  if (text.charCodeAt(from) !== QUOTE || from >= end) {
    let at = from;
    while (at < end) {
      const c = text.charCodeAt(at);
      if (isLws(c) || c === SEMICOLON || c === COMMA) break;
      at++;
    }
    return at === from ? -1 : at;
  }
  for (let at = from + 1; at < end; at++) {
    const c = text.charCodeAt(at);
    if (c === BACKSLASH) at++;
    else if (c === QUOTE) return at + 1;
  }
  return -1;
}

/** Offset after `( … )` comments and blanks. */
function skipComment(text: string, from: number, end: number): number {
  let at = skipLws(text, from, end);
  if (at >= end || text.charCodeAt(at) !== OPEN_PAREN) return at;
  let depth = 0;
  for (; at < end; at++) {
    const c = text[at];
    if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return skipLws(text, at + 1, end);
  }
  return at;
}
