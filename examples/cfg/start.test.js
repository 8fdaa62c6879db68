import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { load } from 'kamscript/testing';

let s;
before(async () => {
  s = await load(new URL('start.cfg', import.meta.url));
});
after(() => s.close());

test('OPTIONS is answered', async () => {
  const run = await s.request({ method: 'OPTIONS' });
  assert.equal(run.replies[0].startLine, 'SIP/2.0 200 OK');
});

test('methods that the script does not know are refused', async () => {
  assert.equal((await s.request({ method: 'REFER' })).status, 405);
});

test('an ACK is never answered', async () => {
  assert.deepEqual((await s.request({ method: 'ACK' })).sent, []);
});

test('a message becomes an event, named by its first word', async () => {
  const run = await s.request({ method: 'MESSAGE', body: 'hello you', from: 'sip:anna@example.com' });
  assert.equal(run.status, 202);
  assert.deepEqual(run.path, ['request_route', 'route[PUBLISH]']);
  const [event] = run.published;
  assert.equal(event.topic, 'messages');
  assert.deepEqual(JSON.parse(event.payload), {
    'Event-Category': 'message',
    'Event-Name': 'hello',
    From: 'sip:anna@example.com',
  });
  // The same event, as nsqd brings it back:
  const back = await s.nsq(event.payload);
  assert.equal(back.eventRoute, 'nsq:consumer-event-message-hello');
});

test('events fall back from their name to their category, and then to the last resort', async () => {
  const other = await s.nsq({ 'Event-Category': 'message', 'Event-Name': 'lunch' });
  assert.equal(other.eventRoute, 'nsq:consumer-event-message');
  const strange = await s.nsq({ n: 1 });
  assert.equal(strange.eventRoute, 'nsq:consumer-event');
  assert.deepEqual(strange.xlog, ['event route nsq:consumer-event: the last resort, for {"n":1}']);
});

test('route[PUBLISH] alone', async () => {
  const run = await s.route('PUBLISH', { method: 'MESSAGE', body: 'bye' });
  assert.equal(s.get('$var(name)', run), 'bye');
  assert.equal(run.published.length, 1);
});

test('a function can be answered by the test', async () => {
  const publish = s.mock('nsq_publish', -1);
  const run = await s.request({ method: 'MESSAGE', body: 'hello' });
  assert.equal(run.status, 503);
  assert.equal(publish.calls[0].args[0], 'messages');
});
