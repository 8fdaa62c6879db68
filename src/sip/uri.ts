/**
 * URIs as Kamailio's parser takes them apart (variables.md, sections 2 and 6): sip, sips, tel and urn. It is more
 * forgiving than RFC 3261 (a host without user may hold any character) and forgets nothing of the spelling.
 */
import { fnv1a } from './hash.js';
import { kept } from './text.js';
import type { Proto } from './transport.js';

export interface SipUri {
  /** Scheme as written, in lower case. `tels` occurs in `type` alone. */
  readonly scheme: 'sip' | 'sips' | 'tel' | 'tels' | 'urn';
  /** What it counts as: a sip or sips URI with `user=phone` is a tel URI (`$rz`). */
  readonly type: 'sip' | 'sips' | 'tel' | 'tels' | 'urn';
  /** null when there is none. With `user=phone` it ends at its first `;`; the number of a tel URI. */
  readonly user: string | null;
  readonly password: string | null;
  /** IPv6 keeps its brackets; '' for tel. */
  readonly host: string;
  /** 0: none. */
  readonly port: number;
  /** As written (`05070`); '' when there is none. */
  readonly portText: string;
  /** Raw text after the first `;` without it; '' when there is none. */
  readonly params: string;
  /** Parameters inside the user part of a `user=phone` URI, raw. */
  readonly userParams: string;
  /** Raw text after `?`. */
  readonly headers: string;
}

const AT = 64;
const COLON = 58;
const SEMICOLON = 59;
const QUESTION = 63;
const AMPERSAND = 38;
const OPEN = 91;
const CLOSE = 93;

type Scheme = 'sip' | 'sips' | 'tel' | 'urn';

/**
 * Parsed URIs, each at the place that its hash gives it. One is kept when it comes some times in a row at its place:
 * what is seen in one call only (a phone among thousands) costs no memory, and puts out none of the busy ones.
 */
const PLACES = 1024;
const TIMES = 4;
/** Longer ones are not kept. */
const LONGEST = 512;
const hashes = new Int32Array(PLACES);
const texts: string[] = new Array<string>(PLACES).fill('');
const parsed: (SipUri | undefined)[] = new Array<SipUri | undefined>(PLACES).fill(undefined);
const lastSeen = new Int32Array(PLACES);
const times = new Uint8Array(PLACES);

let lastText = '';
let lastParsed: SipUri | undefined;

/** The parts of a URI; undefined when Kamailio would not take it. */
export function parseUri(text: string): SipUri | undefined {
  // a route asks about the request URI again and again
  if (text === lastText) return lastParsed;
  const found = lookUp(text);
  lastText = text;
  lastParsed = found;
  return found;
}

function lookUp(text: string): SipUri | undefined {
  if (text.length > LONGEST) return parse(text);
  const hash = fnv1a(text) | 0;
  const place = hash & (PLACES - 1);
  if (hashes[place] === hash && texts[place] === text) return parsed[place];
  if (lastSeen[place] !== hash) {
    lastSeen[place] = hash;
    times[place] = 0;
  }
  if (++times[place]! < TIMES) return parse(text);
  // of the message it came in nothing else is to stay
  const own = kept(text);
  const found = parse(own);
  hashes[place] = hash;
  texts[place] = own;
  parsed[place] = found;
  return found;
}

function forgetParsed(): void {
  lastText = '';
  lastParsed = undefined;
  texts.fill('');
  parsed.fill(undefined);
}

function schemeOf(text: string): Scheme | undefined {
  if (text.startsWith('sip:')) return 'sip';
  const head = text.slice(0, 5).toLowerCase();
  if (head.startsWith('sip:')) return 'sip';
  if (head === 'sips:') return 'sips';
  if (head.startsWith('tel:')) return 'tel';
  return head.startsWith('urn:') ? 'urn' : undefined;
}

/** What is found while reading; turned into a SipUri at the end. */
class Parts {
  readonly user: string | null;
  readonly password: string | null;
  readonly host: string;
  readonly portText: string;
  /** Offset of the first character after host and port: `;`, `?` or the end. */
  readonly rest: number;
  params = '';
  headers = '';

