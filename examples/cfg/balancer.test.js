import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { load } from 'kamscript/testing';

let s;
beforeEach(async () => {
  s = await load(new URL('balancer.cfg', import.meta.url));
});
afterEach(() => s.close());

let calls = 0;
const call = () => ({
  method: 'INVITE',
  uri: 'sip:100@127.0.0.1',
  callId: `call-${++calls}`,
  branch: `z9hG4bK${calls}`,
});
const hosts = (messages) => messages.filter((m) => m.method === 'INVITE').map((m) => m.to);
const [ONE, TWO, SPARE] = ['192.0.2.11:5060', '192.0.2.12:5060', '192.0.2.13:5060'];

test('the gateways take turns, the spare one waits', async () => {
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push(...hosts((await s.request(call())).forwarded));
  assert.deepEqual(seen, [TWO, ONE, TWO, ONE]);
});

test('a gateway that fails is marked, and the call goes on', async () => {
  const [first] = (await s.request(call())).forwarded;
  const after = await s.reply(first, 503);
  assert.deepEqual(hosts(after.forwarded), [ONE]);
  assert.deepEqual(after.xlog, ['a gateway is down: 820 <null>']);
  const later = [];
  for (let i = 0; i < 2; i++) later.push(...hosts((await s.request(call())).forwarded));
  assert.deepEqual(later, [ONE, ONE]);
});

test('without any of the two the spare one serves, and then nobody', async () => {
  let [message] = (await s.request(call())).forwarded;
  const way = [message.to];
  for (let i = 0; i < 2; i++) {
    [message] = (await s.reply(message, 500)).forwarded.filter((m) => m.method === 'INVITE');
    way.push(message.to);
  }
  assert.deepEqual(way, [TWO, ONE, SPARE]);
  assert.equal((await s.reply(message, 503)).status, 500);
  assert.equal((await s.request(call())).status, 503);
});

test('probes find a gateway dead after two rounds, and back', async () => {
  let run = await s.advance(10_000);
  const probes = run.sent.filter((m) => m.method === 'OPTIONS');
  assert.deepEqual(probes.map((m) => m.to).sort(), [ONE, TWO, SPARE]);
  // nobody answers: 408 after fr_timer, twice
  run = await s.advance(20_000);
  assert.equal(run.xlog.filter((line) => line.includes('is down: 408')).length, 3);
  const again = (await s.advance(1_000)).sent.filter((m) => m.method === 'OPTIONS' && m.to === ONE);
  const back = await s.reply(again[0], 200);
  assert.deepEqual(back.xlog, ['sip:192.0.2.11:5060 is back']);
});
