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

const subscribe = [
  'SUBSCRIBE sip:alice@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKwatch',
  'From: <sip:erin@example.com>;tag=erin',
  'To: <sip:alice@example.com>',
  'Call-ID: watch',
  'CSeq: 1 SUBSCRIBE',
  'Contact: <sip:erin@127.0.0.1:5070>',
  'Event: presence',
  'Expires: 600',
  'Content-Length: 0',
  '',
  '',
].join('\r\n');

/** An update that says all that a watcher is told. */
const full = (state) => ({
  ...update('alice', state),
  'Event-Package': 'presence',
  'From-Realm': 'example.com',
  'To-User': 'bob',
  'Call-ID': 'call-1',
  Expires: '3600',
});

test('a phone that subscribed hears of it', async () => {
  const subscribed = await s.request(subscribe);
  assert.equal(subscribed.status, 200);
  assert.equal(subscribed.requests[0].method, 'NOTIFY');
  assert.equal(subscribed.requests[0].body, '');

  const talking = await s.nsq(full('confirmed'));
  const [notify] = talking.requests;
  assert.equal(notify.method, 'NOTIFY');
  assert.equal(notify.header('Subscription-State'), 'active;expires=600');
  assert.match(notify.body, /<rpid:on-the-phone\/>/);

  const free = await s.nsq(full('terminated'));
  assert.match(free.requests[0].body, /<note>Available<\/note>/);
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
