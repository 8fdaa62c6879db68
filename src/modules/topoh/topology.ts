/** What topoh hides in a message, and brings back: Via, Contact, Record-Route, Route, Refer-To, Call-ID. */
import { type Host, LEVEL } from '../../runtime/module.js';
import { contactsOf, cseqOf, fromOf, nameAddr, type RouteItem, routesOf, viasOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { Header, SipMessage } from '../../sip/message.js';
import { parseParams, parseUri } from '../../sip/uri.js';
import type { Editor } from './editor.js';
import { Mask } from './mask.js';

export interface TopohParams {
  readonly mask_key: string;
  readonly mask_ip: string;
  readonly mask_callid: number;
  readonly uparam_name: string;
  readonly uparam_prefix: string;
  readonly vparam_name: string;
  readonly vparam_prefix: string;
  readonly callid_prefix: string;
  readonly sanity_checks: number;
  readonly uri_prefix_checks: number;
  readonly event_mode: number;
}

const COOKIE = 'TH';
const sameText = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The value of a parameter, '' where it has none; undefined: there is no such parameter. */
function param(params: string, name: string): string | undefined {
  const found = parseParams(params).find(([n]) => sameText(n, name));
  return found === undefined ? undefined : (found[1] ?? '');
}

/** Kinds of Record-Route URIs. */
const KIND = { SKIP: 0, ENCODE: 1, DECODE: 2, UNREADABLE: 3 } as const;

export class Topology {
  readonly #host: Host;
  readonly #params: TopohParams;
  readonly #mask: Mask;
  readonly #viaPrefix: string;
  readonly #uriPrefix: string;

  constructor(host: Host, params: TopohParams) {
    this.#host = host;
    this.#params = params;
    this.#mask = new Mask(params.mask_key);
    this.#viaPrefix = `SIP/2.0/UDP ${params.mask_ip};${params.vparam_name}=${params.vparam_prefix}`;
    this.#uriPrefix = `sip:${params.mask_ip};${params.uparam_name}=${params.uparam_prefix}`;
  }

  #complain(text: string): undefined {
    this.#host.log.write(LEVEL.ERR, 'topoh', `${text}\n`);
  }

  #hasPrefix(uri: string): boolean {
    return sameText(uri.slice(0, this.#uriPrefix.length), this.#uriPrefix);
  }

  /** What is hidden in a URI; undefined: nothing, or it cannot be read. */
  #hidden(uri: string): string | undefined {
    const parsed = parseUri(uri);
    const value = parsed === undefined ? undefined : param(parsed.params, this.#params.uparam_name);
    return value ? this.#mask.decode(value, this.#params.uparam_prefix) : undefined;
  }

  // -------------------------------------------------------------------- hiding

  maskVia(on: Editor): void {
    for (const via of viasOf(on.msg).slice(1)) {
      on.replace(via.start, via.end, this.#mask.encode(on.msg.text.slice(via.start, via.end), this.#viaPrefix));
    }
  }

  maskContact(on: Editor): void {
    const { msg } = on;
    if (!msg.headers.some((h) => h.id === HDR.CONTACT)) return;
    const address = contactsOf(msg)[0]?.address;
    if (address === undefined) return this.#complain('invalid contact header');
    const { uriStart, uriEnd } = address;
    const masked = this.#mask.encode(msg.text.slice(uriStart, uriEnd), this.#uriPrefix);
    on.replace(uriStart, uriEnd, msg.text[uriStart - 1] === '<' ? masked : `<${masked}>`);
  }

  maskRecordRoute(on: Editor): void {
    for (const item of routesOf(on.msg, HDR.RECORDROUTE).slice(1)) this.#maskRoute(on, item);
  }

  #maskRoute(on: Editor, { address, uri }: RouteItem): void {
    on.replace(address.uriStart, address.uriEnd, this.#mask.encode(uri, this.#uriPrefix));
  }

  maskCallId(on: Editor): void {
    const header = this.#callId(on.msg);
    if (header === undefined) return;
    const { valueStart, valueEnd } = header;
    on.replace(
      valueStart,
      valueEnd,
      this.#mask.encode(on.msg.text.slice(valueStart, valueEnd), this.#params.callid_prefix),
    );
  }

  #callId(msg: SipMessage): Header | undefined {
    return this.#params.mask_callid === 0 ? undefined : msg.headers.find((h) => h.id === HDR.CALLID);
  }

  /** The Call-ID in Replaces of an INVITE, which is that of the other side: hidden or brought back. */
  flipReplaces(on: Editor): void {
    const { msg } = on;
    const { mask_callid, callid_prefix: prefix } = this.#params;
    const header = msg.headers.find((h) => sameText(h.name, 'Replaces'));
    if (mask_callid === 0 || cseqOf(msg)?.method !== 'INVITE' || header === undefined) return;
    const value = msg.text.slice(header.valueStart, header.valueEnd);
    const callId = value.split(';', 1)[0] ?? '';
    const coded = callId.length > prefix.length && callId.startsWith(prefix);
    const flipped = coded ? this.#mask.decode(callId, prefix) : this.#mask.encode(callId, prefix);
    if (flipped === undefined) return this.#complain('cannot update Replaces callid');
    on.replace(header.valueStart, header.valueStart + callId.length, flipped);
  }

  // ------------------------------------------------------------- bringing back

  unmaskRequestUri(on: Editor): void {
    const { msg } = on;
    const uri = msg.originalUri;
    if (this.#params.uri_prefix_checks !== 0 && !this.#hasPrefix(uri)) return;
    const hidden = this.#hidden(uri);
    const at = msg.text.indexOf(uri, msg.method.length);
    if (hidden !== undefined && at >= 0) on.replace(at, at + uri.length, hidden);
  }

  unmaskRoute(on: Editor): void {
    for (const { address, uri } of routesOf(on.msg, HDR.ROUTE).slice(1)) {
      if (this.#params.uri_prefix_checks !== 0 && !this.#hasPrefix(uri)) continue;
      const hidden = this.#hidden(uri);
      if (hidden !== undefined) on.replace(address.uriStart, address.uriEnd, hidden);
    }
  }

  unmaskReferTo(on: Editor): void {
    const { msg } = on;
    const header = msg.headers.find((h) => h.id === HDR.REFERTO);
    if (cseqOf(msg)?.method !== 'REFER' || header === undefined) return;
    const address = nameAddr(msg.text.slice(header.valueStart, header.valueEnd));
    if (address === undefined) return;
    const start = header.valueStart + address.uriStart;
    const uri = msg.text.slice(start, header.valueStart + address.uriEnd);
    if (this.#params.uri_prefix_checks !== 0 && !this.#hasPrefix(uri)) return;
    const hidden = this.#hidden(uri);
    if (hidden !== undefined) on.replace(start, start + (uri.split('?', 1)[0] ?? '').length, hidden);
  }

  unmaskCallId(on: Editor): void {
    const header = this.#callId(on.msg);
    if (header === undefined) return;
    const prefix = this.#params.callid_prefix;
    const value = on.msg.text.slice(header.valueStart, header.valueEnd);
    if (!sameText(value.slice(0, prefix.length), prefix)) return;
    const hidden = this.#mask.decode(value, prefix);
    if (hidden === undefined) return this.#complain('cannot decode callid');
    on.replace(header.valueStart, header.valueEnd, hidden);
  }

  /** Brings the Vias of a reply back. Gives the cookie of the second one; undefined: there is none. */
  unmaskVia(on: Editor): string | undefined {
    const { vparam_name, vparam_prefix, mask_ip, uri_prefix_checks } = this.#params;
    let cookie: string | undefined;
    for (const [i, via] of viasOf(on.msg).entries()) {
      if (i === 0 || (uri_prefix_checks !== 0 && !sameText(via.host, mask_ip))) continue;
      const value = param(via.params, vparam_name);
      if (value === undefined) {
        this.#complain(`cannot find param in via ${i + 1}`);
        return cookie;
      }
      if (vparam_prefix !== '' && (value.length <= vparam_prefix.length || !value.startsWith(vparam_prefix))) continue;
      const hidden = this.#mask.decode(value, vparam_prefix);
      if (i === 1) cookie = hidden === undefined ? undefined : param(hidden.split(';').slice(1).join(';'), COOKIE);
      if (hidden === undefined || (i === 1 && cookie === undefined)) {
        this.#complain(hidden === undefined ? `cannot decode via ${i + 1}` : 'cannot find cookie in via2');
        return cookie;
      }
      on.replace(via.start, via.end, hidden);
    }
    return cookie;
  }

  // -------------------------------------------------------------- Record-Route

  /** In a reply: what this server hid in the request comes back, and the part of the other side is hidden. */
  unmaskRecordRoute(on: Editor): void {
    for (const { address, uri } of routesOf(on.msg, HDR.RECORDROUTE)) {
      if (this.#kindOf(uri).kind !== KIND.DECODE) continue;
      const hidden = this.#hidden(uri);
      if (hidden === undefined) return this.#complain('cannot decode r-r');
      on.replace(address.uriStart, address.uriEnd, hidden);
    }
  }

  /** Up to our own URI, or the second of ours where there are two. */
  maskRecordRouteOfReply(on: Editor): void {
    let ours = 2;
    for (const item of routesOf(on.msg, HDR.RECORDROUTE)) {
      const { kind, isTwin } = this.#kindOf(item.uri);
      if (kind === KIND.SKIP && (!isTwin || --ours === 0)) return;
      if (kind === KIND.SKIP || kind === KIND.ENCODE) this.#maskRoute(on, item);
    }
  }

  #kindOf(uri: string): { readonly kind: number; readonly isTwin: boolean } {
    const parsed = parseUri(uri);
    const of = (kind: number, isTwin = false) => ({ kind, isTwin });
    if (parsed === undefined) return of(KIND.UNREADABLE);
    const { mask_ip, uparam_name } = this.#params;
    if (sameText(parsed.host, mask_ip)) {
      if (param(parsed.params, uparam_name) !== undefined) return of(KIND.DECODE);
      if (!this.#host.isMyself(mask_ip.split(':')[0] ?? '', 0)) return of(KIND.SKIP);
    }
    if (!this.#host.isMyself(parsed.host, parsed.port)) return of(KIND.ENCODE);
    return of(KIND.SKIP, param(parsed.params, 'r2')?.toLowerCase() === 'on');
  }

  // ------------------------------------------------------------------- cookies

  /** By the ftag of the first Route: false, the caller sent it (downstream). Undefined: From has no tag. */
  isUpstream(msg: SipMessage): boolean | undefined {
    const tag = fromOf(msg)?.tag;
    if (tag === undefined) return this.#complain('failed to get from header tag');
    const first = routesOf(msg, HDR.ROUTE)[0];
    const parsed = first === undefined ? undefined : parseUri(first.uri);
    const ftag = parsed === undefined ? undefined : param(parsed.params, 'ftag');
    return ftag !== undefined && ftag !== tag;
  }
}

/** Tells the way out what the way in found: as a header, and in the top Via for replies made here. */
export function addCookie(on: Editor, value: string): void {
  const { msg } = on;
  const last = msg.headers.at(-1);
  const via = viasOf(msg)[0];
  if (last !== undefined) on.replace(last.end, last.end, `${COOKIE}: ${value}h\r\n`);
  if (via !== undefined) on.replace(via.paramsAt, via.paramsAt, `;${COOKIE}=${value}v`);
}

const NO_COOKIE = 'xxx';

/** Direction (d, u), kind of request (i, c, l), place (h header, v Via): `dih`; `xxx`: there is none. */
export function cookieOf(msg: SipMessage): string {
  const header = msg.headers.find((h) => sameText(h.name, COOKIE));
  if (header !== undefined) return msg.text.slice(header.valueStart, header.valueEnd);
  const via = viasOf(msg)[0];
  return (via === undefined ? undefined : param(via.params, COOKIE)) ?? NO_COOKIE;
}

export function removeCookie(on: Editor): void {
  const { msg } = on;
  const header = msg.headers.find((h) => sameText(h.name, COOKIE));
  if (header !== undefined) on.replace(header.start, header.end, '');
  const via = msg.isRequest ? undefined : viasOf(msg)[0];
  if (via === undefined) return;
  const found = /;[ \t]*TH=[^;, \t\r\n]*/i.exec(msg.text.slice(via.paramsAt, via.end));
  if (found !== null) {
    const start = via.paramsAt + found.index;
    on.replace(start, start + found[0].length, '');
  }
}
