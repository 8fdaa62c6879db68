/** Two phones on loopback: one calls through a server, the other answers all that comes. */
import dgram from 'node:dgram';

const header = (text: string, name: string): string[] =>
  [...text.matchAll(new RegExp(`^${name}: ?(.*)\\r$`, 'gim'))].map((m) => m[1]!);

const copied = (text: string, names: readonly string[]): string =>
  names.flatMap((name) => header(text, name).map((v) => `${name}: ${v}\r\n`)).join('');

const tagged = (to: string, id: string): string => (to.includes(';tag=') ? to : `${to};tag=b-${id}`);

function open(): Promise<dgram.Socket> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
}

interface Waiting {
  readonly test: (text: string) => boolean;
  readonly done: (text: string) => void;
}

export class Phones {
  readonly #caller: dgram.Socket;
  readonly #callee: dgram.Socket;
  readonly #waiting = new Set<Waiting>();
  /** Requests that came to either side, oldest first. */
  readonly requests: string[] = [];
  /** The callee says 180, and answers when told. */
  ringOnly = false;
  #n = 0;

  private constructor(caller: dgram.Socket, callee: dgram.Socket) {
    this.#caller = caller;
    this.#callee = callee;
    caller.on('message', (data) => this.#came(data.toString('latin1'), caller));
    callee.on('message', (data) => this.#came(data.toString('latin1'), callee));
  }

  static async open(): Promise<Phones> {
    return new Phones(await open(), await open());
  }

  close(): void {
    this.#caller.close();
    this.#callee.close();
  }

  get callerPort(): number {
    return this.#caller.address().port;
  }

  get calleePort(): number {
    return this.#callee.address().port;
  }

  #came(text: string, at: dgram.Socket): void {
    for (const w of this.#waiting) if (w.test(text)) w.done(text);
    if (text.startsWith('SIP/2.0')) return;
    this.requests.push(text);
    const method = text.slice(0, text.indexOf(' '));
    if (method === 'ACK') return;
    if (method === 'INVITE') this.#answer(text, at, 180);
    if (method !== 'INVITE' || !this.ringOnly) this.#answer(text, at, 200);
  }

  #answer(request: string, at: dgram.Socket, code: number): void {
    const id = header(request, 'Call-ID')[0] ?? '';
    const lines =
      copied(request, ['Via', 'Record-Route', 'From', 'Call-ID', 'CSeq']) +
      `To: ${tagged(header(request, 'To')[0] ?? '', id)}\r\n`;
    const via = /^SIP\/2\.0\/UDP ([^:;]+):(\d+)/.exec(header(request, 'Via')[0] ?? '');
    const text = `SIP/2.0 ${code} X\r\n${lines}Contact: <sip:p@127.0.0.1:${at.address().port}>\r\nContent-Length: 0\r\n\r\n`;
    at.send(text, Number(via?.[2] ?? 5060), '127.0.0.1');
  }

  /** Sends a request from the caller's phone; gives the final reply, '' where none comes. */
  send(port: number, text: string, ms = 4000): Promise<string> {
    const [id, cseq] = [header(text, 'Call-ID')[0], header(text, 'CSeq')[0]];
    return new Promise((resolve) => {
      const end = (reply: string): void => {
        clearTimeout(timer);
        clearInterval(again);
        this.#waiting.delete(waiting);
        resolve(reply);
      };
      const waiting: Waiting = {
        test: (t) => /^SIP\/2\.0 [2-6]/.test(t) && header(t, 'Call-ID')[0] === id && header(t, 'CSeq')[0] === cseq,
        done: end,
      };
      this.#waiting.add(waiting);
      const out = (): void => this.#caller.send(text, port, '127.0.0.1');
      const timer = setTimeout(() => end(''), ms);
      const again = setInterval(out, 500);
      out();
    });
  }

  request(port: number, method: string, more = '', id = `req-${++this.#n}`): Promise<string> {
    return this.send(
      port,
      `${method} sip:bob@127.0.0.1:${this.calleePort} SIP/2.0\r\n${this.#via(id, method)}Max-Forwards: 20\r\n` +
        `From: <sip:alice@example.test>;tag=a-${id}\r\nTo: <sip:bob@example.test>\r\nCall-ID: ${id}\r\n` +
        `CSeq: 1 ${method}\r\nContact: <sip:alice@127.0.0.1:${this.callerPort}>\r\n${more}Content-Length: 0\r\n\r\n`,
    );
  }

  #via(id: string, what: string): string {
    return `Via: SIP/2.0/UDP 127.0.0.1:${this.callerPort};branch=z9hG4bK-${what}-${id}\r\n`;
  }

  /** A call up to its ACK; gives what sends a request within it. */
  async call(port: number, id: string, more = ''): Promise<{ code: string; within: Within }> {
    const ok = await this.request(port, 'INVITE', more, id);
    const code = ok.slice(8, 11);
    const routes = header(ok, 'Record-Route').reverse();
    const route = routes.length === 0 ? '' : `Route: ${routes.join(', ')}\r\n`;
    const to = header(ok, 'To')[0] ?? '';
    const text = (method: string, cseq: number) =>
      `${method} sip:p@127.0.0.1:${this.calleePort} SIP/2.0\r\n${this.#via(`${id}-${cseq}`, method)}Max-Forwards: 20\r\n` +
      `${route}From: <sip:alice@example.test>;tag=a-${id}\r\nTo: ${to}\r\nCall-ID: ${id}\r\nCSeq: ${cseq} ${method}\r\n` +
      `Contact: <sip:alice@127.0.0.1:${this.callerPort}>\r\nContent-Length: 0\r\n\r\n`;
    if (code === '200') this.#caller.send(text('ACK', 1), port, '127.0.0.1');
    return { code, within: (method, cseq = 2, at = port) => this.send(at, text(method, cseq)) };
  }
}

export type Within = (method: string, cseq?: number, port?: number) => Promise<string>;
