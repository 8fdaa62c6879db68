/**
 * A SIP message: its bytes (as latin1 text) with a lazy index of the header lines, and, kept apart, what a script has
 * changed. Nothing here throws on any input; `problem` and `undefined` say what is wrong.
 */
import { Edits } from './edits.js';
import { isRetryAfter, ParsedHeaders, parseContentLength, parseCSeq, parseFromTo } from './header.js';
import { type Header, headerAt, headerMatcher } from './header-line.js';
import { HDR } from './header-names.js';
import { parseStartLine, type StartLine } from './start-line.js';
import type { ListenSocket, Received } from './transport.js';
import { scanVias } from './via.js';

export { allowInHeaderNames, type Header, headerMatcher } from './header-line.js';
export { parseStartLine, type StartLine } from './start-line.js';

/** An additional branch of the destination set (append_branch, lookup): RFC 3261, 16.6. */
export interface Branch {
  uri: string;
  dstUri: string | null;
  path: string | null;
  /** 0…1000 thousandths; -1 unset. */
  q: number;
  socket: ListenSocket | null;
  flags: number;
  instance: string | null;
  ruid: string | null;
  locationUa: string | null;
  regId: number;
  otcpid: number;
}

export function branch(uri: string, extra: Partial<Branch> = {}): Branch {
  return {
    uri,
    dstUri: null,
    path: null,
    q: -1,
    socket: null,
    flags: 0,
    instance: null,
    ruid: null,
    locationUa: null,
    regId: 0,
    otcpid: 0,
    ...extra,
  };
}

/** Bits of `SipMessage.internalFlags` (corex msg_iflag_set(), via_add_*(); uac and tm read them). */
export const MSG_FLAG = {
  USE_UAC_FROM: 1,
  USE_UAC_TO: 2,
  UAC_AUTH: 4,
  ADD_SRVID: 8,
  ADD_XAVP_VIA_PARAMS: 16,
  USE_XAVP_VIA_FIELDS: 32,
  /** No reply is sent for this request. */
  NO_REPLY: 64,
  /** record_route() was called. */
  RR_ADDED: 128,
  /** loose_route() found a further hop after ours. */
  ROUTE_ADDR: 256,
} as const;

/** Headers that may be there once in a request. */
const ONCE = { FROM: 1, CALLID: 2, MAXFORWARDS: 4, TO: 8, CSEQ: 16, CONTENTLENGTH: 32 } as const;

const CR = 13;
const LF = 10;

export class SipMessage {
  /** The message as received, one character a byte. Replaced by `rebuild()`. */
  text: string;
  /** Replaced as a whole by set_source_address() and set_recv_socket(). */
  received: Received;
  /** Serial number in this server: `$mi`. */
  readonly id: number;
  /** Milliseconds since the epoch at arrival: `$Ts`, `$TV`. */
  readonly time: number;

  isRequest: boolean;
  /** Method as in the request line; in a reply '' (see `cseqMethod`). */
  method: string;
  /** Request URI as received: `$ou`. */
  originalUri: string;
  version: string;
  status: number;
  reason: string;
  startLineStart: number;
  headersStart: number;

