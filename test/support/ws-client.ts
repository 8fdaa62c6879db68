/** A WebSocket client that shows every byte: the answer to the handshake, each frame. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SipClient } from './sip-client.js';

/** Milliseconds for a frame. */
const WAIT = 3000;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export const HANDSHAKE: readonly string[] = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  `Sec-WebSocket-Key: ${KEY}`,
  'Origin: http://example.com',
  'Sec-WebSocket-Protocol: sip',
  'Sec-WebSocket-Version: 13',
];

export interface Frame {
  /** FIN, reserved bits and opcode. */
  readonly first: number;
  readonly masked: boolean;
  readonly payload: Buffer;
}

export interface SentFrame {
  readonly opcode: number;
  readonly payload?: string | Buffer;
  readonly fin?: boolean;
  readonly reserved?: number;
  /** Default true. */
  readonly masked?: boolean;
}

/** The bytes of a frame as a client sends it. */
export function frameBytes({ opcode, payload = '', fin = true, reserved = 0, masked = true }: SentFrame): Buffer {
  const data = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = data.length < 126 ? Buffer.alloc(2) : data.length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = (fin ? 0x80 : 0) | reserved | opcode;
  head[1] = (masked ? 0x80 : 0) | (data.length < 126 ? data.length : data.length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(data.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(data.length), 2);
  if (!masked) return Buffer.concat([head, data]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, data.map((byte, i) => byte ^ key[i & 3]!)]);
}

export class WsClient {
  readonly #stream: Socket;
  readonly proto: 'WS' | 'WSS';
  /** Until the handshake is over: its answer so far. */
  #text = '';
  #rest: Buffer = Buffer.alloc(0);
  #upgraded = false;
  ended = false;
  readonly frames: Frame[] = [];
  onMessage: (text: string) => void = () => undefined;
  #notify: () => void = () => undefined;

  private constructor(stream: Socket, proto: 'WS' | 'WSS') {
    this.#stream = stream;
    this.proto = proto;
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.ended = true;
      this.#notify();
    });
    stream.on('data', (data: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, data]);
      this.#read();
      this.#notify();
    });
  }

  static async connect(port: number, proto: 'WS' | 'WSS' = 'WS'): Promise<WsClient> {
    const options = { host: '127.0.0.1', port };
    const stream = proto === 'WS' ? connect(options) : connectTls({ ...options, rejectUnauthorized: false });
    await once(stream, proto === 'WS' ? 'connect' : 'secureConnect');
    return new WsClient(stream, proto);
  }

  /** Sends the lines of a request and gives the whole answer; '' when none comes. */
  async handshake(lines: readonly string[] = HANDSHAKE, ms = WAIT): Promise<string> {
    this.#stream.write(`${lines.join('\r\n')}\r\n\r\n`);
    await this.#until(() => this.#text !== '', ms);
    return this.#text;
  }

  get localPort(): number {
    return this.#stream.localPort ?? 0;
  }

  raw(data: Buffer | string): void {
    this.#stream.write(data);
  }

  send(frame: SentFrame): void {
    this.raw(frameBytes(frame));
  }

  /** The next frame that is not taken yet; undefined when none comes, or the connection ends before. */
  async next(ms = WAIT): Promise<Frame | undefined> {
    await this.#until(() => this.frames.length > 0, ms);
    return this.frames.shift();
  }

  async end(ms = WAIT): Promise<boolean> {
    await this.#until(() => this.ended, ms);
    return this.ended;
  }

  close(): void {
    this.#stream.destroy();
  }

  /** Talks SIP over it; other frames stay in `frames`. */
  sip(host = 'client.invalid'): SipClient {
    const line = {
      proto: this.proto,
      host,
      port: this.localPort,
      write: (text: string) => this.send({ opcode: 1, payload: text }),
      close: () => this.close(),
    };
    return SipClient.over(line, (take) => {
      this.onMessage = take;
    });
  }

  #read(): void {
    if (!this.#upgraded) {
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#text = this.#rest.toString('latin1', 0, end + 4);
      this.#rest = this.#rest.subarray(end + 4);
      this.#upgraded = this.#text.startsWith('HTTP/1.1 101');
    }
    while (this.#upgraded && this.#frame());
  }

  #frame(): boolean {
    const data = this.#rest;
    if (data.length < 2) return false;
    const short = data[1]! & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (data.length < start) return false;
    const length = start === 2 ? short : start === 4 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
    if (data.length < start + length) return false;
    const payload = data.subarray(start, start + length);
    this.#rest = data.subarray(start + length);
    const opcode = data[0]! & 0xf;
    if ((opcode === 1 || opcode === 2) && payload.length > 4) this.onMessage(payload.toString('latin1'));
    this.frames.push({ first: data[0]!, masked: (data[1]! & 0x80) !== 0, payload });
    return true;
  }

  #until(is: () => boolean, ms: number): Promise<void> {
    if (is() || this.ended) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#notify = () => undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#notify = () => {
        if (is() || this.ended) done();
      };
    });
  }
}
