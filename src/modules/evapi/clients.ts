/** The clients that are connected, and what the script sends to them. */
import { createServer, type Server, type Socket } from 'node:net';
import { type Host, LEVEL } from '../../runtime/module.js';
import { asFrame, cutFrames } from './frames.js';

export interface EvapiParams {
  readonly workers: number;
  readonly bind_addr: string | null;
  readonly netstring_format: number;
  readonly max_clients: number;
}

export interface Client {
  /** `$evapi(conidx)`. */
  readonly index: number;
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
  tag: string;
  connected: boolean;
  pending: string;
  /** Its events run one after the other. */
  turn: Promise<void> | undefined;
}

/** What an event route sees: `$evapi(…)`. */
export interface Event {
  readonly client: Client;
  readonly message: string | null;
}

export type Raise = (name: string, event: Event) => void | Promise<void>;

const DEFAULT_ADDRESS = '127.0.0.1';
const DEFAULT_PORT = 8448;
const LONGEST_TAG = 63;

/** Host and port of bind_addr, or why not. */
export function parseBind(text: string | null): { readonly host: string; readonly port: number } | string {
  if (!text) return { host: DEFAULT_ADDRESS, port: DEFAULT_PORT };
  const at = text.indexOf(':');
  if (at < 0) return { host: text, port: DEFAULT_PORT };
  const port = Number.parseInt(text.slice(at + 1), 10);
  return port > 0 && port < 65_536 ? { host: text.slice(0, at), port } : `invalid port: ${text.slice(at + 1)}`;
}

export class Clients {
  readonly #host: Host;
  readonly #raise: Raise;
  readonly #slots: (Client | undefined)[] = [];
  #server: Server | undefined;

  constructor(host: Host, raise: Raise) {
    this.#host = host;
    this.#raise = raise;
  }

  get #params(): EvapiParams {
    return this.#host.program.params('evapi') as unknown as EvapiParams;
  }

  /** Listens. Rejects with the system's error. */
  listen(at: { readonly host: string; readonly port: number }): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', (e) =>
        reject(new Error(`evapi: cannot bind to local address and port [${at.host}:${at.port}]: ${e.message}`)),
      );
      server.listen(at.port, at.host, () => {
        server.on('error', (e) => this.#say(LEVEL.ERR, `cannot accept the client: ${e.message}`));
        resolve();
      });
    });
  }

  close(): void {
    this.#server?.close();
    for (const client of this.#slots) client?.socket.destroy();
  }

  /** Sends to all clients, to those of a tag, or to the first of a tag; gives their number. */
  send(text: string, tag?: string, first = false): number {
    const data = this.#params.netstring_format !== 0 ? asFrame(text) : text;
    let n = 0;
    for (const client of this.#slots) {
      if (client === undefined || !client.connected || (tag !== undefined && client.tag !== tag)) continue;
      client.socket.write(data, 'latin1');
      n++;
      if (first) break;
    }
    return n;
  }

  disconnect(client: Client): boolean {
    if (!client.connected) return false;
    this.#forget(client);
    client.socket.end();
    return true;
  }

  setTag(client: Client, tag: string): boolean {
    if (!client.connected) this.#say(LEVEL.ERR, 'connection not established');
    else if (tag.length > LONGEST_TAG) this.#say(LEVEL.ERR, `tag size too big: ${tag.length} / ${LONGEST_TAG + 1}`);
    else {
      client.tag = tag;
      return true;
    }
    return false;
  }

  #accept(socket: Socket): void {
    // one that is reset closes, which is all that is to be known of it
    socket.on('error', () => undefined);
    const free = this.#slots.indexOf(undefined);
    const index = free < 0 ? this.#slots.length : free;
    if (index >= this.#params.max_clients) {
      this.#say(LEVEL.ERR, 'too many clients');
      socket.destroy();
      return;
    }
    const client: Client = {
      index,
      socket,
      address: socket.remoteAddress ?? '',
      port: socket.remotePort ?? 0,
      tag: '',
      connected: true,
      pending: '',
      turn: undefined,
    };
    this.#slots[index] = client;
    socket.setKeepAlive(true);
    this.#tell('evapi:connection-new', client, null);
    socket.on('data', (data) => this.#received(client, data.toString('latin1')));
    socket.once('close', () => this.#gone(client));
  }

  #received(client: Client, data: string): void {
    if (!client.connected) return;
    if (this.#params.netstring_format === 0) {
      this.#tell('evapi:message-received', client, data);
      return;
    }
    const { texts, rest } = cutFrames(client.pending + data);
    client.pending = rest;
    for (const text of texts) this.#tell('evapi:message-received', client, text);
  }

  #gone(client: Client): void {
    if (!client.connected) return;
    this.#tell('evapi:connection-closed', client, null, () => this.#forget(client));
    this.#say(LEVEL.INFO, `client closing connection - pos [${client.index}] addr [${client.address}:${client.port}]`);
  }

  #forget(client: Client): void {
    client.connected = false;
    if (this.#slots[client.index] === client) this.#slots[client.index] = undefined;
  }

  /** Runs the event route at once, or behind those of this client that still wait. */
  #tell(name: string, client: Client, message: string | null, after: () => void = () => undefined): void {
    const run = () => this.#raise(name, { client, message });
    const done = client.turn === undefined ? run() : client.turn.then(run);
    if (!(done instanceof Promise)) {
      after();
      return;
    }
    const turn = done.finally(() => {
      after();
      if (client.turn === turn) client.turn = undefined;
    });
    client.turn = turn;
    this.#host.detach(turn, `event_route[${name}]`);
  }

  #say(level: number, text: string): void {
    this.#host.log.write(level, 'evapi', `${text}\n`);
  }
}
