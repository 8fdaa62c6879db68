import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findNsqd } from '../../../src/modules/nsq/address-book.js';
import { askJson, Discovery, producers } from '../../../src/modules/nsq/discovery.js';
import type { Address } from '../../../src/modules/nsq/settings.js';
import { FakeClock } from '../../support/fake-host.js';
import { BIN, embedded, freePort, hasRealNsqd, realNsqd, until } from './helpers.js';

const at = (port: number): Address => ({ host: '127.0.0.1', port });
const producer = (port: number, more = {}) => ({
  broadcast_address: 'n',
  tcp_port: port,
  http_port: port + 1,
  ...more,
});
const turn = () => new Promise((done) => setImmediate(done));

test('the answers of all lookupds are joined; one that does not answer keeps its last word', async () => {
  const clock = new FakeClock();
  const answers = new Map<number, unknown>([
    [1, { producers: [producer(10)] }],
    [2, { producers: [producer(10), producer(20)] }],
  ]);
  const lists: string[] = [];
  const log: string[] = [];
  const discovery = new Discovery(
    [at(1), at(2)],
    't',
    {
      after: (ms, fn) => clock.after(ms, fn),
      random: () => 0.5,
      ask: async ({ port }, path) => {
        expect(path).toBe('/lookup?topic=t');
        const answer = answers.get(port);
        if (answer instanceof Error) throw answer;
        return answer;
      },
      onLookupd: ({ port }, error) => void log.push(`${port} ${error}`),
    },
    (list) =>
      void lists.push(
        list
          .map((a) => a.port)
          .sort()
          .join(),
      ),
  );
  await turn();
  expect(lists.at(-1)).toBe('10,20');
  answers.set(2, new Error('refused'));
  for (let i = 0; i < 3; i++) {
    clock.advance(20_000);
    await turn();
  }
  expect(lists.at(-1)).toBe('10,20');
  expect(log).toEqual(['2 refused']);
  answers.set(2, undefined);
  clock.advance(20_000);
  await turn();
  expect(lists.at(-1)).toBe('10');
  expect(log).toEqual(['2 refused', '2 undefined']);
  discovery.stop();
});

test('a lost connection has the lookupds asked again soon', async () => {
  const clock = new FakeClock();
  let asked = 0;
  const tools = {
    after: (ms: number, fn: () => void) => clock.after(ms, fn),
    random: () => 0.5,
    ask: async () => {
      asked++;
      return { producers: [producer(10)] };
    },
    onLookupd: () => {},
  };
  const discovery = new Discovery([at(1)], 't', tools, () => {});
  await turn();
  discovery.hurry();
  clock.advance(600);
  expect(asked).toBe(2);
  discovery.stop();
});

test('producers of /lookup, of /nodes with tombstones, and of the wrapped answers before 1.0', () => {
  expect(producers({ producers: [producer(1)] })).toEqual([{ host: 'n', port: 1 }]);
  expect(producers({ status_code: 200, data: { producers: [producer(2)] } })).toEqual([{ host: 'n', port: 2 }]);
  expect(
    producers({ producers: [producer(3, { tombstones: [true] }), producer(4, { tombstones: [false, true] })] }),
  ).toEqual([{ host: 'n', port: 4 }]);
  for (const odd of [
    undefined,
    null,
    7,
    'x',
    {},
    { producers: 3 },
    { producers: [null, 1, {}, { broadcast_address: 5 }] },
  ])
    expect(producers(odd)).toEqual([]);
});

test('an answer that is no JSON, an error status and silence are errors; 404 is no news', async () => {
  const answers: Record<string, [number, string]> = {
    '/ok': [200, '{"a":1}'],
    '/404': [404, '{"message":"TOPIC_NOT_FOUND"}'],
    '/500': [500, 'x'],
    '/text': [200, 'nope'],
  };
  const server = createServer((request, response) => {
    const [status, text] = answers[request.url ?? ''] ?? [200, ''];
    if (request.url !== '/silent') response.writeHead(status).end(text);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const here = at((server.address() as { port: number }).port);
  expect(await askJson(here, '/ok')).toEqual({ a: 1 });
  expect(await askJson(here, '/404')).toBeUndefined();
  await expect(askJson(here, '/500')).rejects.toThrow('500');
  await expect(askJson(here, '/text')).rejects.toThrow('JSON');
  await expect(askJson(here, '/silent')).rejects.toThrow(/no answer/);
  server.closeAllConnections();
  server.close();
  await expect(askJson(at(await freePort()), '/ok')).rejects.toThrow('ECONNREFUSED');
});

test('an HTTP address leads to the TCP port, a TCP address to itself', async () => {
  const broker = await embedded();
  expect(await findNsqd(broker.http, askJson)).toEqual(broker.tcp);
  expect(await findNsqd(broker.tcp, askJson)).toEqual(broker.tcp);
  await broker.stop();
});

test.skipIf(!hasRealNsqd)('with a real nsqlookupd and nsqd', { timeout: 30_000 }, async () => {
  const [tcp, http] = [await freePort(), await freePort()];
  const lookupd = spawn(
    join(BIN, 'nsqlookupd'),
    ['-tcp-address', `127.0.0.1:${tcp}`, '-http-address', `127.0.0.1:${http}`],
    { stdio: 'ignore' },
  );
  const nsqd = await realNsqd(['-lookupd-tcp-address', `127.0.0.1:${tcp}`]);
  await nsqd.call('POST', '/topic/create?topic=found');
  expect(await findNsqd(nsqd.http, askJson)).toEqual(nsqd.tcp);
  expect(await findNsqd(nsqd.tcp, askJson)).toEqual(nsqd.tcp);
  const found = await until(
    async () => {
      const list = producers(await askJson(at(http), '/lookup?topic=found').catch(() => undefined));
      return list.length > 0 && list;
    },
    'nsqd does not register',
    15_000,
  );
  expect(found).toEqual([nsqd.tcp]);
  expect(producers(await askJson(at(http), '/nodes'))).toEqual([nsqd.tcp]);
  expect(producers(await askJson(at(http), '/lookup?topic=nope'))).toEqual([]);
  await nsqd.stop();
  lookupd.kill();
});
