/** About ports: TLS on the loopback interface, with a certificate of the tests' own. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import type { StreamOptions } from '../../src/sip/stream-transport.js';
import { fixedTls, type TlsOptions, TlsTransport } from '../../src/sip/tls.js';
import { listenSocket, type Received } from '../../src/sip/transport.js';

const read = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
const OWN: TlsOptions = { certificate: read('tls-cert.pem'), privateKey: read('tls-key.pem') };

const open: TlsTransport[] = [];
afterEach(async () => {
  for (const t of open.splice(0)) await t.stop();
});

let port = 27000 + (process.pid % 3000) * 4;

async function started(tls: TlsOptions, more: StreamOptions = {}) {
  const errors: Error[] = [];
  const transport = new TlsTransport(listenSocket('tls', '127.0.0.1', port++), fixedTls(tls), {
    onError: (e) => errors.push(e),
    ...more,
  });
  const got: { text: string; from: Received }[] = [];
  await transport.start((data, from) => got.push({ text: data.toString('latin1'), from }));
  open.push(transport);
  return { transport, got, errors };
}

const MESSAGE = 'MESSAGE sip:x@y SIP/2.0\r\nContent-Length: 5\r\n\r\nhello';

test('messages go both ways over one connection', async () => {
  const a = await started(OWN);
  const b = await started(OWN);
  const to = { proto: 'tls', ip: '127.0.0.1', port: b.transport.socket.port, socket: a.transport.socket } as const;
  expect(a.transport.send(MESSAGE, to)).toBe(true);
  await expect.poll(() => b.got.length).toBe(1);
  const from = b.got[0]?.from;
  expect(from).toMatchObject({ proto: 'tls', srcIp: '127.0.0.1' });
  const back = { ...to, port: from?.srcPort ?? 0, connection: from?.connection ?? 0 };
  expect(b.transport.send(MESSAGE, back, { noConnect: true })).toBe(true);
  await expect.poll(() => a.got.map((g) => g.text)).toEqual([MESSAGE]);
});

test('a certificate that is asked for and not good ends the connection on either side', async () => {
  const trusting = await started(OWN);
  const strict = await started({ ...OWN, verifyCertificate: true });
  const failures: Error[] = [];
  const to = {
    proto: 'tls',
    ip: '127.0.0.1',
    port: trusting.transport.socket.port,
    socket: strict.transport.socket,
  } as const;
  expect(strict.transport.send(MESSAGE, to, {}, (e) => failures.push(e))).toBe(true);
  await expect.poll(() => failures.length).toBe(1);
  trusting.transport.send(MESSAGE, { ...to, port: strict.transport.socket.port, socket: trusting.transport.socket });
  await expect.poll(() => strict.errors.length + trusting.errors.length).toBeGreaterThan(1);
  expect([...trusting.got, ...strict.got]).toEqual([]);
});

test('with the authority known the same certificate is good', async () => {
  const known = { ...OWN, caList: OWN.certificate, verifyCertificate: true, requireCertificate: true };
  const a = await started(known);
  const b = await started(known);
  a.transport.send(MESSAGE, {
    proto: 'tls',
    ip: '127.0.0.1',
    port: b.transport.socket.port,
    socket: a.transport.socket,
  });
  await expect.poll(() => b.got.length).toBe(1);
});

test('a header of the PROXY protocol stands before the handshake', async () => {
  const { transport, got } = await started(OWN, { proxyHeaderWait: 5000 });
  const { port: to } = transport.socket;
  const raw = connect({ host: '127.0.0.1', port: to });
  raw.write('PROXY TCP4 192.0.2.7 192.0.2.1 1234 5061\r\n');
  const secure = connectSecure({ socket: raw, rejectUnauthorized: false });
  secure.write(MESSAGE);
  await expect.poll(() => got.map((g) => g.text)).toEqual([MESSAGE]);
  expect(got[0]?.from).toMatchObject({ srcIp: '192.0.2.7', srcPort: 1234, sentTo: { ip: '192.0.2.1', port: 5061 } });
  secure.destroy();
});

test('where such headers are expected, a connection without one is taken too', async () => {
  const { transport, got } = await started(OWN, { proxyHeaderWait: 5000 });
  const secure = connectSecure({ host: '127.0.0.1', port: transport.socket.port, rejectUnauthorized: false });
  secure.write(MESSAGE);
  await expect.poll(() => got[0]?.from.srcIp).toBe('127.0.0.1');
  secure.destroy();
});

test('a stream that has said nothing yet does not keep a listener from ending', async () => {
  const { transport } = await started(OWN, { proxyHeaderWait: 60_000 });
  const raw = connect({ host: '127.0.0.1', port: transport.socket.port });
  raw.on('error', () => undefined);
  await new Promise((resolve) => raw.once('connect', resolve));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await transport.stop();
});