  // ---- what the script has changed (Kamailio keeps the same on its sip_msg)
  #newUri: string | null = null;
  #dstUri: string | null = null;
  /**
   * The URI in force has not been forwarded to yet: a write of `newUri` or of a `dstUri` sets it, tm takes it back, so
   * that a second t_relay() uses the additional branches only (Kamailio's ruri_is_new).
   */
  uriIsNew = true;
  /** Route set from Path or a location record, put into Route when sent. */
  path: string | null = null;
  /** `$fs`, force_send_socket(). */
  sendSocket: ListenSocket | null = null;
  /** Message flags (setflag): 32 bits, unsigned in `$mf`. */
  flags = 0;
  /** Flags of branch 0 (setbflag). */
  branchFlags = 0;
  /** Extended flags (corex setxflag) as a list of words. */
  xflags: number[] | null = null;
  /** q of the main branch in thousandths, -1 unset. */
  q = -1;
  ruid: string | null = null;
  locationUa: string | null = null;
  instance: string | null = null;
  /** force_rport(): fill in rport in replies. */
  forceRport = false;
  /** reply_to_via: own replies go to the address in the top Via instead of the source. */
  replyToVia = false;
  /** add_local_rport(): ask for rport in the own Via. */
  localRport = false;
  /** Reasons for which the next hop of the request, or that of its replies, is not avoided (blst_set_ignore()). */
  blocklistIgnore = 0;
  replyBlocklistIgnore = 0;
  /** The host of the top Via is a name of the source (rev_dns). */
  viaNamesSource = false;
  /** set_advertised_address/port for Via and Record-Route. */
  advertisedHost: string | null = null;
  advertisedPort = 0;
  /** set_reply_*, set_forward_*: connection options. */
  replyOptions = 0;
  forwardOptions = 0;
  /** udp_mtu_try_proto of this message. */
  mtuProto: string | null = null;
  /** MSG_FLAG bits. */
  internalFlags = 0;
  /** set_reply_body(). */
  replyBody: { type: string; text: string } | null = null;
  /** The body was made multipart or got a part: its boundary lines are set right when the message leaves (sip/multipart.ts). */
  multipart = false;
  /** True for made-up messages (event routes): nothing is ever sent back. */
  faked = false;
  // made when first asked for: most messages need none of them
  #branches: Branch[] | null = null;
  #edits: Edits | null = null;
  #replyHeaders: string[] | null = null;
  #slots: Map<object, unknown> | null = null;

  #headers: Header[] | null = null;
  #bodyStart = -1;
  #malformed = -1;
  /** ONCE bits of headers already indexed. */
  #seen = 0;

  constructor(text: string, line: StartLine, received: Received, id: number, time: number) {
    this.text = text;
    this.received = received;
    this.id = id;
    this.time = time;
    this.isRequest = line.isRequest;
    this.method = line.method;
    this.originalUri = line.uri;
    this.version = line.version;
    this.status = line.status;
    this.reason = line.reason;
    this.startLineStart = line.start;
    this.headersStart = line.end;
  }

  /** The request URI in force (`$ru`). */
  get uri(): string {
    return this.#newUri ?? this.originalUri;
  }

  /** Rewritten request URI, null when it is as received: `uri` gives the one in force. */
  get newUri(): string | null {
    return this.#newUri;
  }

  set newUri(uri: string | null) {
    this.#newUri = uri;
    this.uriIsNew = true;
  }

  /** `$du`. */
  get dstUri(): string | null {
    return this.#dstUri;
  }

  set dstUri(uri: string | null) {
    this.#dstUri = uri;
    if (uri !== null) this.uriIsNew = true;
  }

  /** Additional branches (append_branch(), lookup()). */
  get branches(): Branch[] {
    this.#branches ??= [];
    return this.#branches;
  }

  set branches(all: Branch[]) {
    this.#branches = all;
  }

  get edits(): Edits {
    this.#edits ??= new Edits();
    return this.#edits;
  }

  get hasReplyHeaders(): boolean {
    return this.#replyHeaders !== null;
  }

  /** append_to_reply(): raw header lines, CRLF included. */
  get replyHeaders(): string[] {
    this.#replyHeaders ??= [];
    return this.#replyHeaders;
  }

  set replyHeaders(lines: string[]) {
    this.#replyHeaders = lines;
  }

  /** What modules keep with a message (transaction, dialog, parsed SDP …), by the module's own key. */
  get slots(): Map<object, unknown> {
    this.#slots ??= new Map();
    return this.#slots;
  }

  /** Header lines in order. Reading stops at a line that is no header: see `malformedAt`. */
  get headers(): readonly Header[] {
    return this.#headers ?? this.#index();
  }

