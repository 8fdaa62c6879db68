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
  /** Offset after sent-by. */
  readonly hostEnd: number;
  /** Offset of the first `;`, or after sent-by when there are no parameters. */
  readonly paramsAt: number;
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
const CLOSE_PAREN = 41;
const CLOSE_BRACKET = 93;

export function isLws(c: number): boolean {
  return c === SP || c === TAB || c === CR || c === LF;
}

/** Offset after blanks and folds; a CR without LF is none. */
export function skipLws(text: string, at: number, end: number): number {
  while (at < end) {
    const c = text.charCodeAt(at);
    if (c !== SP && c !== TAB && c !== LF && (c !== CR || text.charCodeAt(at + 1) !== LF)) break;
    at++;
  }
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
  if (transport === '' || hostStart === at || ODD_TRANSPORT.test(transport)) return undefined;
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
    if (last === digits || last - digits > 5 || (last < end && text.charCodeAt(last) === OPEN_PAREN)) return undefined;
    // what does not fit wraps, as in Kamailio
    port = Number(text.slice(digits, last)) % 65536;
    at = skipLws(text, last, end);
  }
  return scanParams(text, at, end, { header, start, transport, host, port, hostEnd: last });
}

/** What Kamailio's reader does not take for a transport, a new name though it may be. */
const ODD_TRANSPORT = /^[ipdcl02.]|[/]/i;

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
    for (let i = start + 1; i < end; i++) {
      const c = text.charCodeAt(i);
      if (c === CLOSE_BRACKET) return i + 1;
      if (isLws(c) || c === COMMA || c === SEMICOLON) return -1;
    }
    return -1;
  }
  let at = start;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (isLws(c) || c === COLON || c === SEMICOLON || c === COMMA) break;
    if (c === OPEN_PAREN || c === CLOSE_PAREN || c === CLOSE_BRACKET || c === 0) return -1;
  }
  return at;
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/** A parameter as it is read. */
interface Param {
  readonly name: string;
  readonly value: string | undefined;
  /** Offset after it and the blanks behind it. */
  readonly next: number;
  /** After its last character. */
  readonly last: number;
}

function scanParams(text: string, from: number, end: number, head: Head): ViaScan | undefined {
  let at = from;
  let last = head.hostEnd;
  const paramsAt = at < end && text.charCodeAt(at) === SEMICOLON ? at : head.hostEnd;
  const found: Found = {
    branch: undefined,
    received: undefined,
    rport: undefined,
    i: undefined,
    maddr: undefined,
    ttl: undefined,
  };
  let rportStart = -1;
  let rportEnd = -1;
  let alias = false;
  while (at < end && text.charCodeAt(at) === SEMICOLON) {
    const param = scanParam(text, at, end);
    if (param === undefined) return undefined;
    const name = param.name.toLowerCase();
    if (name === 'rport') {
      rportStart = at;
      rportEnd = param.next < end && text.charCodeAt(param.next) === SEMICOLON ? param.next : param.last;
    }
    if (isKnown(name)) found[name] = param.value ?? '';
    else if (name === 'alias') alias = true;
    last = param.last;
    at = param.next;
  }
  at = skipComment(text, at, end);
  if (at < end && text.charCodeAt(at) !== COMMA) return undefined;
  const params = last > head.hostEnd ? text.slice(paramsAt + 1, last) : '';
  const via: Via = { ...head, end: last, paramsAt, params, ...found, rportStart, rportEnd, alias };
  return { via, next: at >= end ? -1 : at + 1 };
}

interface Found {
  branch: string | undefined;
  received: string | undefined;
  rport: string | undefined;
  i: string | undefined;
  maddr: string | undefined;
  ttl: string | undefined;
}

function isKnown(name: string): name is keyof Found {
  switch (name) {
    case 'branch':
    case 'received':
    case 'rport':
    case 'i':
    case 'maddr':
    case 'ttl':
      return true;
    default:
      return false;
  }
}

/** The parameter behind the `;` at `from`; undefined when it does not parse. */
function scanParam(text: string, from: number, end: number): Param | undefined {
  const nameStart = skipLws(text, from + 1, end);
  const nameEnd = tokenEnd(text, nameStart, end);
  if (nameEnd === nameStart) return undefined;
  const name = text.slice(nameStart, nameEnd);
  const equals = skipLws(text, nameEnd, end);
  if (equals >= end || text.charCodeAt(equals) !== EQUALS) {
    const bare = equals > nameEnd && text.charCodeAt(equals) === SEMICOLON && equals < end;
    return bare || !NEEDS_VALUE.test(name) ? { name, value: undefined, next: equals, last: nameEnd } : undefined;
  }
  if (NEVER_VALUE.test(name)) return undefined;
  const start = skipLws(text, equals + 1, end);
  // an empty value is fine before another parameter, or at the end where the parameter may go without one
  if (start >= end) return NEEDS_VALUE.test(name) ? undefined : { name, value: '', next: end, last: equals + 1 };
  if (text.charCodeAt(start) === QUOTE) {
    const close = text.indexOf('"', start + 1);
    if (close < 0 || close >= end) return undefined;
    return { name, value: text.slice(start + 1, close), next: skipLws(text, close + 1, end), last: close + 1 };
  }
  let at = start;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (isValueEnd(c)) break;
    if (c === QUOTE || c === EQUALS || c === 0) return undefined;
  }
  if (at === start && text.charCodeAt(at) !== SEMICOLON) return undefined;
  return { name, value: text.slice(start, at), next: skipLws(text, at, end), last: at };
}

const NEEDS_VALUE = /^(?:branch|received|i|maddr|ttl)$/i;
const NEVER_VALUE = /^(?:alias|hidden)$/i;

function isValueEnd(c: number): boolean {
  return isLws(c) || c === SEMICOLON || c === COMMA;
}

/** End of a parameter's name; one that begins with a quote is none. */
function tokenEnd(text: string, from: number, end: number): number {
  let at = from;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (isLws(c) || c === SEMICOLON || c === COMMA || c === EQUALS || c === 0 || (c === QUOTE && at === from)) break;
  }
  return at;
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
