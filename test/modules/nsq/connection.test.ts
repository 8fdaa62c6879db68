/** TLS and AUTH with a real nsqd, and servers that speak nonsense. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERDICT } from '../../../src/modules/nsq/protocol.js';
import { hasRealNsqd, PLAIN, realNsqd, TestConsumer, TestPublisher, until } from './helpers.js';

describe.skipIf(!hasRealNsqd)('nsqd that demands TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'nsq-tls-'));
  const cert = join(dir, 'cert.pem');
  const key = join(dir, 'key.pem');
  beforeAll(() => {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=127.0.0.1',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        cert,
      ],
      { stdio: 'ignore' },
    );
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const tls = { verify: true, ca: cert, cert: null, key: null };

  test('consumes and publishes; who shows no certificate that we trust is refused', { timeout: 30_000 }, async () => {
    const nsqd = await realNsqd(['-tls-cert', cert, '-tls-key', key, '-tls-required=tcp-https']);
    const one = new TestConsumer({ topic: 't', connection: { ...PLAIN, tls } }, [nsqd.tcp]);
    const publisher = new TestPublisher([nsqd.tcp], { connection: { ...PLAIN, tls } });
    expect(await publisher.publish('t', '{"n":1}')).toBeUndefined();
    await one.some(1);
    one.verdict(one.events[0]!, VERDICT.DONE);
    await nsqd.idle('t', 'ch');
    const unverified = new TestConsumer(
      { topic: 't', channel: 'u', connection: { ...PLAIN, tls: { ...tls, ca: null, verify: false } } },
      [nsqd.tcp],
    );
    await unverified.up();
    const strict = new TestConsumer({ topic: 't', channel: 's', connection: { ...PLAIN, tls: { ...tls, ca: null } } }, [
      nsqd.tcp,
    ]);
    const down = await until(() => strict.reports.find((r) => r.kind === 'down'), 'no report');
    expect(down).toMatchObject({ reason: expect.stringMatching(/self.signed/) });
    const plain = new TestConsumer({ topic: 't', channel: 'p' }, [nsqd.tcp]);
    expect(await until(() => plain.reports.find((r) => r.kind === 'down'), 'no report')).toMatchObject({
      reason: expect.stringContaining('E_INVALID'),
    });
    await Promise.all([one, unverified, strict, plain].map((c) => c.stop(200)));
    await publisher.stop();
    await nsqd.stop();
  });
});

test.skipIf(!hasRealNsqd)(
  'nsqd with an auth server takes the secret, and nobody without it',
  { timeout: 30_000 },
  async () => {
    const auth = createHttpServer((request, response) => {
      const secret = new URL(request.url ?? '', 'http://x').searchParams.get('secret');
      const allowed = {
        ttl: 3600,
        identity: 'kam',
        identity_url: '',
        authorizations: [{ topic: '.*', channels: ['.*'], permissions: ['subscribe', 'publish'] }],
      };
      if (secret === 'right') response.end(JSON.stringify(allowed));
      else response.writeHead(403).end('{}');
    });
    await new Promise<void>((done) => auth.listen(0, '127.0.0.1', done));
    const nsqd = await realNsqd(['-auth-http-address', `127.0.0.1:${(auth.address() as { port: number }).port}`]);
    const one = new TestConsumer({ topic: 't', connection: { ...PLAIN, authSecret: 'right' } }, [nsqd.tcp]);
    const publisher = new TestPublisher([nsqd.tcp], { connection: { ...PLAIN, authSecret: 'right' } });
    expect(await publisher.publish('t', '{"n":1}')).toBeUndefined();
    await one.some(1);
    const wrong = new TestConsumer({ topic: 't', connection: { ...PLAIN, authSecret: 'wrong' } }, [nsqd.tcp]);
    expect(await until(() => wrong.reports.find((r) => r.kind === 'down'), 'no report')).toMatchObject({
      reason: expect.stringContaining('E_AUTH_FAILED'),
    });
    const none = new TestPublisher([nsqd.tcp]);
    expect(await none.publish('t', '{"n":2}')).toContain('E_AUTH_FIRST');
    await Promise.all([one.stop(200), wrong.stop(200)]);
    await Promise.all([publisher.stop(), none.stop()]);
    await nsqd.stop();
    auth.close();
  },
);

test('whatever a server sends, a consumer and a publisher stay alive', { timeout: 60_000 }, async () => {
  const frame = (type: number, data: Buffer) => {
    const head = Buffer.alloc(8);
    head.writeInt32BE(4 + data.length, 0);
    head.writeInt32BE(type, 4);
    return Buffer.concat([head, data]);
  };
  const text = fc
    .constantFrom(
      'OK',
      '{}',
      '{"msg_timeout":"x"}',
      '_heartbeat_',
      'CLOSE_WAIT',
      'E_FIN_FAILED x',
      'E_INVALID',
      'nonsense',
      '',
    )
    .map((s) => Buffer.from(s));
  const bytes = fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b));
  const piece = fc.oneof(
    fc.tuple(fc.integer({ min: -1, max: 4 }), fc.oneof(text, bytes)).map(([type, data]) => frame(type, data)),
    bytes,
    fc.constant(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
  );
  let script: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => {
      for (const part of script) socket.write(part);
      if (script.length % 2 === 1) socket.destroy();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const at = { host: '127.0.0.1', port: (server.address() as { port: number }).port };
  const faults: unknown[] = [];
  const note = (error: unknown) => void faults.push(error);
  process.on('uncaughtException', note);
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), async (parts) => {
      script = parts;
      const consumer = new TestConsumer({ topic: 't' }, [at]);
      const publisher = new TestPublisher([at], { timeout: 100 });
      await publisher.publish('t', 'x');
      await Promise.all([consumer.stop(20), publisher.stop()]);
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    }),
    { numRuns: 60 },
  );
  process.off('uncaughtException', note);
  server.close();
  expect(faults).toEqual([]);
});
