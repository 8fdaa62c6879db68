/** A stand-in for an RTPengine: it speaks the ng protocol, keeps what it was told, and changes the SDP in a visible way. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Bencode, decode, encode, plain, textEntry } from '../../src/modules/rtpengine/bencode.js';

export class NgEngine {
  /** Commands but pings, as JSON has them. */
  readonly commands: Record<string, unknown>[] = [];
  pings = 0;
  /** What it answers to the next commands instead of "ok". */
  readonly answers: (ReadonlyMap<string, Bencode> | 'silence')[] = [];
  readonly #socket: Socket;
  readonly port: number;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on('message', (data, from) => {
      const text = data.toString('latin1');
      const blank = text.indexOf(' ');
      const answer = this.#answer(decode(text.slice(blank + 1)));
      if (answer !== undefined)
        socket.send(Buffer.from(`${text.slice(0, blank)} ${encode(answer)}`, 'latin1'), from.port, from.address);
    });
  }

  static async open(): Promise<NgEngine> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NgEngine(socket);
  }

  #answer(command: Bencode | undefined): Bencode | undefined {
    const name = textEntry(command, 'command');
    if (name === 'ping') {
      this.pings++;
      return new Map([['result', 'pong']]);
    }
    this.commands.push((command === undefined ? { unreadable: true } : plain(command)) as Record<string, unknown>);
    const prepared = this.answers.shift();
    if (prepared !== undefined) return prepared === 'silence' ? undefined : prepared;
    const sdp = textEntry(command, 'sdp');
    return new Map<string, Bencode>([
      ['result', 'ok'],
      ...(sdp === undefined ? [] : [['sdp', sdp.replace(/^o=\S+/m, 'o=engine')] as const]),
      ...(name === 'play media' ? [['duration', 1234] as const] : []),
      ...(name === 'query'
        ? [['totals', new Map<string, Bencode>([['RTP', new Map([['packets', 7]])]])] as const]
        : []),
    ]);
  }

  close(): void {
    this.#socket.close();
  }
}
