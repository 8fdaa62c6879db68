/** Values of the headers the server itself looks at, parsed once per message. Total: what does not parse is undefined. */
import { type NameAddr, scanAddresses } from './address.js';
import { HDR } from './header-names.js';
import type { Header, SipMessage } from './message.js';
import { parseToBody, type ToBody } from './to-body.js';
import { parseUri, type SipUri } from './uri.js';
import { isLws, skipLws, type Via } from './via.js';

export { NameAddr, nameAddr, unquote } from './address.js';
export type { Via } from './via.js';

/** From or To. Offsets are those of msg.text. */
export class FromTo {
  readonly header: Header;
  readonly #body: ToBody;
  #parts: SipUri | null | undefined = undefined;

  constructor(header: Header, body: ToBody) {
    this.header = header;
    this.#body = body;
  }

  get address(): NameAddr {
    return this.#body.address;
  }

  /** undefined when there is none or it is empty. */
  get tag(): string | undefined {
    return this.#body.tag;
  }

  /** With its quotes; '' when there is none. */
  get display(): string {
    return this.address.display;
  }
  get uri(): string {
    return this.#body.uri;
  }
  /** The URI taken apart, once; undefined when it is none. */
  get uriParts(): SipUri | undefined {
    if (this.#parts === undefined) this.#parts = parseUri(this.uri) ?? null;
    return this.#parts ?? undefined;
  }
  /** Raw text after the first `;` behind the URI. */
  get params(): string {
    return this.address.params;
  }
  get uriStart(): number {
    return this.#body.uriStart;
  }
  get uriEnd(): number {
    return this.#body.uriEnd;
  }
  get displayStart(): number {
    return this.address.displayStart;
  }
  get displayEnd(): number {
    return this.address.displayEnd;
  }
  get valueStart(): number {
    return this.header.valueStart;
  }
  get valueEnd(): number {
    return this.header.valueEnd;
  }
}

/** CSeq: `number` is text, it need not be digits. */
export interface CSeq {
  readonly number: string;
  readonly method: string;
  readonly numberStart: number;
  readonly methodStart: number;
  readonly methodEnd: number;
}

export interface Contact {
  readonly header: Header;
  /** undefined for `*`. */
  readonly address: NameAddr | undefined;
  readonly star: boolean;
  readonly uri: string;
  readonly display: string;
  readonly params: string;
  /** Offsets of the whole value in msg.text. */
  readonly start: number;
  readonly end: number;
  /** Text of the parameters, undefined when they are not there. */
  readonly expires: string | undefined;
  readonly q: string | undefined;
  param(name: string): string | undefined;
}

/** One value of Route, Record-Route or Path. */
export interface RouteItem {
  readonly header: Header;
  readonly address: NameAddr;
  /** Offsets of the whole value in msg.text. */
  readonly start: number;
  readonly end: number;
  readonly uri: string;
  readonly display: string;
  readonly params: string;
}

/** What was parsed of a message; dropped with its text. null: tried, and it did not parse. */
export class ParsedHeaders {
  from: FromTo | null | undefined = undefined;
  to: FromTo | undefined = undefined;
  cseq: CSeq | undefined = undefined;
  callId: string | null | undefined = undefined;
  vias: Via[] | undefined = undefined;
  contacts: Contact[] | undefined = undefined;
  routes: RouteItem[] | undefined = undefined;
  recordRoutes: RouteItem[] | undefined = undefined;
  paths: RouteItem[] | undefined = undefined;
  contentLength: number | undefined = undefined;
  [other: string]: unknown;
}

// ---------------------------------------------------------------- From, To

export function fromOf(msg: SipMessage): FromTo | undefined {
  let found = msg.parsed.from;
  if (found === undefined) {
    const h = msg.first(HDR.FROM);
    found = (h && parseFromTo(msg.text, h)) ?? null;
    msg.parsed.from = found;
  }
  return found ?? undefined;
}

export function toOf(msg: SipMessage): FromTo | undefined {
  indexed(msg);
  return msg.parsed.to;
}

/** To, CSeq, Via and Content-Length are read with the index of header lines: makes sure that it is there. */
function indexed(msg: SipMessage): void {
  if (msg.parsed.vias !== undefined) return;
  const none: Via[] = [];
  // reading `headers` fills `parsed`
  if (msg.headers.length === 0 || msg.parsed.vias === undefined) msg.parsed.vias = none;
}

/** Value of one From or To header. */
export function parseFromTo(text: string, header: Header): FromTo | undefined {
  const body = parseToBody(text, header.valueStart, header.valueEnd);
  if (body === undefined) return undefined;
  return new FromTo(header, body);
}

// -------------------------------------------------------------------- CSeq

export function cseqOf(msg: SipMessage): CSeq | undefined {
  indexed(msg);
  return msg.parsed.cseq;
}

/** `number method` with blanks between on one line, anything but blanks counting as a number. */
export function parseCSeq(text: string, h: Header): CSeq | undefined {
  const end = h.valueEnd;
  let at = h.valueStart;
  while (at < end && !isLws(text.charCodeAt(at))) at++;
  const numberEnd = at;
  while (at < end && (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 9)) at++;
  const methodStart = at;
  while (at < end && !isLws(text.charCodeAt(at))) at++;
  if (at === methodStart || skipLws(text, at, end) < end) return undefined;
  const number = text.slice(h.valueStart, numberEnd);
  return { number, method: text.slice(methodStart, at), numberStart: h.valueStart, methodStart, methodEnd: at };
}

/** Method of a request; of a reply that of its CSeq. */
export function methodOf(msg: SipMessage): string {
  return msg.isRequest ? msg.method : (cseqOf(msg)?.method ?? '');
}

const METHOD_IDS: ReadonlyMap<string, number> = new Map([
  ['INVITE', 1],
  ['CANCEL', 2],
  ['ACK', 4],
  ['BYE', 8],
  ['INFO', 16],
  ['REGISTER', 32],
  ['SUBSCRIBE', 64],
  ['NOTIFY', 128],
  ['MESSAGE', 256],
  ['OPTIONS', 512],
  ['PRACK', 1024],
  ['UPDATE', 2048],
  ['REFER', 4096],
  ['PUBLISH', 8192],
  ['KDMQ', 16384],
  ['GET', 32768],
  ['POST', 65536],
  ['PUT', 131072],
  ['DELETE', 262144],
]);
export const METHOD_OTHER = 524288;

/** `$rmid`: one bit a method, 524288 for those without. Names count to the letter. */
export function methodId(name: string): number {
  return METHOD_IDS.get(name) ?? METHOD_OTHER;
}

// ----------------------------------------------------------------- Call-ID

export function callIdOf(msg: SipMessage): string | undefined {
  let found = msg.parsed.callId;
  if (found === undefined) {
    found = msg.firstValue(HDR.CALLID) ?? null;
    msg.parsed.callId = found;
  }
  return found ?? undefined;
}

// --------------------------------------------------------------------- Via

/** Every Via value in order, over all lines. */
export function viasOf(msg: SipMessage): readonly Via[] {
  indexed(msg);
  return msg.parsed.vias ?? [];
}

export function topVia(msg: SipMessage): Via | undefined {
  return viasOf(msg)[0];
}

// ------------------------------------------------------------ address lists

/** Contacts over all lines in order; a line that does not parse gives none. */
export function contactsOf(msg: SipMessage): readonly Contact[] {
  if (msg.parsed.contacts !== undefined) return msg.parsed.contacts;
  const out: Contact[] = [];
  for (const h of msg.headers) if (h.id === HDR.CONTACT) addContacts(msg.text, h, out);
  msg.parsed.contacts = out;
  return out;
}

/** One contact; what is seldom asked for is cut out when it is. */
class ContactValue implements Contact {
  readonly header: Header;
  readonly address: NameAddr | undefined;
  readonly start: number;
  readonly end: number;
  readonly uri: string;

