import { afterEach, expect, test } from 'vitest';
import { VERDICT } from '../../../src/modules/nsq/protocol.js';
import { embedded, freePort, sleep, TestConsumer, TestPublisher, until } from './helpers.js';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const broker = async (options?: Parameters<typeof embedded>[0]) => {
  const one = await embedded(options);
  ends.push(() => one.stop());
  return one;
};
const publisher = (...args: ConstructorParameters<typeof TestPublisher>) => {
  const one = new TestPublisher(...args);
  ends.push(() => one.stop());
  return one;
};

test('a publication is true once nsqd said OK, and its bytes are unchanged', async () => {
  const at = await broker();
  const one = publisher([at.tcp]);
  const body = Buffer.from('{"u":"h\u00e9llo \u20ac", "x" :  1 } tail').toString('latin1');
  expect(await one.publish('t', body)).toBeUndefined();
  const reader = new TestConsumer({ topic: 't' }, [at.tcp]);
  ends.push(() => reader.stop(100));
  await reader.some(1);
  expect(reader.events[0]!.text).toBe(body);
  reader.verdict(reader.events[0]!, VERDICT.DONE);
});

test('hundreds at once all arrive once', async () => {
  const at = await broker();
  const one = publisher([at.tcp]);
  const results = await Promise.all(Array.from({ length: 300 }, (_, n) => one.publish('t', `{"n":${n}}`)));
  expect(results.filter((r) => r !== undefined)).toEqual([]);
  const { text } = await at.call('GET', '/stats?format=json');
  expect(JSON.parse(text).topics[0].message_count).toBe(300);
});

test('without a broker it is false soon, and true again when the broker is back', async () => {
  const port = await freePort();
  const one = publisher([{ host: '127.0.0.1', port }]);
  const before = Date.now();
  expect(await one.publish('t', '{}')).toMatch(/no connection/);
  expect(Date.now() - before).toBeLessThan(1500);
  await broker({ tcpPort: port });
  expect(await one.publish('t', '{}')).toBeUndefined();
});

test('the second of two brokers is used when the first is gone', async () => {
  const [a, b] = [await embedded(), await broker()];
  const one = publisher([a.tcp, b.tcp]);
  expect(await one.publish('t', '{}')).toBeUndefined();
  await a.stop();
  await sleep(50);
  for (let i = 0; i < 4; i++) expect(await one.publish('t', '{}')).toBeUndefined();
});

test('an answer to a query comes back by its Msg-ID; the reply topic is subscribed before the query is sent', async () => {
  const at = await broker();
  const one = publisher([at.tcp]);
  const responder = new TestConsumer({ topic: 'ask' }, [at.tcp]);
  ends.push(() => responder.stop(100));
  responder.onEvent = (event) => {
    responder.verdict(event, VERDICT.DONE);
    void at.pub('reply.test%23ephemeral', { 'Msg-ID': 'one', answer: 42 });
  };
  await responder.up();
  expect(await one.publish('ask', '{"Msg-ID":"one"}', true)).toBeUndefined();
  const reply = await until(() => one.messages.find((m) => m.kind === 'replies'), 'no reply');
  expect(reply).toEqual({ kind: 'replies', list: [['one', '{"Msg-ID":"one","answer":42}']] });
});
