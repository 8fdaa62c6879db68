/** About ports: options of sockets on the loopback interface. */
import { createSocket, type Socket } from 'node:dgram';
import { createRequire } from 'node:module';
import { afterEach, describe, expect, test } from 'vitest';
import { loadKernel } from '../../src/sip/kernel.js';
import { descriptorOf, isMulticast } from '../../src/sip/socket-options.js';
import { TcpTransport } from '../../src/sip/tcp.js';
import { listenSocket } from '../../src/sip/transport.js';
import { UdpTransport } from '../../src/sip/udp.js';
import { BatchUdpTransport } from '../../src/sip/udp-batch.js';

const open: { stop(): Promise<void> }[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const s of sockets.splice(0)) s.close();
  for (const t of open.splice(0)) await t.stop();
});

let nextPort = 16_000 + (process.pid % 2000) * 5;
const kernel = loadKernel();

function optionOf(fd: number, name: number): number {
  interface Koffi {
    load(name: string): { func(signature: string): (...args: readonly unknown[]) => number };
  }
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  const getsockopt = koffi.load('libc.so.6').func('int getsockopt(int, int, int, uint8_t *, uint32_t *)');
  const value = Buffer.alloc(4);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(4);
  expect(getsockopt(fd, 0, name, value, length)).toBe(0);
  return value.readInt32LE();
}

const IP_TOS = 1;
const IP_MTU_DISCOVER = 10;

describe.skipIf(kernel === undefined)('options that only the system itself sets', () => {
  test('a descriptor gets type of service and path MTU discovery', async () => {
    const { setPacketOptions } = await import('../../src/sip/socket-options.js');
    const dgram = createSocket('udp4');
    sockets.push(dgram);
    await new Promise<void>((resolve) => dgram.bind({ port: 0, address: '127.0.0.1' }, resolve));
    setPacketOptions(descriptorOf(dgram), 4, { tos: 0x10, pmtuDiscovery: true });
    expect(optionOf(descriptorOf(dgram), IP_TOS)).toBe(0x10);
    expect(optionOf(descriptorOf(dgram), IP_MTU_DISCOVER)).toBe(2);
    setPacketOptions(descriptorOf(dgram), 4, { pmtuDiscovery: false });
    expect(optionOf(descriptorOf(dgram), IP_MTU_DISCOVER)).toBe(0);
  });

  test('a connection that is taken has the type of service of its listener', async () => {
    const found: number[] = [];
    const options = {
      packets: { tos: 8 },
      onStream: (_head: Buffer, stream: object) => {
        found.push(optionOf(descriptorOf(stream), IP_TOS));
        return true;
      },
    };
    const a = new TcpTransport(listenSocket('tcp', '127.0.0.1', nextPort++), options);
    const b = new TcpTransport(listenSocket('tcp', '127.0.0.1', nextPort++), { packets: { tos: 4 } });
    open.push(a, b);
    await a.start(() => undefined);
    await b.start(() => undefined);
    b.send('GET / HTTP/1.1\r\n\r\n', { proto: 'tcp', ip: '127.0.0.1', port: a.socket.port, socket: b.socket });
    await expect.poll(() => found).toEqual([8]);
    const dialled = [...b.connections.all()][0]!;
    expect(optionOf(descriptorOf(dialled.stream), IP_TOS)).toBe(4);
  });
});

test('group addresses are known', () => {
  for (const ip of ['224.0.1.75', '239.255.255.255', 'ff02::1', 'FF0E::5']) expect(isMulticast(ip)).toBe(true);
  for (const ip of ['223.1.1.1', '240.0.0.1', '::1', 'fe80::1', '10.0.0.1']) expect(isMulticast(ip)).toBe(false);
});

const kinds = kernel === undefined ? (['dgram'] as const) : (['dgram', 'batch'] as const);

test.each(kinds)('what is sent to a group arrives (%s)', async (kind) => {
  const group = '239.77.1.2';
  const socket = listenSocket('udp', group, nextPort++, { multicast: true });
  const options = { multicast: { interface: '127.0.0.1', ttl: 1, loopback: true } };
  const transport =
    kind === 'dgram' ? new UdpTransport(socket, options) : new BatchUdpTransport(socket, kernel!, options);
  open.push(transport);
  const got: string[] = [];
  await transport.start((data) => got.push(data.toString('latin1')));
  const sender = createSocket('udp4');
  sockets.push(sender);
  await new Promise<void>((resolve) => sender.bind({ port: 0, address: '127.0.0.1' }, resolve));
  sender.setMulticastInterface('127.0.0.1');
  sender.setMulticastLoopback(true);
  sender.send('OPTIONS sip:all SIP/2.0', socket.port, group);
  await expect.poll(() => got).toEqual(['OPTIONS sip:all SIP/2.0']);
});
