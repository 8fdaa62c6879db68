/** One RTPproxy and its control protocol: a command a datagram with a cookie before it, or a connection for each command. */
import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import { type Host, LEVEL } from '../../runtime/module.js';

const SECOND = 1000;
/** The one version of the control protocol, and the capabilities that are asked for. */
const VERSION = '20040107';
const CAPABILITY = { required: '20050322', repacketize: '20071116', payloads: '20071218' } as const;

export interface NodeSettings {
  readonly rtpproxy_disable_tout: number;
  /** How often a command is sent. */
  readonly rtpproxy_retr: number;
  /** Seconds for an answer. */
  readonly rtpproxy_tout: number;
}

interface Pending {
  readonly take: (answer: string | undefined) => void;
}

type Place =
  | { readonly kind: 'udp'; readonly family: 4 | 6; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

const DEFAULT_PORT = 22222;

/** `udp:host:port`, `udp6:host:port`, `unix:/path` or a path. */
export function parsePlace(url: string): Place {
  const udp = /^udp(6?):(.*)$/is.exec(url);
  if (udp === null) return { kind: 'unix', path: url.replace(/^unix:/i, '') };
  const [, six = '', rest = ''] = udp;
  const [, host = rest, port = `${DEFAULT_PORT}`] = /^(.*):(\d+)$/s.exec(rest) ?? [];
  return { kind: 'udp', family: six === '' ? 4 : 6, host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

export class RtpNode {
  readonly url: string;
  readonly weight: number;
  readonly index: number;
  disabled = false;
  /** Milliseconds since the epoch from which it is tried again; Infinity: never. */
  recheck = 0;
  repacketizes = false;
  knowsPayloads = false;
  readonly #host: Host;
  readonly #settings: () => NodeSettings;
  readonly #place: Place;
  readonly #pending = new Map<string, Pending>();
  #socket: Promise<Socket> | undefined;
  #next = 1;

  constructor(host: Host, settings: () => NodeSettings, url: string, weight: number, index: number) {
    this.#host = host;
    this.#settings = settings;
    this.url = url;
    this.weight = weight;
    this.index = index;
    this.#place = parsePlace(url);
  }

  /** Its answer; undefined when there is none: then it is out of use for a while. */
  async send(command: string): Promise<string | undefined> {
    const place = this.#place;
    const answer = place.kind === 'unix' ? await this.#overUnix(place.path, command) : await this.#overUdp(command);
    if (answer === undefined) {
      this.#log(LEVEL.ERR, `proxy <${this.url}> does not respond, disable it`);
      this.disabled = true;
      this.#later();
    }
    return answer;
  }

  /** Asks what it is and can; true: it serves. `force`: also before its time has come. */
  async test(force: boolean): Promise<boolean> {
    if (this.recheck === Number.POSITIVE_INFINITY) return false;
    if (!force && !this.disabled) return true;
    if (!force && this.recheck > this.#host.clock.now()) return false;
    const refused = await this.#refusal();
    this.disabled = refused !== undefined;
    if (refused !== undefined) {
      this.#log(LEVEL.WARN, refused);
      const forever = this.#settings().rtpproxy_disable_tout < 0;
      this.#log(LEVEL.WARN, `support for RTP proxy <${this.url}> has been disabled${forever ? '' : ' temporarily'}`);
      this.#later();
      return false;
    }
    this.#log(LEVEL.INFO, `rtp proxy <${this.url}> found, support for it ${force ? '' : 're-'}enabled`);
    this.repacketizes = (await this.#can(CAPABILITY.repacketize)) === true;
    this.knowsPayloads = (await this.#can(CAPABILITY.payloads)) === true;
    return true;
  }

  async #refusal(): Promise<string | undefined> {
    const version = await this.send('V');
    if (version === undefined) return "can't get version of the RTP proxy";
    if (Number.parseInt(version, 10) !== Number(VERSION))
      return `unsupported version of RTP proxy <${this.url}> found: ${VERSION} supported, ${version.trim()} present`;
    const can = await this.#can(CAPABILITY.required);
    if (can === undefined) return 'RTP proxy went down during version query';
    return can ? undefined : `RTP proxy <${this.url}> doesn't support required protocol version ${CAPABILITY.required}`;
  }

  async #can(capability: string): Promise<boolean | undefined> {
    const answer = await this.send(`VF ${capability}`);
    return answer === undefined ? undefined : Number.parseInt(answer, 10) === 1;
  }

  #later(): void {
    if (this.recheck === Number.POSITIVE_INFINITY) return;
    const { rtpproxy_disable_tout } = this.#settings();
    if (rtpproxy_disable_tout >= 0) this.recheck = this.#host.clock.now() + rtpproxy_disable_tout * SECOND;
  }

  #log(level: number, text: string): void {
    this.#host.log.write(level, 'rtpproxy', `${text}\n`);
  }

  async #overUdp(command: string): Promise<string | undefined> {
    let socket: Socket;
    try {
      this.#socket ??= this.#open();
      socket = await this.#socket;
    } catch (e) {
      this.#socket = undefined;
      this.#log(LEVEL.ERR, `can't create socket: ${e instanceof Error ? e.message : String(e)}`);
      return undefined;
    }
    const cookie = `${this.#host.pid}_${this.#next++}`;
    const { rtpproxy_retr, rtpproxy_tout } = this.#settings();
    const answer = await new Promise<string | undefined>((take) => {
      let left = rtpproxy_retr;
      const attempt = () => {
        if (left-- > 0) return void socket.send(Buffer.from(`${cookie} ${command}`, 'latin1'));
        take(undefined);
      };
      const timer = setInterval(attempt, Math.max(1, rtpproxy_tout * SECOND));
      this.#pending.set(cookie, {
        take: (text) => {
          clearInterval(timer);
          take(text);
        },
      });
      attempt();
    });
    this.#pending.get(cookie)?.take(answer);
    this.#pending.delete(cookie);
    if (answer === undefined) this.#log(LEVEL.ERR, 'timeout waiting reply from a RTP proxy');
    return answer;
  }

  #open(): Promise<Socket> {
    const place = this.#place as Extract<Place, { kind: 'udp' }>;
    const socket = createSocket(place.family === 4 ? 'udp4' : 'udp6');
    socket.unref();
    socket.on('message', (data) => {
      const [, cookie = '', answer = ''] = /^(\S+) ?(.*)$/s.exec(data.toString('latin1')) ?? [];
      this.#pending.get(cookie)?.take(answer);
    });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(place.port, place.host, () => {
        socket.removeListener('error', reject);
        // nobody listens there: whoever waits need not wait longer
        socket.on('error', () => {
          for (const { take } of this.#pending.values()) take(undefined);
        });
        resolve(socket);
      });
    });
  }

  #overUnix(path: string, command: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const stream = connect(path, () => stream.write(Buffer.from(command, 'latin1')));
      const end = (answer: string | undefined) => {
        stream.destroy();
        resolve(answer);
      };
      stream.setTimeout(this.#settings().rtpproxy_tout * this.#settings().rtpproxy_retr * SECOND, () => end(undefined));
      stream.once('data', (d) => end(d.toString('latin1')));
      stream.on('error', () => end(undefined));
      stream.on('close', () => end(undefined));
    });
  }

  async close(): Promise<void> {
    for (const { take } of this.#pending.values()) take(undefined);
    const socket = await this.#socket?.catch(() => undefined);
    socket?.close();
    this.#socket = undefined;
  }
}
