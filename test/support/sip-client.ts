/** A SIP client over UDP for tests with real servers: sends texts, gives the replies to them. */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

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

export class SipClient {
  readonly #socket: Socket;
  readonly port: number;
  readonly host: string;
  readonly #inbox: string[] = [];
  readonly #waiting: { fits: (text: string) => boolean; take: (text: string) => void }[] = [];
  #next = 1;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.host = host;
    this.port = socket.address().port;
    socket.on('message', (data) => this.#arrive(data.toString('latin1')));
  }

  static async open(port = 0, host = '127.0.0.1'): Promise<SipClient> {
    const socket = createSocket('udp4');
    socket.bind(port, host);
    await once(socket, 'listening');
    return new SipClient(socket, host);
  }

  #arrive(text: string): void {
    const at = this.#waiting.findIndex((w) => w.fits(text));
    if (at < 0) this.#inbox.push(text);
    else this.#waiting.splice(at, 1)[0]?.take(text);
  }

  send(text: string, port: number): void {
    this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1');
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
      `Via: SIP/2.0/UDP ${this.host}:${this.port};branch=z9hG4bK-${n}-${randomBytes(4).toString('hex')}`,
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
    this.#socket.close();
  }
}
