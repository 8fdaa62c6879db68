/** A SIP client for tests with real servers: sends texts, gives what comes back. */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Milliseconds for a reply. */
const WAIT = 3000;

export interface RequestParts {
  readonly method: string;
  readonly uri: string;
  readonly from?: string;
  readonly to?: string;
  readonly callId?: string;
  readonly cseq?: number;
  /** Header lines, without ends. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

export interface Reply {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
  /** Value of the first header of that name; '' without one. */
  header(name: string): string;
}

export function headerOf(text: string, name: string): string {
  return new RegExp(`^${name}[ \\t]*:[ \\t]*(.*)$`, 'im').exec(text)?.[1]?.trim() ?? '';
}

export function parseReply(text: string): Reply {
  const [, status = '0', reason = ''] = /^SIP\/2\.0 (\d+) (.*)$/m.exec(text) ?? [];
  return { status: Number(status), reason: reason.trim(), text, header: (name) => headerOf(text, name) };
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** The Authorization (or Proxy-Authorization) line that answers a challenge, without qop or with qop=auth. */
export function credentials(challenge: Reply, method: string, uri: string, user: string, password: string): string {
  const proxy = challenge.status === 407;
  const value = challenge.header(proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate');
  const field = (name: string) => new RegExp(`${name}="?([^",]*)"?`).exec(value)?.[1] ?? '';
  const [realm, nonce] = [field('realm'), field('nonce')];
  const ha1 = md5(`${user}:${realm}:${password}`);
  const ha2 = md5(`${method}:${uri}`);
  const qop = field('qop') !== '';
  const response = qop ? md5(`${ha1}:${nonce}:00000001:abcd:auth:${ha2}`) : md5(`${ha1}:${nonce}:${ha2}`);
  const more = qop ? ', qop=auth, nc=00000001, cnonce="abcd"' : '';
  const name = proxy ? 'Proxy-Authorization' : 'Authorization';
  return `${name}: Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}"${more}`;
}

/** Cuts a stream into messages by their Content-Length. */
function cutter(take: (text: string) => void): (data: Buffer) => void {
  let rest = '';
  return (data) => {
    rest += data.toString('latin1');
    for (;;) {
      rest = rest.replace(/^(\r\n)+/, '');
      const head = rest.indexOf('\r\n\r\n');
      if (head < 0) return;
      const end = head + 4 + Number(headerOf(rest.slice(0, head + 2), 'Content-Length') || 0);
      if (rest.length < end) return;
      take(rest.slice(0, end));
      rest = rest.slice(end);
    }
  };
}

export interface Line {
  readonly proto: 'UDP' | 'TCP' | 'TLS' | 'WS' | 'WSS';
  readonly host: string;
  readonly port: number;
  write(text: string, to: number): void;
  close(): void;
}

export class SipClient {
  readonly #line: Line;
  readonly port: number;
  readonly host: string;
  /** All that came, in order. */
  readonly seen: string[] = [];
  readonly #inbox: string[] = [];
  readonly #waiting: { fits: (text: string) => boolean; take: (text: string) => void }[] = [];
  #next = 1;

  private constructor(line: Line, subscribe: (take: (text: string) => void) => void) {
    this.#line = line;
    this.host = line.host;
    this.port = line.port;
    subscribe((text) => this.#arrive(text));
  }

  /** Over UDP, on a port of its own. */
  static async open(port = 0, host = '127.0.0.1'): Promise<SipClient> {
    const socket = createSocket('udp4');
    socket.bind(port, host);
    await once(socket, 'listening');
    const line: Line = {
      proto: 'UDP',
      host,
      port: socket.address().port,
      write: (text, to) => socket.send(Buffer.from(text, 'latin1'), to, '127.0.0.1'),
      close: () => socket.close(),
    };
    return new SipClient(line, (take) => socket.on('message', (data) => take(data.toString('latin1'))));
  }

  /** By a connection to that port of 127.0.0.1; the certificate is not looked at. */
  static async connect(proto: 'TCP' | 'TLS', to: number): Promise<SipClient> {
    const options = { host: '127.0.0.1', port: to };
    const stream = proto === 'TCP' ? connect(options) : connectTls({ ...options, rejectUnauthorized: false });
    await once(stream, proto === 'TCP' ? 'connect' : 'secureConnect');
    stream.on('error', () => undefined);
    const line: Line = {
      proto,
      host: '127.0.0.1',
      port: stream.localPort ?? 0,
      write: (text) => void stream.write(Buffer.from(text, 'latin1')),
      close: () => stream.destroy(),
    };
    return new SipClient(line, (take) => stream.on('data', cutter(take)));
  }

  /** Over a line of another kind. */
  static over(line: Line, subscribe: (take: (text: string) => void) => void): SipClient {
    return new SipClient(line, subscribe);
  }

  #arrive(text: string): void {
    this.seen.push(text);
    const at = this.#waiting.findIndex((w) => w.fits(text));
    if (at < 0) this.#inbox.push(text);
    else this.#waiting.splice(at, 1)[0]?.take(text);
  }

  /** Puts back what was received, for the next who asks. */
  requeue(text: string): void {
    if (text !== '') this.#inbox.unshift(text);
  }

  send(text: string, port: number): void {
    this.#line.write(text, port);
  }

  /** The next message that fits; '' when none comes within `ms`. */
  receive(fits: (text: string) => boolean, ms = WAIT): Promise<string> {
    const at = this.#inbox.findIndex(fits);
    if (at >= 0) return Promise.resolve(this.#inbox.splice(at, 1)[0] ?? '');
    return new Promise((resolve) => {
      const entry = {
        fits,
        take: (text: string) => {
          clearTimeout(timer);
          resolve(text);
        },
      };
      const timer = setTimeout(() => {
        const i = this.#waiting.indexOf(entry);
        if (i >= 0) this.#waiting.splice(i, 1);
        resolve('');
      }, ms);
      this.#waiting.push(entry);
    });
  }

  /** A request's text. Its Via and Contact name this client. */
  build({
    method,
    uri,
    from = '<sip:alice@d.example>',
    to,
    callId,
    cseq,
    headers = [],
    body = '',
  }: RequestParts): string {
    const n = this.#next++;
    const tagged = from.includes(';tag=') ? from : `${from};tag=from${n}`;
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/${this.#line.proto} ${this.host}:${this.port};branch=z9hG4bK-${n}-${randomBytes(4).toString('hex')}`,
      `From: ${tagged}`,
      `To: ${to ?? `<${uri}>`}`,
      `Call-ID: ${callId ?? `call-${n}-${randomBytes(4).toString('hex')}`}`,
      `CSeq: ${cseq ?? 1} ${method}`,
      'Max-Forwards: 20',
      ...headers,
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  }

  /** A reply to a request that came, its text: To gets a tag, Record-Route goes back. */
  reply(request: string, status: number, reason: string, headers: readonly string[] = [], body = ''): string {
    const head = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n').slice(1);
    const kept = head.filter((line) => /^(Via|From|Call-ID|CSeq|Record-Route)[ \t]*:/i.test(line));
    const to = headerOf(request, 'To');
    return [
      `SIP/2.0 ${status} ${reason}`,
      ...kept,
      `To: ${to}${to.includes(';tag=') || status === 100 ? '' : ';tag=callee'}`,
      ...headers,
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  }

  /** Sends a request and gives its final reply; status 0 when none comes. */
  async ask(parts: RequestParts | string, port: number, ms = WAIT): Promise<Reply> {
    const text = typeof parts === 'string' ? parts : this.build(parts);
    const callId = headerOf(text, 'Call-ID');
    const cseq = headerOf(text, 'CSeq');
    this.send(text, port);
    return parseReply(
      await this.receive(
        (t) => /^SIP\/2\.0 [2-6]/.test(t) && headerOf(t, 'Call-ID') === callId && headerOf(t, 'CSeq') === cseq,
        ms,
      ),
    );
  }

  /** As `ask`, and once more with credentials when it is challenged. */
  async askAs(parts: RequestParts, port: number, user: string, password: string): Promise<Reply> {
    const first = await this.ask(parts, port);
    if (first.status !== 401 && first.status !== 407) return first;
    const line = credentials(first, parts.method, parts.uri, user, password);
    const again = { ...parts, cseq: (parts.cseq ?? 1) + 1, headers: [...(parts.headers ?? []), line] };
    return await this.ask(again, port);
  }

  close(): void {
    this.#line.close();
  }
}