  constructor(user: string | null, password: string | null, host: string, portText: string, rest: number) {
    this.user = user;
    this.password = password;
    this.host = host;
    this.portText = portText;
    this.rest = rest;
  }
}

function parse(text: string): SipUri | undefined {
  if (text.length < 5) return undefined;
  const scheme = schemeOf(text);
  if (scheme === undefined) return undefined;
  const start = scheme.length + 1;
  const parts = scheme === 'urn' ? urnParts(text, start) : sipParts(text, start);
  if (parts === undefined || parts.portText.length > 5) return undefined;
  return parts.portText !== '' && Number(parts.portText) > 65535 ? undefined : build(text, scheme, parts);
}

/** A class, so that all have one shape: there are several for each message. */
class Uri implements SipUri {
  readonly scheme: SipUri['scheme'];
  readonly type: SipUri['type'];
  readonly user: string | null;
  readonly password: string | null;
  readonly host: string;
  readonly port: number;
  readonly portText: string;
  readonly params: string;
  readonly userParams: string;
  readonly headers: string;

  constructor(scheme: Scheme, type: SipUri['type'], p: Parts, user: string | null, host: string, userParams: string) {
    this.scheme = scheme;
    this.type = type;
    this.user = user;
    this.password = p.password;
    this.host = host;
    this.port = p.portText === '' ? 0 : Number(p.portText);
    this.portText = p.portText;
    this.params = p.params;
    this.userParams = userParams;
    this.headers = p.headers;
  }
}

function build(text: string, scheme: Scheme, p: Parts): SipUri | undefined {
  if (!splitTail(text, p)) return undefined;
  if (scheme === 'tel') return new Uri(scheme, 'tel', p, p.host, '', '');
  if (scheme === 'urn' || p.params === '' || !phonesAreTel || paramOf(p.params, 'user') !== 'phone')
    return new Uri(scheme, scheme, p, p.user, p.host, '');
  const cut = p.user === null ? -1 : p.user.indexOf(';');
  if (p.user === null || cut < 0) return new Uri(scheme, 'tel', p, p.user, p.host, '');
  return new Uri(scheme, 'tel', p, p.user.slice(0, cut), p.host, p.user.slice(cut + 1));
}

/** Puts parameters and headers into `p`, from its `rest` on; false where a character is out of place. */
function splitTail(text: string, p: Parts): boolean {
  const { rest } = p;
  if (rest >= text.length) return true;
  const question = text.indexOf('?', rest);
  if (text.charCodeAt(rest) === SEMICOLON) p.params = text.slice(rest + 1, question < 0 ? text.length : question);
  if (question >= 0) p.headers = text.slice(question + 1);
  return !(p.headers.includes(';') || p.headers.includes('@') || p.params.includes('@'));
}

/** `urn:service:sos` has "user" service and "host" sos. */
function urnParts(text: string, start: number): Parts | undefined {
  const colon = text.indexOf(':', start);
  if (colon === start || /[[\]@;?]/.test(text.slice(start))) return undefined;
  if (colon < 0) return new Parts(null, null, text.slice(start), '', text.length);
  const last = text.slice(colon + 1);
  if (last.includes(':')) return undefined;
  const user = text.slice(start, colon);
  if (/^\d*$/.test(last)) return new Parts(null, null, user, last, text.length);
  return new Parts(user, null, last, '', text.length);
}

function sipParts(text: string, start: number): Parts | undefined {
  if (start >= text.length) return undefined;
  const first = text.charCodeAt(start);
  if (first === CLOSE || first === COLON) return undefined;
  if (first === OPEN) return hostParts(text, start, null, null);
  // the first character is taken as it is: `sip:;x` has the host `;x`
  for (let i = start + 1; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case AT:
        return hostParts(text, i + 1, text.slice(start, i), null);
      case OPEN:
      case CLOSE:
        return undefined;
      case COLON:
        return passwordOrPort(text, start, i);
      case SEMICOLON:
      case QUESTION:
        return userAfterAll(text, start, i) ?? bareHost(text, start, i, '', i);
    }
  }
  return bareHost(text, start, text.length, '', text.length);
}

