/** About ports: UDP and TCP on the loopback interface. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { MemoryNetwork } from '../../src/sip/in-memory.js';
import { loadKernel } from '../../src/sip/kernel.js';
import type { StreamOptions } from '../../src/sip/stream-transport.js';
import { TcpTransport } from '../../src/sip/tcp.js';
import { type ListenSocket, listenSocket, type Received, type Transport } from '../../src/sip/transport.js';
import { UdpTransport } from '../../src/sip/udp.js';
import { BatchUdpTransport } from '../../src/sip/udp-batch.js';

const open: { stop(): Promise<void> }[] = [];
const streams: Socket[] = [];
afterEach(async () => {
  for (const s of streams.splice(0)) s.destroy();
  for (const t of open.splice(0)) await t.stop();
});

let nextPort = 21000 + (process.pid % 4000) * 10;
const port = () => nextPort++;

interface Got {
  readonly text: string;
  readonly from: Received;
}

async function started(transport: Transport): Promise<{ got: Got[]; next(): Promise<Got> }> {
  const got: Got[] = [];
  const waiting: ((g: Got) => void)[] = [];
  await transport.start((data, from) => {
    const one = { text: data.toString('latin1'), from };
    const waiter = waiting.shift();
    if (waiter) waiter(one);
    else got.push(one);
  });
  open.push(transport);
  return {
    got,
    next: () => new Promise((resolve) => (got.length > 0 ? resolve(got.shift()!) : waiting.push(resolve))),
  };
}

const message = (body: string, callId = 'c') =>
  `MESSAGE sip:x@y SIP/2.0\r\nCall-ID: ${callId}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

async function tcpPair(options: StreamOptions = {}) {
  const server = new TcpTransport(listenSocket('tcp', '127.0.0.1', port()), options);
  const inbox = await started(server);
  const client = connect({ host: '127.0.0.1', port: server.socket.port });
  streams.push(client);
  await new Promise((resolve) => client.once('connect', resolve));
  let back = '';
  client.on('data', (d) => (back += d.toString('latin1')));
  client.on('error', () => {});
  return { server, inbox, client, back: () => back };
}

const kernel = loadKernel();
const KINDS: readonly (readonly [name: string, make: ((socket: ListenSocket) => Transport) | undefined])[] = [
  ['plain dgram', (socket) => new UdpTransport(socket)],
  ['many datagrams a call', kernel && ((socket) => new BatchUdpTransport(socket, kernel))],
];

for (const [kind, make] of KINDS) {
  // Without koffi or Linux on 64 bits the second kind is not there: install koffi to play it.
  describe.skipIf(make === undefined)(`UDP, ${kind}`, () => {
    const udp = make!;
    test('UDP carries bytes unchanged, both ways', async () => {
      const a = udp(listenSocket('udp', '127.0.0.1', port()));
      const b = udp(listenSocket('udp', '127.0.0.1', port()));
      await started(a);
      const atB = await started(b);
      const text = `OPTIONS x\r\n\r\n${String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))}`;
      expect(a.send(text, { proto: 'udp', ip: '127.0.0.1', port: b.socket.port, socket: a.socket })).toBe(true);
      const one = await atB.next();
      expect(one.text).toBe(text);
      expect(one.from).toEqual({
        proto: 'udp',
        srcIp: '127.0.0.1',
        srcPort: a.socket.port,
        socket: b.socket,
        connection: 0,
      });
    });

    test('a port in use refuses the start, and a stopped socket does not send', async () => {
      const a = udp(listenSocket('udp', '127.0.0.1', port()));
      await started(a);
      const again = udp(a.socket);
      await expect(again.start(() => {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
      const to = { proto: 'udp', ip: '127.0.0.1', port: 9, socket: a.socket } as const;
      expect(again.send('x', to)).toBe(false);
      expect(a.send('x', { ...to, port: 0 })).toBe(false);
      const errors: Error[] = [];
      expect(a.send('x'.repeat(70000), to, {}, (e) => errors.push(e))).toBe(true);
      await expect.poll(() => errors.length).toBe(1);
    });

    test('a burst arrives whole and in order, both ways, and what cannot go is told', async () => {
      const a = udp(listenSocket('udp', '127.0.0.1', port()));
      const b = udp(listenSocket('udp', '127.0.0.1', port()));
      const atA = await started(a);
      const got: string[] = [];
      await b.start((data, from) => {
        got.push(data.toString('latin1'));
        b.send(`echo ${data.toString('latin1')}`, {
          proto: 'udp',
          ip: from.srcIp,
          port: from.srcPort,
          socket: b.socket,
        });
      });
      open.push(b);
      const texts = Array.from({ length: 300 }, (_, i) => `message ${i} ${'x'.repeat(i)}`);
      const to = { proto: 'udp', ip: '127.0.0.1', port: b.socket.port, socket: a.socket } as const;
      for (const text of texts) a.send(text, to);
      const echoes: string[] = [];
      for (const _ of texts) echoes.push((await atA.next()).text);
      expect(got).toEqual(texts);
      expect(echoes).toEqual(texts.map((t) => `echo ${t}`));
      const refused = await new Promise<Error>((resolve) => a.send('x'.repeat(70_000), to, {}, resolve));
      expect((refused as NodeJS.ErrnoException).code).toBe('EMSGSIZE');
      expect(a.send('x', { ...to, port: 0 })).toBe(false);
    });
  });
}

describe.skipIf(kernel === undefined)('datagrams of one length that the kernel divides', () => {
  /** Sends a burst with runs of equal length to two peers in turn; gives what each got. */
  async function burst(over: typeof kernel, count = 2, sizes: readonly number[] = [400]) {
    const a = new BatchUdpTransport(listenSocket('udp', '127.0.0.1', port()), over!);
    const peers = Array.from({ length: count }, port).map((p) => new UdpTransport(listenSocket('udp', '127.0.0.1', p)));
    await started(a);
    const inboxes = await Promise.all(peers.map(started));
    const sent: string[][] = peers.map(() => []);
    for (let i = 1; i < 200; i++) {
      const to = count > 2 ? (i * 5) % count : i % 7 === 0 ? 1 : 0;
      const size = sizes[i % sizes.length]!;
      const text = `message ${String(i).padStart(4)} ${'x'.repeat(i % 50 === 0 ? 2000 : size)}`;
      sent[to]!.push(text);
      a.send(text, { proto: 'udp', ip: '127.0.0.1', port: peers[to]!.socket.port, socket: a.socket });
    }
    const got: string[][] = peers.map(() => []);
    for (const peer of peers.keys()) for (const _ of sent[peer]!) got[peer]!.push((await inboxes[peer]!.next()).text);
    return { sent, got };
  }

  test('those to several peers in turn, some shorter, go together and stay in order for each', async () => {
    for (const count of [2, 3, 7, 12]) {
      const { sent, got } = await burst(kernel, count, [300, 400, 400, 350, 350, 120]);
      expect(got).toEqual(sent);
    }
  });

  test('each arrives by itself, in order', async () => {
    const { sent, got } = await burst(kernel);
    expect(got).toEqual(sent);
  });

  test('where the network cannot have it they go one by one', async () => {
    const EINVAL = 22;
    let refused = false;
    const { sent, got } = await burst({
      ...kernel!,
      sendmmsg(fd, vector, count, flags) {
        if (refused) return kernel!.sendmmsg(fd, vector, count, flags);
        refused = true;
        return -1;
      },
      errno: () => EINVAL,
    });
    expect(got).toEqual(sent);
  });
});

