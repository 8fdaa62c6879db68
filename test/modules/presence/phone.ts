/** A user agent that publishes, subscribes and answers NOTIFY, over UDP. */
import { createSocket, type Socket } from 'node:dgram';

export interface RequestOptions {
  readonly event?: string;
  readonly expires?: number;
  readonly type?: string;
  readonly body?: string;
  readonly headers?: readonly string[];
  readonly from?: string;
  /** Call-ID and tag of the own side: the same one for all requests of a subscription. */
  readonly dialog?: string;
  /** Tag of the other side. */
  readonly toTag?: string;
}

export interface Got {
  readonly text: string;
  readonly start: string;
  header(name: string): string;
  readonly body: string;
}

function got(text: string): Got {
  const end = text.indexOf('\r\n\r\n');
  const lines = text.slice(0, end).split('\r\n');
  return {
    text,
    start: lines[0] ?? '',
    header: (name) =>
      lines
        .find((l) => l.toLowerCase().startsWith(`${name.toLowerCase()}:`))
        ?.slice(name.length + 1)
        .trim() ?? '',
    body: text.slice(end + 4),
  };
}

const QUIET = 250;

export class Phone {
  readonly #socket: Socket;
  readonly #server: number;
  readonly all: Got[] = [];
  readonly port: number;
  #cseq = 0;
  /** Status line of what it answers to NOTIFY; '' it does not. */
  answer = '200 OK';

  private constructor(socket: Socket, server: number, port: number) {
    this.#socket = socket;
    this.#server = server;
    this.port = port;
    socket.on('message', (data, from) => this.#receive(data.toString('latin1'), from.port));
  }

  static async open(server: number): Promise<Phone> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.bind(0, '127.0.0.1', resolve);
    });
    return new Phone(socket, server, socket.address().port);
  }

  #receive(text: string, port: number): void {
    const message = got(text);
    this.all.push(message);
    if (!message.start.startsWith('NOTIFY') || this.answer === '') return;
    const copied = text
      .split('\r\n')
      .filter((l) => /^(?:via|from|to|call-id|cseq):/i.test(l))
      .join('\r\n');
    this.#send(`SIP/2.0 ${this.answer}\r\n${copied}\r\nContent-Length: 0\r\n\r\n`, port);
  }

  #send(text: string, port: number): void {
    this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1');
  }

  /** Sends a request about `user`; gives what came from then on, once nothing comes any more. */
  async request(method: 'PUBLISH' | 'SUBSCRIBE', user: string, options: RequestOptions = {}): Promise<readonly Got[]> {
    const n = ++this.#cseq;
    const {
      event = 'presence',
      expires = 600,
      body = '',
      headers = [],
      from = method === 'PUBLISH' ? user : 'bob',
    } = options;
    const { dialog = `${method}-${n}`, toTag, type = 'application/pidf+xml' } = options;
    const lines = [
      `${method} sip:${user}@example.org SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bK-${n}`,
      'Max-Forwards: 70',
      `From: <sip:${from}@example.org>;tag=${dialog}`,
      `To: <sip:${user}@example.org>${toTag === undefined ? '' : `;tag=${toTag}`}`,
      `Call-ID: ${dialog}`,
      `CSeq: ${n} ${method}`,
      `Contact: <sip:${from}@127.0.0.1:${this.port}>`,
      `Event: ${event}`,
      `Expires: ${expires}`,
      ...(body === '' ? [] : [`Content-Type: ${type}`]),
      ...headers,
      `Content-Length: ${body.length}`,
    ];
    const before = this.all.length;
    this.#send(`${lines.join('\r\n')}\r\n\r\n${body}`, this.#server);
    await this.quiet();
    return this.all.slice(before);
  }

  /** Until nothing comes any more. */
  async quiet(ms = QUIET): Promise<void> {
    for (let seen = -1; seen !== this.all.length; ) {
      seen = this.all.length;
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }

  close(): void {
    this.#socket.close();
  }
}

export const tagOf = (reply: Got | undefined): string => /;tag=([^;]+)/.exec(reply?.header('To') ?? '')?.[1] ?? '';

export function pidf(id: string, basic: string, more = ''): string {
  return `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@example.org"><tuple id="${id}"><status><basic>${basic}</basic></status></tuple>${more}</presence>`;
}

/** What differs between two servers that behave alike: tags, ports, counts of seconds. */
export function masked(message: Got, phone: Phone, server: number): string {
  return message.text
    .replaceAll(`:${phone.port}`, ':PHONE')
    .replaceAll(`:${server}`, ':SERVER')
    .replace(/branch=[^;\r]+/g, 'branch=B')
    .replace(/^(To: .*;tag=)(?!(?:PUBLISH|SUBSCRIBE|w)\b)[^;\r]+/gm, '$1T')
    .replace(/^(From: .*;tag=)(?!(?:PUBLISH|SUBSCRIBE|w)\b)[^;\r]+/gm, '$1T')
    .replace(/^SIP-ETag: .*$/gm, 'SIP-ETag: E')
    .replace(/;expires=\d+/g, ';expires=N')
    .replace(/^(?:Server|User-Agent): .*\r\n/gm, '');
}