function bareHost(text: string, start: number, end: number, portText: string, rest: number): Parts | undefined {
  if (text.charCodeAt(start) === AT) return undefined;
  return new Parts(null, null, text.slice(start, end), portText, rest);
}

/** After `name:` comes a password and `@`, or a port. */
function passwordOrPort(text: string, start: number, colon: number): Parts | undefined {
  let digits = true;
  for (let i = colon + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === AT) return hostParts(text, i + 1, text.slice(start, colon), text.slice(colon + 1, i));
    if (c === SEMICOLON || c === QUESTION) {
      return digits ? bareHost(text, start, colon, text.slice(colon + 1, i), i) : undefined;
    }
    if (c === COLON || c === OPEN || c === CLOSE) return undefined;
    if (c < 48 || c > 57) digits = false;
  }
  return digits ? bareHost(text, start, colon, text.slice(colon + 1), text.length) : undefined;
}

/**
 * What looked like parameters or headers of a host may still be the user: `sip:+1;ext=9@gw`. A colon there begins a
 * password, unless `;`, `?` or another colon follows it. Undefined: there is no user.
 */
function userAfterAll(text: string, start: number, from: number): Parts | undefined {
  const at = text.indexOf('@', from);
  if (at < 0) return undefined;
  const colon = text.indexOf(':', from);
  if (colon < 0 || colon > at) return hostParts(text, at + 1, text.slice(start, at), null);
  if (/[:;?]/.test(text.slice(colon + 1, at))) return undefined;
  return hostParts(text, at + 1, text.slice(start, colon), text.slice(colon + 1, at));
}

/** Host and port after the user (or an IPv6 reference without one). */
function hostParts(text: string, start: number, user: string | null, password: string | null): Parts | undefined {
  const end = text.charCodeAt(start) === OPEN ? ipv6End(text, start) : hostEnd(text, start);
  if (end < 0) return undefined;
  const host = text.slice(start, end);
  if (text.charCodeAt(end) !== COLON) return new Parts(user, password, host, '', end);
  let i = end + 1;
  while (i < text.length && isDigit(text.charCodeAt(i))) i++;
  const c = text.charCodeAt(i);
  if (i < text.length && c !== SEMICOLON && c !== QUESTION) return undefined;
  return new Parts(user, password, host, text.slice(end + 1, i), i);
}

/** Offset after `[…]`, or -1. */
function ipv6End(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === CLOSE) {
      const next = text.charCodeAt(i + 1);
      return i + 1 === text.length || next === COLON || next === SEMICOLON || next === QUESTION ? i + 1 : -1;
    }
    if (c === OPEN || c === AMPERSAND || c === AT || c === SEMICOLON || c === QUESTION) return -1;
  }
  return -1;
}

/** Offset after a host name or IPv4 address, or -1. */
function hostEnd(text: string, start: number): number {
  let i = start;
  if (i >= text.length || !isAlphanumeric(text.charCodeAt(i))) return -1;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === COLON || c === SEMICOLON || c === QUESTION) return i;
    if (!isAlphanumeric(c) && c !== 46 && c !== 45 && !EXTRA.has(c)) return -1;
  }
  return i;
}

let phonesAreTel = true;

/** phone2tel: does user=phone make a sip URI count as a tel URI? For the whole process. */
export function countPhonesAsTel(on: boolean): void {
  if (on !== phonesAreTel) forgetParsed();
  phonesAreTel = on;
}

/** More characters in host names: uri_host_extra_chars. */
const EXTRA = new Set<number>();

/** uri_host_extra_chars: more characters for host names, for the whole process. */
export function allowInHosts(chars: string): void {
  if (chars === '') return;
  for (let i = 0; i < chars.length; i++) EXTRA.add(chars.charCodeAt(i));
  forgetParsed();
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

function isAlphanumeric(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 97 && c <= 122) || (c >= 65 && c <= 90);
}