  constructor(header: Header, address: NameAddr | undefined, start: number, end: number, uri: string) {
    this.header = header;
    this.address = address;
    this.start = start;
    this.end = end;
    this.uri = uri;
  }

  get star(): boolean {
    return this.address === undefined;
  }

  get display(): string {
    return this.address?.display ?? '';
  }

  get params(): string {
    return this.address?.params ?? '';
  }

  get expires(): string | undefined {
    return this.address?.param('expires');
  }

  get q(): string | undefined {
    return this.address?.param('q');
  }

  param(name: string): string | undefined {
    return this.address?.param(name);
  }
}

/** The same contact with another URI. */
export function contactWithUri({ header, address, start, end }: Contact, uri: string): Contact {
  return new ContactValue(header, address, start, end, uri);
}

function addContacts(text: string, header: Header, out: Contact[]): void {
  const { valueStart, valueEnd } = header;
  if (isStar(text, header)) {
    out.push(new ContactValue(header, undefined, valueStart, valueStart + 1, ''));
    return;
  }
  const all = scanAddresses(text, valueStart, valueEnd);
  if (all === undefined) return;
  for (const address of all) out.push(new ContactValue(header, address, address.start, address.end, address.uri));
}

function isStar(text: string, { valueStart, valueEnd }: Header): boolean {
  return text.charCodeAt(valueStart) === STAR && text.slice(valueStart, valueEnd).trim() === '*';
}

const STAR = 42;

class RouteValue implements RouteItem {
  readonly header: Header;
  readonly address: NameAddr;
  readonly uri: string;