  /** The header without which a message is dropped that this one lacks (HDR.x), or 0. */
  get missingHeader(): number {
    if (this.#headers === null) this.#index();
    const { vias, to, cseq } = this.parsed;
    if (vias === undefined || vias.length === 0) return HDR.VIA;
    if ((this.#seen & ONCE.FROM) === 0) return HDR.FROM;
    if (to === undefined) return HDR.TO;
    if ((this.#seen & ONCE.CALLID) === 0) return HDR.CALLID;
    return cseq === undefined ? HDR.CSEQ : 0;
  }

  /** Offset of the first line that is no header, or -1. */
  get malformedAt(): number {
    if (this.#headers === null) this.#index();
    return this.#malformed;
  }

  /** Offset of the body (after the empty line), or -1 when the header part does not end. */
  get bodyStart(): number {
    if (this.#headers === null) this.#index();
    return this.#bodyStart;
  }

  /** Body text; '' when there is none. */
  get body(): string {
    const at = this.bodyStart;
    return at < 0 ? '' : this.text.slice(at);
  }

  value(h: Header): string {
    return this.text.slice(h.valueStart, h.valueEnd);
  }

  /** First header of a known kind (HDR.x). */
  first(id: number): Header | undefined {
    const all = this.headers;
    for (let i = 0; i < all.length; i++) if (all[i]!.id === id) return all[i];
    return undefined;
  }

  /** Value of the first header of a known kind. */
  firstValue(id: number): string | undefined {
    const h = this.first(id);
    return h === undefined ? undefined : this.value(h);
  }

  /** Headers of a name: case is ignored, compact and long forms of known names are one. */
  named(name: string): Header[] {
    return this.headers.filter(headerMatcher(name));
  }

  /** Replaces the text (msg_apply_changes): the index is made anew and edits are dropped. */
  replaceText(text: string): boolean {
    const line = parseStartLine(text);
    if (line === undefined) return false;
    this.text = text;
    this.isRequest = line.isRequest;
    this.method = line.method;
    this.originalUri = line.uri;
    this.version = line.version;
    this.status = line.status;
    this.reason = line.reason;
    this.startLineStart = line.start;
    this.headersStart = line.end;
    this.#headers = null;
    this.edits.clear();
    this.parsed = new ParsedHeaders();
    return true;
  }

  /**
   * A copy with the script's changes as they stand: what is done to one does not touch the other. Text, index and
   * parsed values are shared (they are never changed in place).
   */
  clone(): SipMessage {
    const line: StartLine = {
      isRequest: this.isRequest,
      method: this.method,
      uri: this.originalUri,
      version: this.version,
      status: this.status,
      reason: this.reason,
      start: this.startLineStart,
      end: this.headersStart,
    };
    const c = new SipMessage(this.text, line, this.received, this.id, this.time);
    // the index fills `parsed`: shared only once it is there
    c.#headers = this.#headers ?? this.#index();
    c.#bodyStart = this.#bodyStart;
    c.#malformed = this.#malformed;
    c.#seen = this.#seen;
    c.parsed = this.parsed;
    c.takeChanges(this);
    return c;
  }

  /** Drops what was read of the text so far; it is read again where asked for. For messages that are kept unused. */
  forgetIndex(): void {
    this.#headers = null;
    this.parsed = new ParsedHeaders();
  }

  /** Takes over what the script has changed on `from`, a message with the same text. */
  takeChanges(from: SipMessage): void {
    this.#newUri = from.#newUri;
    this.#dstUri = from.#dstUri;
    this.uriIsNew = from.uriIsNew;
    this.path = from.path;
    this.sendSocket = from.sendSocket;
    this.flags = from.flags;
    this.branchFlags = from.branchFlags;
    this.xflags = from.xflags === null ? null : from.xflags.slice();
    this.q = from.q;
    this.ruid = from.ruid;
    this.locationUa = from.locationUa;
    this.instance = from.instance;
    this.#branches = from.#branches === null ? null : from.#branches.map((b) => ({ ...b }));
    this.forceRport = from.forceRport;
    this.localRport = from.localRport;
    this.viaNamesSource = from.viaNamesSource;
    this.blocklistIgnore = from.blocklistIgnore;
    this.replyBlocklistIgnore = from.replyBlocklistIgnore;
    this.replyToVia = from.replyToVia;
    this.advertisedHost = from.advertisedHost;
    this.advertisedPort = from.advertisedPort;
    this.replyOptions = from.replyOptions;
    this.forwardOptions = from.forwardOptions;
    this.mtuProto = from.mtuProto;
    this.internalFlags = from.internalFlags;
    this.multipart = from.multipart;
    this.faked = from.faked;
    this.replyBody = from.replyBody;
    this.#replyHeaders = from.#replyHeaders === null ? null : from.#replyHeaders.slice();
    if (from.#edits !== null) this.edits.restore(from.#edits.list);
    else this.#edits?.clear();
    if (from.#slots !== null) for (const [key, value] of from.#slots) this.slots.set(key, value);
  }

  /** Parsed header values by who parses them (`sip/header.ts`): dropped with the text. */
  parsed: ParsedHeaders = new ParsedHeaders();

  #index(): Header[] {
    const text = this.text;
    const out: Header[] = [];
    this.#malformed = -1;
    this.#bodyStart = -1;
    this.#seen = 0;
    let at = this.headersStart;
    const n = text.length;
    while (at < n) {
      const c = text.charCodeAt(at);
      if (c === CR) {
        // a lone CR ends the header part too
        this.#bodyStart = text.charCodeAt(at + 1) === LF ? at + 2 : at + 1;
        break;
      }
      if (c === LF) {
        this.#bodyStart = at + 1;
        break;
      }
      const h = headerAt(text, at);
      if (h === undefined || !this.#admits(h)) {
        this.#malformed = at;
        break;
      }
      out.push(h);
      at = h.end;
    }
    this.#headers = out;
    return out;
  }

  /**
   * Reads the values that Kamailio reads while it looks for headers. A bad one, or a second of those that may be there
   * once, is an error of the line: this header and those after it cannot be read (get_hdr_field, parse_headers in
   * msg_parser.c; sip.md, section 1, rule 6).
   */
  #admits(h: Header): boolean {
    switch (h.id) {
      case HDR.VIA:
        return this.#addVias(h);
      case HDR.TO: {
        const to = parseFromTo(this.text, h);
        this.parsed.to ??= to;
        return to !== undefined && this.#once(ONCE.TO);
      }
      case HDR.CSEQ: {
        const cseq = parseCSeq(this.text, h);
        this.parsed.cseq ??= cseq;
        return cseq !== undefined && this.#once(ONCE.CSEQ);
      }
      case HDR.CONTENTLENGTH: {
        const length = parseContentLength(this.text, h);
        this.parsed.contentLength ??= length;
        return length !== undefined && this.#once(ONCE.CONTENTLENGTH);
      }
      case HDR.FROM:
        return this.#once(ONCE.FROM);
      case HDR.CALLID:
        return this.#once(ONCE.CALLID);
      case HDR.MAXFORWARDS:
        return this.#once(ONCE.MAXFORWARDS);
      case HDR.RETRYAFTER:
        return isRetryAfter(this.text, h);
      default:
        return true;
    }
  }

  #addVias(h: Header): boolean {
    const vias = scanVias(this.text, h);
    if (vias === undefined) return false;
    if (this.parsed.vias === undefined) this.parsed.vias = vias;
    else this.parsed.vias.push(...vias);
    return true;
  }

  /** In a reply a second one does no harm, the first counts. */
  #once(bit: number): boolean {
    if ((this.#seen & bit) !== 0) return !this.isRequest;
    this.#seen |= bit;
    return true;
  }

  /** Offset after the last header line: where append_hf() writes. */
  get headersEnd(): number {
    const all = this.headers;
    return all.length === 0 ? this.headersStart : all[all.length - 1]!.end;
  }
}
