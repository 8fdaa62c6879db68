/** Datagrams that wait for the others. */
import { expect, test } from 'vitest';
import type { Hooks } from '../../src/runtime/host.js';
import { patiently } from '../../src/server/patient.js';
import { listenSocket, type Received } from '../../src/sip/transport.js';

const from: Received = {
  proto: 'udp',
  srcIp: '127.0.0.1',
  srcPort: 5060,
  socket: listenSocket('udp', '127.0.0.1', 5060),
  connection: 0,
};
const later = () => new Promise((done) => setImmediate(done));

function setUp(busy = 0) {
  let dropped = 0;
  const mayWait = {
    is: (data: Buffer | string) => data.toString().startsWith('KDMQ'),
    take: (text: string) => text === 'KDMQ taken',
    dropped: () => {
      dropped++;
    },
  };
  const hooks: Pick<Hooks, 'mayWait'> = { mayWait };
  const taken: string[] = [];
  const receive = patiently(
    hooks as Hooks,
    (data) => {
      taken.push(data.toString());
      if (data.toString().startsWith('KDMQ')) for (const end = performance.now() + busy; performance.now() < end; );
    },
    (work) => work(),
  );
  return { hooks, taken, receive: (text: Buffer | string) => receive(text, from), dropped: () => dropped };
}

test('the others of a burst come first, those that wait keep their order, and bytes are their own', async () => {
  const { receive, taken } = setUp();
  const reused = Buffer.from('KDMQ 0');
  receive(reused);
  reused.write('KDMQ X');
  receive('OPTIONS 1');
  receive('KDMQ taken');
  receive('KDMQ 1');
  receive('OPTIONS 2');
  expect(taken).toEqual(['OPTIONS 1', 'OPTIONS 2']);
  await later();
  expect(taken).toEqual(['OPTIONS 1', 'OPTIONS 2', 'KDMQ 0', 'KDMQ 1']);
});

test('what comes meanwhile is handled between two slices', async () => {
  const { receive, taken } = setUp(0.6);
  for (let i = 0; i < 20; i++) receive(`KDMQ ${i}`);
  await later();
  const before = taken.length;
  expect(before).toBeLessThan(20);
  receive('OPTIONS');
  expect(taken[before]).toBe('OPTIONS');
  while (taken.length < 21) await later();
  expect(taken.filter((t) => t !== 'OPTIONS')).toEqual(Array.from({ length: 20 }, (_, i) => `KDMQ ${i}`));
});

test('without module dmq nothing waits; more than there is room for is dropped', async () => {
  const { hooks, receive, taken, dropped } = setUp();
  for (let i = 0; i < 8200; i++) receive(`KDMQ ${i}`);
  expect(dropped()).toBe(8);
  hooks.mayWait = undefined;
  receive('KDMQ now');
  expect(taken).toEqual(['KDMQ now']);
  while (taken.length < 8193) await later();
});