  constructor(header: Header, address: NameAddr) {
    this.header = header;
    this.address = address;
    this.uri = address.uri;
  }

  get start(): number {
    return this.address.start;
  }

  get end(): number {
    return this.address.end;
  }

  get display(): string {
    return this.address.display;
  }

  get params(): string {
    return this.address.params;
  }
}

type RouteHeader = typeof HDR.ROUTE | typeof HDR.RECORDROUTE | typeof HDR.PATH;
const ROUTE_SLOT = { [HDR.ROUTE]: 'routes', [HDR.RECORDROUTE]: 'recordRoutes', [HDR.PATH]: 'paths' } as const;

/** Values of Route, Record-Route or Path over all lines; a line that does not parse gives none. */
export function routesOf(msg: SipMessage, id: RouteHeader): readonly RouteItem[] {
  const slot = ROUTE_SLOT[id];
  const known = msg.parsed[slot];
  if (known !== undefined) return known;
  const out: RouteItem[] = [];
  for (const header of msg.headers) {
    if (header.id !== id) continue;
    const all = scanAddresses(msg.text, header.valueStart, header.valueEnd);
    if (all !== undefined) for (const address of all) out.push(new RouteValue(header, address));
  }
  msg.parsed[slot] = out;
  return out;
}

// ---------------------------------------------------------- Content-Length

/** The number of Content-Length; undefined when there is none or it is no number. */
export function contentLengthOf(msg: SipMessage): number | undefined {
  indexed(msg);
  return msg.parsed.contentLength;
}

/** Digits and blanks after them, below 2^31. */
export function parseContentLength(text: string, h: Header): number | undefined {
  let at = h.valueStart;
  let n = 0;
  for (; at < h.valueEnd; at++) {
    const c = text.charCodeAt(at);
    if (c < 48 || c > 57) break;
    n = n * 10 + (c - 48);
  }
  if (at === h.valueStart || n > 2147483647 || skipLws(text, at, h.valueEnd) < h.valueEnd) return undefined;
  return n;
}

/** Does a Retry-After begin with one to ten digits and then a blank, comment or parameter (parse_retry_after.c)? */
export function isRetryAfter(text: string, h: Header): boolean {
  let at = h.valueStart;
  while (at < h.valueEnd && text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) at++;
  const digits = at - h.valueStart;
  const c = text.charCodeAt(at);
  return digits > 0 && digits <= 10 && (at === h.valueEnd || isLws(c) || c === 59 || c === 40);
}

/** Does the message list the option tag in Supported or Require? */
export function hasOption(msg: SipMessage, id: number, tag: string): boolean {
  for (const header of msg.headers) {
    if (header.id !== id) continue;
    for (const item of msg.value(header).split(',')) if (item.trim().toLowerCase() === tag) return true;
  }
  return false;
}
