// The whole way of a presence event: in over NSQ, kept in a hash table, used when a MESSAGE comes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { load } from 'kamscript/testing';

let s;
before(async () => {
  s = await load(new URL('nsq-presence.cfg', import.meta.url));
});
after(() => s.close());

const update = (user, state) => ({
  'Event-Category': 'presence',
  'Event-Name': 'update',
  'From-User': user,
  State: state,
});

test('a user of whom nothing is known gets messages', async () => {
  const run = await s.request({ method: 'MESSAGE', uri: 'sip:carol@example.com' });
  assert.equal(run.status, 200);
});

test('a user who talks is on the phone until the call ends', async () => {
  const talking = await s.nsq(update('alice', 'confirmed'));
  assert.deepEqual(talking.xlog, ['alice is confirmed (delivery 1)']);
  assert.equal(s.get('$sht(state=>alice)'), 'confirmed');
  const busy = await s.request({ method: 'MESSAGE', uri: 'sip:alice@example.com' });
  assert.equal(busy.replies[0].startLine, 'SIP/2.0 486 On the Phone');

  await s.nsq(update('alice', 'terminated'));
  const free = await s.request({ method: 'MESSAGE', uri: 'sip:alice@example.com' });
  assert.equal(free.status, 200);
});

test('what is known is forgotten after an hour', async () => {
  await s.nsq(update('bob', 'confirmed'));
  await s.advance(3_700_000);
  assert.equal(s.get('$sht(state=>bob)'), null);
});

test('an update without a user changes nothing', async () => {
  const run = await s.nsq({ 'Event-Category': 'presence', 'Event-Name': 'update' });
  assert.equal(run.ended, 'exit');
  assert.equal(run.log[0].severity, 'WARNING');
});

test('a delivery that is not the first says so', async () => {
  const run = await s.nsq(update('dave', 'confirmed'), { attempts: 3 });
  assert.deepEqual(run.xlog, ['dave is confirmed (delivery 3)']);
});

test('other events are named in the log', async () => {
  const run = await s.nsq({ 'Event-Category': 'call' });
  assert.equal(run.eventRoute, 'nsq:consumer-event');
  assert.match(run.xlog[0], /^not for us: /);
});

test('a PUBLISH goes out as it came', async () => {
  const run = await s.request({ method: 'PUBLISH', body: JSON.stringify(update('é', 'confirmed')) });
  assert.equal(run.status, 202);
  assert.equal(JSON.parse(run.published[0].payload)['From-User'], 'é');
});
