/** A UDP socket. Never throws once bound; what goes wrong later is told to `onError`. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Destination, ListenSocket, OnDatagram, Received, SendOptions, Transport } from './transport.js';

export interface UdpOptions {
  /** Errors of the socket that belong to no message sent. */
  readonly onError?: (error: Error) => void;
  /** Bytes the kernel may hold for a busy script thread; the system may give less. */
  readonly receiveBuffer?: number;
  /** Several processes may bind the address. */
  readonly reuse?: boolean;
}

const RECEIVE_BUFFER = 4 * 1024 * 1024;

export class UdpTransport implements Transport {
  readonly socket: ListenSocket;
  readonly #options: UdpOptions;
  #dgram: Socket | null = null;

  constructor(socket: ListenSocket, options: UdpOptions = {}) {
    this.socket = socket;
    this.#options = options;
  }

  start(onMessage: OnDatagram): Promise<void> {
    const { socket } = this;
    const dgram = createSocket({
      type: socket.af === 6 ? 'udp6' : 'udp4',
      ipv6Only: socket.af === 6,
      reuseAddr: this.#options.reuse ?? false,
      // addresses are literal: no lookup, and none of the ticks that one costs
      lookup: (host, _options, done) => done(null, host, socket.af),
    });
    dgram.on('message', (data: Buffer, info: RemoteInfo) => {
      const from: Received = { proto: 'udp', srcIp: info.address, srcPort: info.port, socket, connection: 0 };
      onMessage(data, from);
    });
    return new Promise((resolve, reject) => {
      dgram.once('error', reject);
      dgram.bind({ address: socket.ip, port: socket.port }, () => {
        dgram.removeListener('error', reject);
        dgram.on('error', (error) => this.#options.onError?.(error));
        widen(dgram, this.#options.receiveBuffer ?? RECEIVE_BUFFER);
        this.#dgram = dgram;
        resolve();
      });
    });
  }

  send(data: string | Buffer, to: Destination, _options?: SendOptions, onFailure?: (error: Error) => void): boolean {
    const dgram = this.#dgram;
    if (dgram === null || to.port < 1 || to.port > 65535) return false;
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    const failed = onFailure ?? this.#options.onError;
    try {
      dgram.send(bytes, to.port, to.ip, failed === undefined ? ignore : (error) => error !== null && failed(error));
    } catch (error) {
      // a socket that was closed in between, or an address that is none
      if (error instanceof Error) failed?.(error);
      return false;
    }
    return true;
  }

  stop(): Promise<void> {
    const dgram = this.#dgram;
    this.#dgram = null;
    return dgram === null ? Promise.resolve() : new Promise((resolve) => dgram.close(() => resolve()));
  }
}

function ignore(): void {}

function widen(dgram: Socket, bytes: number): void {
  try {
    dgram.setRecvBufferSize(bytes);
  } catch {
    // the system's own size will do
  }
}