/** The last parameter of that name in `a=1;b` (names ignore case): '' when it has no value. */
function paramOf(params: string, name: string): string | undefined {
  let found: string | undefined;
  let at = 0;
  while (at < params.length) {
    let end = params.indexOf(';', at);
    if (end < 0) end = params.length;
    const eq = params.indexOf('=', at);
    const nameEnd = eq >= 0 && eq < end ? eq : end;
    if (nameEnd - at === name.length && params.slice(at, nameEnd).toLowerCase() === name) {
      found = nameEnd < end ? params.slice(nameEnd + 1, end) : '';
    }
    at = end + 1;
  }
  return found;
}

/** A parameter of the URI; names ignore case; '' when it has no value, undefined when it is not there. */
export function uriParam(uri: SipUri, name: string): string | undefined {
  return uri.params === '' ? undefined : paramOf(uri.params, name.toLowerCase());
}

const TRANSPORTS: Readonly<Record<string, Proto>> = {
  udp: 'udp',
  tcp: 'tcp',
  tls: 'tls',
  sctp: 'sctp',
  ws: 'ws',
  wss: 'wss',
};

/** Transport named by text in any case; undefined when it is none of the server's. */
export function protoOf(text: string): Proto | undefined {
  return Object.hasOwn(TRANSPORTS, text) ? TRANSPORTS[text] : upperProto(text.toLowerCase());
}

function upperProto(lower: string): Proto | undefined {
  return Object.hasOwn(TRANSPORTS, lower) ? TRANSPORTS[lower] : undefined;
}

/** The transport parameter; undefined when there is none or an unknown one. */
export function uriTransport(uri: SipUri): Proto | undefined {
  const value = uriParam(uri, 'transport');
  return value === undefined ? undefined : protoOf(value);
}

/** Where a request to the URI goes, port 0 where none is written. Kamailio does not look at `maddr` (case core/forward-failures). */
export function uriTarget(uri: SipUri): { host: string; port: number; proto: Proto | undefined; secure: boolean } {
  return { host: uri.host, port: uri.port, proto: uriTransport(uri), secure: uri.scheme === 'sips' };
}

/** Splits `a=1;b;c="x;y"` into names and values as written, blanks around them dropped; empty items are skipped. */
export function parseParams(text: string, sep = ';'): [name: string, value: string | undefined][] {
  const out: [string, string | undefined][] = [];
  let at = 0;
  while (at <= text.length) {
    const end = itemEnd(text, at, sep);
    const item = text.slice(at, end);
    const eq = item.indexOf('=');
    const name = (eq < 0 ? item : item.slice(0, eq)).trim();
    if (name !== '') out.push([name, eq < 0 ? undefined : item.slice(eq + 1).trim()]);
    at = end + 1;
  }
  return out;
}

/** Offset of the next `sep` outside double quotes, or the end of the text. */
export function itemEnd(text: string, from: number, sep: string): number {
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === '"') quoted = !quoted;
    else if (quoted && c === '\\') i++;
    else if (!quoted && c === sep) return i;
  }
  return text.length;
}

/** Text of a URI from its parts. */
export function buildUri(parts: {
  scheme?: string;
  user?: string | null;
  password?: string | null;
  host: string;
  port?: number | string;
  params?: string;
  headers?: string;
}): string {
  const { user, password, port, params, headers } = parts;
  let out = `${parts.scheme ?? 'sip'}:`;
  if (user !== undefined && user !== null && user !== '') {
    out += password === undefined || password === null ? `${user}` : `${user}:${password}`;
    if (parts.host !== '') out += '@';
  }
  out += parts.host;
  if (port !== undefined && port !== 0 && port !== '') out += `:${port}`;
  if (params !== undefined && params !== '') out += `;${params}`;
  if (headers !== undefined && headers !== '') out += `?${headers}`;
  return out;
}
