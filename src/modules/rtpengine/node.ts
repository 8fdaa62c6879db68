/** One RTPengine and its control protocol: a cookie and a dictionary in bencode, a datagram each way. */
import { createSocket, type Socket } from 'node:dgram';
import { type Host, LEVEL } from '../../runtime/module.js';
import { parsePlace } from '../rtpproxy/node.js';
import { type Bencode, decode, encode, textEntry } from './bencode.js';

export interface NodeSettings {
  /** Seconds for which one that does not answer is left alone. */
  readonly rtpengine_disable_tout: number;
  /** How often a command is sent. */
  readonly rtpengine_retr: number;
  /** Milliseconds for an answer. */
  readonly rtpengine_tout_ms: number;
}

export class RtpEngine {
  readonly url: string;
  readonly weight: number;
  readonly index: number;
  disabled = false;
  /** Milliseconds since the epoch from which it is tried again; Infinity: never. */
  recheck = 0;
  readonly #host: Host;
  readonly #settings: () => NodeSettings;
  readonly #pending = new Map<string, (answer: string | undefined) => void>();
  #socket: Promise<Socket> | undefined;
  #next = 0;

  constructor(host: Host, settings: () => NodeSettings, url: string, weight: number, index: number) {
    this.#host = host;
    this.#settings = settings;
    this.url = url;
    this.weight = weight;
    this.index = index;
  }

  /** Its answer; undefined where there is none: then it is out of use for a while. */
  async send(command: ReadonlyMap<string, Bencode>): Promise<Bencode | undefined> {
    const text = await this.#ask(command);
    if (text === undefined) {
      if (this.recheck !== Number.POSITIVE_INFINITY) this.putAside();
      return undefined;
    }
    const answer = decode(text);
    if (answer === undefined) this.#log(LEVEL.ERR, `failed to decode bencoded reply from proxy: ${text}`);
    return answer ?? '';
  }

  /** Leaves it alone for rtpengine_disable_tout seconds. */
  putAside(): void {
    this.disabled = true;
    this.recheck = this.#host.clock.now() + this.#settings().rtpengine_disable_tout * 1000;
  }

  /** Does it answer a ping? */
  async ping(): Promise<boolean> {
    const text = await this.#ask(new Map([['command', 'ping']]));
    if (text === undefined) {
      this.#log(LEVEL.ERR, 'proxy did not respond to ping');
      return false;
    }
    if (textEntry(decode(text), 'result') === 'pong') return true;
    this.#log(LEVEL.ERR, 'proxy responded with invalid response');
    return false;
  }

  /** True: it serves. One that was put aside is asked again when its time has come, or by `force`. */
  async test(force: boolean): Promise<boolean> {
    if (this.recheck === Number.POSITIVE_INFINITY) return false;
    if (!force && !this.disabled) return true;
    if (!force && this.recheck > this.#host.clock.now()) return false;
    const serves = await this.ping();
    if (!serves) {
      this.putAside();
      return false;
    }
    this.disabled = false;
    this.#log(LEVEL.INFO, `rtpengine instance <${this.url}> found, support for it ${force ? '' : 're-'}enabled`);
    return true;
  }

  #log(level: number, text: string): void {
    this.#host.log.write(level, 'rtpengine', `${text}\n`);
  }

  async #ask(command: ReadonlyMap<string, Bencode>): Promise<string | undefined> {
    const name = textEntry(command as Bencode, 'command') ?? '';
    let socket: Socket;
    try {
      this.#socket ??= this.#open();
      socket = await this.#socket;
    } catch (e) {
      this.#socket = undefined;
      const why = e instanceof Error ? e.message : String(e);
      this.#log(LEVEL.ERR, `can't send command "${name}" to RTPEngine <${this.url}>: ${why}`);
      return undefined;
    }
    const cookie = `${this.#host.pid}_${this.#next++}`;
    const data = Buffer.from(`${cookie} ${encode(command as Bencode)}`, 'latin1');
    const answer = await this.#attempts(socket, cookie, data);
    if (answer === undefined)
      this.#log(LEVEL.ERR, `timeout waiting reply for command "${name}" from RTPEngine <${this.url}>`);
    return answer;
  }

  #attempts(socket: Socket, cookie: string, data: Buffer): Promise<string | undefined> {
    const { rtpengine_retr: times, rtpengine_tout_ms: wait } = this.#settings();
    return new Promise((take) => {
      let left = times;
      const end = (answer: string | undefined) => {
        clearInterval(timer);
        this.#pending.delete(cookie);
        take(answer);
      };
      const attempt = () => {
        if (left-- > 0) socket.send(data);
        else end(undefined);
      };
      const timer = setInterval(attempt, Math.max(1, wait));
      this.#pending.set(cookie, end);
      attempt();
    });
  }

  #open(): Promise<Socket> {
    const place = parsePlace(this.url);
    if (place.kind !== 'udp') return Promise.reject(new Error('only udp: and udp6: are built'));
    const socket = createSocket(place.family === 4 ? 'udp4' : 'udp6');
    socket.unref();
    socket.on('message', (data) => {
      const text = data.toString('latin1');
      const blank = text.indexOf(' ');
      this.#pending.get(text.slice(0, blank))?.(text.slice(blank + 1));
    });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(place.port, place.host, () => {
        socket.removeListener('error', reject);
        // Nobody listens there: whoever waits need not wait longer.
        socket.on('error', () => this.#giveUp());
        resolve(socket);
      });
    });
  }

  #giveUp(): void {
    for (const end of [...this.#pending.values()]) end(undefined);
  }

  async close(): Promise<void> {
    this.#giveUp();
    const socket = await this.#socket?.catch(() => undefined);
    socket?.close();
    this.#socket = undefined;
  }
}
