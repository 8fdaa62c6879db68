/** The UDP transport for an address: many datagrams a call where the machine can, else plain dgram. */
import { loadKernel } from './kernel.js';
import type { ListenSocket, Transport } from './transport.js';
import { type UdpOptions, UdpTransport } from './udp.js';
import { BatchUdpTransport } from './udp-batch.js';

export function udpTransport(socket: ListenSocket, options: UdpOptions): Transport {
  const kernel = socket.af === 4 ? loadKernel() : undefined;
  return kernel === undefined ? new UdpTransport(socket, options) : new BatchUdpTransport(socket, kernel, options);
}
