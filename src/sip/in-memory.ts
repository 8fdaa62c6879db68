/** A network without sockets, for tests and the script test kit: what is sent arrives in a later microtask, in order. */
import type { Destination, ListenSocket, OnDatagram, Proto, Received, SendOptions, Transport } from './transport.js';

/** One message on the wire. */
export interface Packet {
  readonly proto: Proto;
  readonly from: { readonly ip: string; readonly port: number };
  readonly to: { readonly ip: string; readonly port: number };
  readonly text: string;
}

/** One address at which something listens. */
type Endpoint = (packet: Packet) => void;

export class MemoryNetwork {
  readonly #endpoints = new Map<string, Endpoint>();
  /** Every message sent, whether it arrived or not. */
  readonly packets: Packet[] = [];
  /** Messages for which it answers true are lost. */
  lose: (packet: Packet) => boolean = () => false;

  /** A transport of the server under test. */
  transport(socket: ListenSocket): Transport {
    return new MemoryTransport(this, socket);
  }

  /** A user agent at an address. */
  peer(ip: string, port: number, onMessage: (packet: Packet) => void, proto: Proto = 'udp'): MemoryPeer {
    this.attach(proto, ip, port, onMessage);
    return {
      send: (text, to) => this.carry({ proto, from: { ip, port }, to, text }),
      close: () => this.detach(proto, ip, port),
    };
  }

  attach(proto: Proto, ip: string, port: number, endpoint: Endpoint): void {
    this.#endpoints.set(`${proto}:${ip}:${port}`, endpoint);
  }

  detach(proto: Proto, ip: string, port: number): void {
    this.#endpoints.delete(`${proto}:${ip}:${port}`);
  }

  listens(proto: Proto, ip: string, port: number): boolean {
    return this.#endpoints.has(`${proto}:${ip}:${port}`);
  }

  carry(packet: Packet): void {
    this.packets.push(packet);
    if (this.lose(packet)) return;
    const { proto, to } = packet;
    queueMicrotask(() => this.#endpoints.get(`${proto}:${to.ip}:${to.port}`)?.(packet));
  }
}

export interface MemoryPeer {
  send(text: string, to: { ip: string; port: number }): void;
  close(): void;
}

class MemoryTransport implements Transport {
  readonly socket: ListenSocket;
  readonly #network: MemoryNetwork;
  #started = false;

  constructor(network: MemoryNetwork, socket: ListenSocket) {
    this.#network = network;
    this.socket = socket;
  }

  start(onMessage: OnDatagram): Promise<void> {
    const { socket } = this;
    const { proto, ip, port } = socket;
    if (this.#network.listens(proto, ip, port)) {
      return Promise.reject(Object.assign(new Error(`${socket.text} is in use`), { code: 'EADDRINUSE' }));
    }
    this.#network.attach(proto, ip, port, (packet) => {
      const from: Received = {
        proto,
        srcIp: packet.from.ip,
        srcPort: packet.from.port,
        socket,
        connection: proto === 'udp' ? 0 : 1,
      };
      onMessage(Buffer.from(packet.text, 'latin1'), from);
    });
    this.#started = true;
    return Promise.resolve();
  }

  /** Over streams a destination where nothing listens is a failed connect, told later. */
  send(data: string | Buffer, to: Destination, options?: SendOptions, onFailure?: (error: Error) => void): boolean {
    if (!this.#started) return false;
    const { proto, ip, port } = this.socket;
    if (proto !== 'udp' && !this.#network.listens(proto, to.ip, to.port)) {
      if (options?.noConnect) return false;
      queueMicrotask(() => onFailure?.(Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })));
      return true;
    }
    const text = typeof data === 'string' ? data : data.toString('latin1');
    this.#network.carry({ proto, from: { ip, port }, to: { ip: to.ip, port: to.port }, text });
    return true;
  }

  stop(): Promise<void> {
    const { proto, ip, port } = this.socket;
    if (this.#started) this.#network.detach(proto, ip, port);
    this.#started = false;
    return Promise.resolve();
  }
}