test('TCP cuts messages by Content-Length, however they are split', async () => {
  const { inbox, client } = await tcpPair();
  const all = message('hello') + message('') + message('0123456789', 'd');
  for (const c of all) client.write(c);
  expect((await inbox.next()).text).toBe(message('hello'));
  expect((await inbox.next()).text).toBe(message(''));
  const last = await inbox.next();
  expect(last.text).toBe(message('0123456789', 'd'));
  expect(last.from.connection).toBeGreaterThan(0);
});

test('lines that end with LF alone are cut too, and HTTP that nobody wants is passed over', async () => {
  const { inbox, client } = await tcpPair({ onStream: () => false });
  const lf = message('hello').replace(/\r\n/g, '\n');
  client.write(`${lf}GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nxx${message('after')}`);
  expect((await inbox.next()).text).toBe(lf);
  expect((await inbox.next()).text).toMatch(/^GET/);
  expect((await inbox.next()).text).toBe(message('after'));
});

test('two line ends are answered with one, and a reply takes the same connection', async () => {
  const { server, inbox, client, back } = await tcpPair();
  client.write(`\r\n\r\n${message('a')}`);
  const { from } = await inbox.next();
  const to = { proto: 'tcp', ip: from.srcIp, port: 9, socket: server.socket, connection: from.connection } as const;
  expect(server.send('SIP/2.0 200 OK\r\n\r\n', to, { noConnect: true })).toBe(true);
  await expect.poll(back).toBe('\r\nSIP/2.0 200 OK\r\n\r\n');
  expect(server.send('x', { ...to, connection: 0 }, { noConnect: true })).toBe(false);
});

