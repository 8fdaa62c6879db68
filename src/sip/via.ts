/** Via values (RFC 3261, 20.42), read where they stand in the message, as Kamailio reads them: only SIP/2.0 parses. */

import type { Header } from './message.js';

/** One Via value. */
export type Via = Readonly<ViaValue>;

/** A class with all its fields made at once: there is one for each message at least. */
class ViaValue {
  readonly header: Header;
  /** Offsets in the text: from the `S` of SIP to after the last parameter, trailing blanks and comma left out. */
  readonly start: number;
  end: number;
  /** As written: `UDP`. */
  readonly transport: string;
  /** sent-by host as written, IPv6 with brackets. */
  readonly host: string;
  /** 0: none. */
  readonly port: number;
  /** Offset after sent-by. */
  readonly hostEnd: number;
  /** Offset of the first `;`, or after sent-by when there are no parameters. */
  paramsAt: number;
  branch: string | undefined = undefined;
  received: string | undefined = undefined;
  /** '' when it is there without a value. */
  rport: string | undefined = undefined;
  /** Offsets of the whole rport parameter from its `;` on, -1 when there is none. */
  rportStart = -1;
  rportEnd = -1;
  i: string | undefined = undefined;
  maddr: string | undefined = undefined;
  ttl: string | undefined = undefined;
  /** Has the parameter `alias` (RFC 5923). */
  alias = false;
  /** Where the next value of the line begins; -1: it was the last. */
  next = -1;
  readonly #text: string;

  constructor(
    text: string,
    header: Header,
    start: number,
    transport: string,
    host: string,
    port: number,
    hostEnd: number,
  ) {
    this.#text = text;
    this.header = header;
    this.start = start;
    this.end = hostEnd;
    this.transport = transport;
    this.host = host;
    this.port = port;
    this.hostEnd = hostEnd;
    this.paramsAt = hostEnd;
  }

  /** Raw text after the first `;` without it; '' when there is none. */
  get params(): string {
    return this.end > this.hostEnd ? this.#text.slice(this.paramsAt + 1, this.end) : '';
  }
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
  const first = scanVia(text, header, header.valueStart);
  if (first === undefined) return undefined;
  const out: Via[] = [first];
  for (let at = first.next; at >= 0; ) {
    const one = scanVia(text, header, at);
    if (one === undefined) return undefined;
    out.push(one);
    at = one.next;
  }
  return out;
}

function scanVia(text: string, header: Header, from: number): ViaValue | undefined {
  const end = header.valueEnd;
  const start = skipLws(text, from, end);
  const transportStart = protocolEnd(text, start, end);
  if (transportStart < 0) return undefined;
  let at = transportStart;
  while (at < end && !isLws(text.charCodeAt(at))) at++;
  const transport =
    text.startsWith('UDP', transportStart) && at - transportStart === 3 ? 'UDP' : text.slice(transportStart, at);
  const hostStart = skipLws(text, at, end);
  if (transport === '' || hostStart === at || (transport !== 'UDP' && ODD_TRANSPORT.test(transport))) return undefined;
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
    for (let i = digits; i < last; i++) port = port * 10 + (text.charCodeAt(i) - 48);
    // what does not fit wraps, as in Kamailio
    port %= 65536;
    at = skipLws(text, last, end);
  }
  return scanParams(text, at, end, new ViaValue(text, header, start, transport, host, port, last));
}

/** What Kamailio's reader does not take for a transport, a new name though it may be. */
const ODD_TRANSPORT = /^[ipdcl02.]|[/]/i;

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
      if (isLws(c) || c === COMMA || c === SEMICOLON || c === OPEN_PAREN) return -1;
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

/** Reads the parameters into `via`. */
function scanParams(text: string, from: number, end: number, via: ViaValue): ViaValue | undefined {
  let at = from;
  if (at < end && text.charCodeAt(at) === SEMICOLON) via.paramsAt = at;
  while (at < end && text.charCodeAt(at) === SEMICOLON) {
    at = scanParam(text, at, end, via);
    if (at < 0) return undefined;
  }
  at = skipComment(text, at, end);
  if (at < end && text.charCodeAt(at) !== COMMA) return undefined;
  via.next = at >= end ? -1 : at + 1;
  return via;
}

/** Reads the parameter behind the `;` at `from`; the offset after it and the blanks behind it, -1: it does not parse. */
function scanParam(text: string, from: number, end: number, via: ViaValue): number {
  const nameStart = skipLws(text, from + 1, end);
  const nameEnd = tokenEnd(text, nameStart, end);
  if (nameEnd === nameStart) return -1;
  const name = knownName(text, nameStart, nameEnd);
  const equals = skipLws(text, nameEnd, end);
  if (equals >= end || text.charCodeAt(equals) !== EQUALS) {
    const bare = equals > nameEnd && equals < end && text.charCodeAt(equals) === SEMICOLON;
    if (!bare && needsValue(name)) return -1;
    return keep(via, name, '', from, nameEnd, equals, end);
  }
  if (neverValue(name)) return -1;
  const start = skipLws(text, equals + 1, end);
  // an empty value is fine before another parameter, or at the end where the parameter may go without one
  if (start >= end) return needsValue(name) ? -1 : keep(via, name, '', from, equals + 1, end, end);
  if (text.charCodeAt(start) === QUOTE) {
    const close = text.indexOf('"', start + 1);
    if (close < 0 || close >= end) return -1;
    return keep(via, name, text.slice(start + 1, close), from, close + 1, skipLws(text, close + 1, end), end);
  }
  let at = start;
  for (; at < end; at++) {
    const c = text.charCodeAt(at);
    if (isValueEnd(c)) break;
    if (c === QUOTE || c === EQUALS || c === 0) return -1;
  }
  if (at === start && text.charCodeAt(at) !== SEMICOLON) return -1;
  return keep(via, name, name === '' ? '' : text.slice(start, at), from, at, skipLws(text, at, end), end);
}

/** Lower-case name of a parameter the server looks at, '' for others. */
function knownName(text: string, from: number, to: number): string {
  const length = to - from;
  if (length > 8) return '';
  const first = text.charCodeAt(from) | 0x20;
  for (let i = 0; i < KNOWN.length; i++) {
    const name = KNOWN[i]!;
    if (name.length !== length || name.charCodeAt(0) !== first) continue;
    if (text.startsWith(name, from) || text.slice(from, to).toLowerCase() === name) return name;
  }
  return '';
}

/** Puts a parameter, read from `start` to `last`, into `via`; gives `next`. */
function keep(
  via: ViaValue,
  name: string,
  value: string,
  start: number,
  last: number,
  next: number,
  end: number,
): number {
  via.end = last;
  switch (name) {
    case 'branch':
      via.branch = value;
      break;
    case 'rport':
      via.rport = value;
      via.rportStart = start;
      // blanks before the next parameter go with it when it is replaced
      via.rportEnd = next < end ? next : last;
      break;
    case 'received':
      via.received = value;
      break;
    case 'i':
      via.i = value;
      break;
    case 'maddr':
      via.maddr = value;
      break;
    case 'ttl':
      via.ttl = value;
      break;
    case 'alias':
      via.alias = true;
      break;
  }
  return next;
}

/** Parameters that need a value, that have none, and rport, which may do without. */
const KNOWN: readonly string[] = ['branch', 'rport', 'received', 'i', 'maddr', 'ttl', 'alias', 'hidden'];

function needsValue(name: string): boolean {
  return name !== '' && name !== 'rport' && !neverValue(name);
}

function neverValue(name: string): boolean {
  return name === 'alias' || name === 'hidden';
}

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
