/** Clients over HTTP and WebSocket, as tests have them: no frames, only what is in them. */
import { Socket } from 'node:net';
import type { ServerHost } from '../server/host.js';
import type { ListenSocket, Proto, Received } from '../sip/transport.js';

/** An HTTP request in its parts. */
export interface HttpParts {
  /** Default `GET`. */
  readonly method?: string;
  /** Default `/`. */
  readonly uri?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Headers of a handshake that is accepted. */
export const HANDSHAKE: Readonly<Record<string, string>> = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Protocol': 'sip',
};

export function httpText({ method = 'GET', uri = '/', headers = {}, body = '' }: HttpParts, to: ListenSocket): string {
  const all = { Host: `${to.ip}:${to.port}`, ...headers, 'Content-Length': `${Buffer.byteLength(body)}` };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${uri} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

interface Client {
  readonly id: number;
  proto: Proto;
}

interface From {
  readonly ip: string;
  readonly port: number;
}

/** Connections by the address of the client. */
export class WebClients {
  readonly #clients = new Map<string, Client>();
  /** Ids begin behind that of all other streams. */
  #last = 1;

  /** Those that did a handshake, or sent a message as from a WebSocket, are reached by one. */
  connect(host: ServerHost): void {
    host.webSocket = (ip, port) => {
      const proto = this.#clients.get(`${ip}:${port}`)?.proto;
      return proto === 'ws' || proto === 'wss' ? proto : undefined;
    };
    host.upgradeConnection = (id) => {
      const client = [...this.#clients.values()].find((c) => c.id === id);
      if (client !== undefined) client.proto = client.proto === 'tls' ? 'wss' : 'ws';
      return client !== undefined;
    };
  }

  /** Where a message comes from; `proto` is missing where its transport is the listener's. */
  received(socket: ListenSocket, { ip, port }: From, proto: Proto | undefined): Received {
    const client = this.#clients.get(`${ip}:${port}`);
    const over = proto ?? (client === undefined || socket.proto === 'udp' ? socket.proto : client.proto);
    const id = over === socket.proto ? 1 : this.#client(ip, port, over).id;
    const connection = socket.proto === 'udp' || socket.proto === 'sctp' ? 0 : id;
    return { proto: over, srcIp: ip, srcPort: port, socket, connection };
  }

  /** Begins a connection for an HTTP request. */
  http(socket: ListenSocket, { ip, port }: From): { readonly stream: Socket; readonly from: Received } {
    const { id } = this.#client(ip, port, socket.proto);
    const from: Received = { proto: socket.proto, srcIp: ip, srcPort: port, socket, connection: id };
    return { stream: new Socket(), from };
  }

  #client(ip: string, port: number, proto: Proto): Client {
    const key = `${ip}:${port}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      this.#last++;
      client = { id: this.#last, proto };
      this.#clients.set(key, client);
    }
    client.proto = proto;
    return client;
  }
}