for (const [what, bytes] of [
  ['noise', 'hello world\r\n'],
  ['a message with two Content-Lengths', 'MESSAGE sip:x@y SIP/2.0\r\nContent-Length: 0\r\nl: 0\r\n\r\n'],
  ['a message without Content-Length', 'MESSAGE sip:x@y SIP/2.0\r\nCall-ID: c\r\n\r\n'],
  ['a message that is too long', 'MESSAGE sip:x@y SIP/2.0\r\nContent-Length: 99999999\r\n\r\n'],
  ['headers without end', `MESSAGE sip:x@y SIP/2.0\r\nX: ${'y'.repeat(70000)}`],
] as const) {
  test(`${what} closes the connection`, async () => {
    const { inbox, client } = await tcpPair();
    const closed = new Promise((resolve) => client.once('close', resolve));
    client.write(bytes);
    await closed;
    expect(inbox.got).toEqual([]);
  });
}

test('a stream that is no SIP is known when its first line has come in pieces', async () => {
  const heads: string[] = [];
  const { client } = await tcpPair({
    onStream: (head, stream) => {
      heads.push(head.toString('latin1'));
      stream.destroy();
      return true;
    },
  });
  const closed = new Promise((resolve) => client.once('close', resolve));
  client.setNoDelay(true);
  for (const part of ['GET / HT', 'TP/1.1', '\r\nHost: x\r\n\r\n']) {
    client.write(part);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await closed;
  expect(heads.length).toBe(1);
  expect(heads[0]).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
});

test('a stream that is no SIP goes to the hook with all its bytes', async () => {
  const heads: string[] = [];
  const { client, back } = await tcpPair({
    onStream: (head, stream) => {
      heads.push(head.toString('latin1'));
      stream.end('HTTP/1.1 204 No Content\r\n\r\n');
      return true;
    },
  });
  client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await expect.poll(back).toBe('HTTP/1.1 204 No Content\r\n\r\n');
  expect(heads).toEqual(['GET / HTTP/1.1\r\nHost: x\r\n\r\n']);
});

test('a connection is made once and used again', async () => {
  const a = new TcpTransport(listenSocket('tcp', '127.0.0.1', port()));
  const b = new TcpTransport(listenSocket('tcp', '127.0.0.1', port()));
  await started(a);
  const inbox = await started(b);
  const to = { proto: 'tcp', ip: '127.0.0.1', port: b.socket.port, socket: a.socket } as const;
  expect(a.send(message('1'), to)).toBe(true);
  expect(a.send(message('2'), to)).toBe(true);
  const first = await inbox.next();
  const second = await inbox.next();
  expect(second.from.connection).toBe(first.from.connection);
  expect(a.connections.size).toBe(1);
});

test('a refused connection is told to the sender', async () => {
  const a = new TcpTransport(listenSocket('tcp', '127.0.0.1', port()));
  await started(a);
  const errors: Error[] = [];
  const to = { proto: 'tcp', ip: '127.0.0.1', port: 1, socket: a.socket } as const;
  expect(a.send('x', to, {}, (e) => errors.push(e))).toBe(true);
  await expect.poll(() => errors.length).toBe(1);
  expect(a.connections.size).toBe(0);
});

test('an idle connection ends after its lifetime', async () => {
  const { client } = await tcpPair({ lifetime: 50 });
  await new Promise((resolve) => client.once('close', resolve));
});

test('in memory, what is sent arrives in order and later', async () => {
  const net = new MemoryNetwork();
  const server = net.transport(listenSocket('udp', '10.0.0.1', 5060));
  const inbox = await started(server);
  const heard: string[] = [];
  const ua = net.peer('10.0.0.2', 5070, (p) => heard.push(p.text));
  ua.send('one', { ip: '10.0.0.1', port: 5060 });
  expect(inbox.got).toEqual([]);
  expect((await inbox.next()).from.srcPort).toBe(5070);
  server.send('two', { proto: 'udp', ip: '10.0.0.2', port: 5070, socket: server.socket });
  net.lose = () => true;
  server.send('three', { proto: 'udp', ip: '10.0.0.2', port: 5070, socket: server.socket });
  await Promise.resolve();
  expect(heard).toEqual(['two']);
  expect(net.packets.map((p) => p.text)).toEqual(['one', 'two', 'three']);
});
