// Which of the five event routes does an event run?
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { load } from 'kamscript/testing';

let s;
before(async () => {
  s = await load(new URL('nsq-fallback.cfg', import.meta.url));
});
after(() => s.close());

const cases = [
  [{ 'Event-Category': 'presence', 'Event-Name': 'update' }, 'nsq:consumer-event-presence-update'],
  [{ 'Event-Category': 'presence', 'Event-Name': 'delete' }, 'nsq:consumer-event-presence'],
  [{ 'Event-Category': 'Presence', 'Event-Name': 'UPDATE' }, 'nsq:consumer-event-presence-update'],
  [{ 'Event-Name': 'update' }, 'nsq:consumer-event-event-category-event-name'],
  [{ n: 1 }, 'nsq:consumer-event-event-category-event-name'],
];
for (const [event, route] of cases) {
  test(`${JSON.stringify(event)} runs ${route}`, async () => {
    const run = await s.nsq(event);
    assert.equal(run.eventRoute, route);
    assert.equal(run.verdict, 'finished');
    assert.equal(run.xlog.length, 1);
  });
}

test('the five names are tried in order, and each says why it runs or does not', async () => {
  const run = await s.nsq({ 'Event-Category': 'presence', 'Event-Name': 'delete' });
  assert.deepEqual(
    run.candidates.map((c) => [c.name, c.exists, c.runs]),
    [
      ['nsq:consumer-event-presence-delete', false, false],
      ['nsq:consumer-event-presence', true, true],
      ['nsq:consumer-event-event-category-event-name', true, false],
      ['nsq:consumer-event-event-category', true, false],
      ['nsq:consumer-event', true, false],
    ],
  );
  assert.match(run.candidates[1].where, /nsq-fallback\.cfg:\d+$/);
  assert.equal(run.candidates[4].why, 'an earlier one runs; from every event');
});

test('what is no JSON runs nothing', async () => {
  const run = await s.nsq('no json');
  assert.equal(run.eventRoute, undefined);
  assert.deepEqual(run.tops, []);
});

test('a MESSAGE is published and accepted', async () => {
  const run = await s.request({ method: 'MESSAGE', body: '{"n":1}' });
  assert.equal(run.status, 202);
  assert.deepEqual(run.published, [{ topic: 'events', payload: '{"n":1}', query: false }]);
});

test('while nsqd is away a MESSAGE is refused', async () => {
  s.nsqd('down');
  const run = await s.request({ method: 'MESSAGE', body: '{"n":1}' });
  s.nsqd('up');
  assert.equal(run.replies[0].startLine, 'SIP/2.0 503 Event Bus Unavailable');
});
