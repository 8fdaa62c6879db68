import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VERDICT } from '../../../src/modules/nsq/protocol.js';
import { embedded, freePort, hasRealNsqd, realNsqd, sleep, type TestBroker, TestConsumer, until } from './helpers.js';

const brokers: [string, () => Promise<TestBroker>][] = [
  ['embedded broker', () => embedded({ limits: { msgTimeout: 1200 } })],
  ...(hasRealNsqd ? [['nsqd', () => realNsqd(['-msg-timeout', '1200ms'])] as [string, () => Promise<TestBroker>]] : []),
];

describe.each(brokers)('a consumer at the %s', (_, start) => {
  let broker: TestBroker;
  const made: TestConsumer[] = [];
  const consumer = (...args: ConstructorParameters<typeof TestConsumer>) => {
    const one = new TestConsumer(...args);
    made.push(one);
    return one;
  };
  beforeEach(async () => {
    broker = await start();
  });
  afterEach(async () => {
    await Promise.all(made.splice(0).map((one) => one.stop(200)));
    await broker.stop();
  });

  test('hands over a message with its route names and finishes it after the verdict', async () => {
    const one = consumer({ topic: 't' }, [broker.tcp]);
    await one.up();
    await broker.pub('t', { 'Event-Category': 'A_b', 'Event-Name': 'C', s: 'é' });
    await one.some(1);
    expect(one.events[0]).toMatchObject({
      first: 'nsq:consumer-event-a-b-c',
      second: 'nsq:consumer-event-a-b',
      attempts: 1,
    });
    expect(Buffer.from(one.events[0]!.text, 'latin1').toString()).toContain('"é"');
    expect((await broker.channel('t', 'ch'))?.in_flight_count).toBe(1);
    one.verdict(one.events[0]!, VERDICT.DONE);
    await broker.idle('t', 'ch');
  });

  test('max_in_flight is the number of messages it holds', async () => {
    const one = consumer({ topic: 't', maxInFlight: 3 }, [broker.tcp]);
    await one.up();
    await broker.mpub(
      't',
      Array.from({ length: 10 }, (_, n) => ({ n })),
    );
    await one.some(3);
    await sleep(150);
    expect(one.events).toHaveLength(3);
    for (const event of one.events) one.verdict(event, VERDICT.DONE);
    await one.some(6);
  });

  test('finishes what is no JSON by itself', async () => {
    const one = consumer({ topic: 't' }, [broker.tcp]);
    await one.up();
    await broker.pub('t', 'not json', { n: 1 });
    await one.some(1);
    expect(one.reports).toContainEqual({ kind: 'not-json', text: 'not json' });
    one.verdict(one.events[0]!, VERDICT.DONE);
    await broker.idle('t', 'ch');
  });

  test('a dropped message comes again, with its attempts counted, and holds nothing back', async () => {
    const one = consumer({ topic: 't', ackMode: 'after' }, [broker.tcp]);
    await one.up();
    await broker.pub('t', { n: 1 });
    await one.some(1);
    one.verdict(one.events[0]!, VERDICT.DROPPED);
    await broker.pub('t', { n: 2 });
    await one.some(2, 1000);
    await one.some(3, 8000);
    expect(one.events[2]).toMatchObject({ text: '{"n":1}', attempts: 2 });
    for (const event of one.events.slice(1)) one.verdict(event, VERDICT.DONE);
    await broker.idle('t', 'ch');
  });

  test('immediate: finished before the verdict, and no more than max_in_flight handed over', async () => {
    const one = consumer({ topic: 't', ackMode: 'immediate', maxInFlight: 2 }, [broker.tcp]);
    await one.up();
    await broker.pub('t', { n: 1 });
    await one.some(1);
    await broker.idle('t', 'ch', 1000);
    await broker.mpub(
      't',
      Array.from({ length: 6 }, (_, n) => ({ n })),
    );
    await sleep(200);
    expect(one.events).toHaveLength(2);
    one.onEvent = (event) => one.verdict(event, VERDICT.DONE);
    for (const event of one.events) one.verdict(event, VERDICT.DONE);
    await one.some(7);
  });

  test('after: the message of a route that runs on is kept from timing out', { timeout: 20_000 }, async () => {
    const one = consumer({ topic: 't', ackMode: 'after' }, [broker.tcp]);
    await one.up();
    await broker.pub('t', { n: 1 });
    await one.some(1);
    await sleep(3000);
    expect(await broker.channel('t', 'ch')).toMatchObject({ timeout_count: 0, in_flight_count: 1 });
    one.verdict(one.events[0]!, VERDICT.DONE);
    await broker.idle('t', 'ch');
    expect(one.events).toHaveLength(1);
  });

  test('paused it takes nothing, also after a reconnect; resumed it goes on', async () => {
    const one = consumer({ topic: 't' }, [broker.tcp]);
    one.onEvent = (event) => one.verdict(event, VERDICT.DONE);
    await one.up();
    one.send({ kind: 'pause', on: true });
    await sleep(100);
    await broker.pub('t', { n: 1 });
    await sleep(200);
    expect(one.events).toHaveLength(0);
    one.send({ kind: 'pause', on: false });
    await one.some(1);
  });

  test('stopped it gives back what has not begun, finishes what has, and leaves nothing in flight', async () => {
    const one = consumer({ topic: 't', maxInFlight: 4 }, [broker.tcp]);
    await one.up();
    await broker.mpub(
      't',
      Array.from({ length: 9 }, (_, n) => ({ n })),
    );
    await one.some(4);
    const stopped = one.stop(3000);
    await sleep(50);
    one.verdict(one.events[0]!, VERDICT.DONE);
    for (const event of one.events.slice(1, 4)) one.verdict(event, VERDICT.UNSTARTED);
    await stopped;
    const channel = await broker.channel('t', 'ch');
    expect(channel).toMatchObject({ in_flight_count: 0 });
    expect((channel?.depth ?? 0) + (channel?.deferred_count ?? 0)).toBe(8);
  });
});

test('a consumer connects once nsqd appears, and says what hinders it until then', async () => {
  const port = await freePort();
  const one = new TestConsumer({ topic: 't' }, [{ host: '127.0.0.1', port }]);
  await until(() => one.reports.find((r) => r.kind === 'down'), 'no report of the failure');
  expect(one.reports[0]).toMatchObject({
    kind: 'down',
    nsqd: `127.0.0.1:${port}`,
    reason: expect.stringContaining('ECONNREFUSED'),
  });
  const broker = await embedded({ tcpPort: port });
  await one.up();
  await broker.pub('t', { n: 1 });
  await one.some(1);
  one.verdict(one.events[0]!, VERDICT.DONE);
  await broker.idle('t', 'ch');
  await one.stop();
  await broker.stop();
});

test('an HTTP port is named as what it is', async () => {
  const broker = await embedded();
  const one = new TestConsumer({ topic: 't' }, [broker.http]);
  const report = await until(() => one.reports.find((r) => r.kind === 'down'), 'no report');
  expect(report).toMatchObject({ reason: expect.stringContaining('answers in HTTP') });
  await one.stop();
  await broker.stop();
});

test('what had not begun when the connection went is revoked, as it will come again', async () => {
  const broker = await embedded();
  const one = new TestConsumer({ topic: 't' }, [broker.tcp]);
  await one.up();
  await broker.mpub('t', [{ n: 1 }, { n: 2 }]);
  await one.some(2);
  await broker.stop();
  const report = await until(() => one.reports.find((r) => r.kind === 'revoked'), 'nothing revoked');
  expect(report).toMatchObject({ handles: one.events.map((e) => e.handle) });
  await one.stop(100);
});
