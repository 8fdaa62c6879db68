/** SIP messages as tests write them and look at them. */
import { HEADER_NAMES, headerId } from '../sip/header-names.js';
import type { Proto } from '../sip/transport.js';
import { fromServer, toServer } from './text.js';

/** A request in its parts; what is left out gets a sensible value. */
export interface RequestParts {
  /** Default `OPTIONS`. */
  readonly method?: string;
  /** Request URI; default `sip:bob@example.com`. */
  readonly uri?: string;
  /** URI of the caller; default `sip:alice@example.com`. */
  readonly from?: string;
  readonly fromTag?: string;
  /** URI of the callee; default the request URI. */
  readonly to?: string;
  readonly toTag?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly branch?: string;
  /** Value of Max-Forwards; null: no such header. */
  readonly maxForwards?: number | null;
  /** URI of the Contact; null: no such header. */
  readonly contact?: string | null;
  /** Further headers, in order; an array gives a header several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** Default `application/sdp` for INVITE, else `text/plain`. */
  readonly contentType?: string;
}

/** A reply in its parts. */
export interface ReplyParts {
  readonly reason?: string;
  readonly toTag?: string;
  readonly contact?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly contentType?: string;
}

/** An address as a test writes it: `10.0.0.1:5060`, `[2001:db8::1]:5060`. */
export interface Address {
  readonly ip: string;
  readonly port: number;
}

export function address(text: string): Address {
  const [, ip = '', port = '5060'] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  return { ip: ip.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

/** Of SIP, and of answers to HTTP. */
const STATUS_LINE = /^(?:SIP\/2\.0|HTTP\/1\.\d) (\d{3}) ?(.*)$/;

/** One message that left the server. */
export class Message {
  /** As sent, UTF-8 decoded. */
  readonly text: string;
  /** `10.0.0.1:5060` */
  readonly to: string;
  readonly proto: Proto;
  readonly startLine: string;
  readonly body: string;
  readonly #fields: readonly (readonly [name: string, value: string])[];

  constructor(raw: string, to: string, proto: Proto) {
    this.text = fromServer(raw);
    this.to = to;
    this.proto = proto;
    const end = this.text.indexOf('\r\n\r\n');
    const head = end < 0 ? this.text : this.text.slice(0, end);
    const [start = '', ...lines] = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
    this.startLine = start;
    this.body = end < 0 ? '' : this.text.slice(end + 4);
    this.#fields = lines.map((line) => {
      const colon = line.indexOf(':');
      return [canonical(line.slice(0, colon).trim()), line.slice(colon + 1).trim()] as const;
    });
  }

  /** Undefined: a reply. */
  get method(): string | undefined {
    return this.status === undefined ? this.startLine.split(' ')[0] : undefined;
  }

  get uri(): string | undefined {
    return this.status === undefined ? this.startLine.split(' ')[1] : undefined;
  }

  /** Undefined: a request. */
  get status(): number | undefined {
    const match = STATUS_LINE.exec(this.startLine);
    return match ? Number(match[1]) : undefined;
  }

  get reason(): string | undefined {
    return STATUS_LINE.exec(this.startLine)?.[2];
  }

  /** Value of the first header of that name, in any case or compact form. */
  header(name: string): string | undefined {
    return this.headers(name)[0];
  }

  headers(name: string): string[] {
    const wanted = canonical(name);
    return this.#fields.filter(([n]) => n === wanted).map(([, value]) => value);
  }

  toString(): string {
    return `${this.startLine} -> ${this.proto}:${this.to}`;
  }
}

function canonical(name: string): string {
  const id = headerId(name);
  return (id > 0 ? (HEADER_NAMES[id] ?? name) : name).toLowerCase();
}

/** Makes requests that differ in branch, tag and Call-ID, the same in every run. */
export class MessageMaker {
  #count = 0;

  /** Text of a request as the server gets it (latin1, CRLF), sent by `from`. */
  request(parts: RequestParts, from: Address, proto: Proto): string {
    const n = ++this.#count;
    const method = parts.method ?? 'OPTIONS';
    const uri = parts.uri ?? 'sip:bob@example.com';
    const own = `${from.ip.includes(':') ? `[${from.ip}]` : from.ip}:${from.port}`;
    const contact = parts.contact === undefined ? `sip:alice@${own}` : parts.contact;
    const lines = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/${proto.toUpperCase()} ${own};branch=${parts.branch ?? `z9hG4bK-test-${n}`}`,
      ...(parts.maxForwards === null ? [] : [`Max-Forwards: ${parts.maxForwards ?? 70}`]),
      `From: <${parts.from ?? 'sip:alice@example.com'}>;tag=${parts.fromTag ?? `from-${n}`}`,
      `To: <${parts.to ?? uri}>${parts.toTag ? `;tag=${parts.toTag}` : ''}`,
      `Call-ID: ${parts.callId ?? `call-${n}@test`}`,
      `CSeq: ${parts.cseq ?? 1} ${method}`,
      ...(contact === null ? [] : [`Contact: <${contact}>`]),
      ...headerLines(parts.headers),
    ];
    const type = parts.contentType ?? (method === 'INVITE' ? 'application/sdp' : 'text/plain');
    return withBody(lines, parts.body, type);
  }

  /** A reply to a request that the server sent. */
  reply(request: Message, status: number, parts: ReplyParts): string {
    const to = request.header('To') ?? '';
    const tag = /;\s*tag=/i.test(to) || status === 100 ? '' : `;tag=${parts.toTag ?? `to-${++this.#count}`}`;
    const lines = [
      `SIP/2.0 ${status} ${parts.reason ?? REASONS[status] ?? 'Reply'}`,
      ...request.headers('Via').map((v) => `Via: ${v}`),
      ...request.headers('Record-Route').map((v) => `Record-Route: ${v}`),
      `From: ${request.header('From') ?? ''}`,
      `To: ${to}${tag}`,
      `Call-ID: ${request.header('Call-ID') ?? ''}`,
      `CSeq: ${request.header('CSeq') ?? ''}`,
      ...(parts.contact === undefined ? [] : [`Contact: <${parts.contact}>`]),
      ...headerLines(parts.headers),
    ];
    return withBody(lines, parts.body, parts.contentType ?? 'application/sdp');
  }
}

function headerLines(headers: RequestParts['headers'] = {}): string[] {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().map((v) => `${name}: ${v}`));
}

function withBody(lines: readonly string[], body = '', type: string): string {
  const bytes = toServer(body);
  const rest = [...(bytes === '' ? [] : [`Content-Type: ${type}`]), `Content-Length: ${bytes.length}`, '', ''];
  return toServer([...lines, ...rest].join('\r\n')) + bytes;
}

/** A message as a test writes it in full: lines may end with LF, blanks around it do not count. */
export function fromText(text: string): string {
  const lined = toServer(text.replace(/^\s+/, '').replace(/\r?\n/g, '\r\n'));
  return lined.includes('\r\n\r\n') ? lined : `${lined.replace(/\s*$/, '')}\r\n\r\n`;
}

const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  202: 'Accepted',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  480: 'Temporarily Unavailable',
  486: 'Busy Here',
  487: 'Request Terminated',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  600: 'Busy Everywhere',
  603: 'Decline',
};
