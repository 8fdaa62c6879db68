// A route that waits for an answer: the test plays the responder, and time.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { load } from 'kamscript/testing';

let s;
before(async () => {
  s = await load(new URL('nsq-query.cfg', import.meta.url));
});
after(() => s.close());

test('the answer goes into the reply', async () => {
  s.answer('directory', (request) => ({ Contact: `${request.User}@desk` }));
  const run = await s.request({ method: 'MESSAGE', body: '{"User":"alice"}' });
  assert.equal(run.replies[0].startLine, 'SIP/2.0 200 alice@desk');
  assert.equal(run.published[0].topic, 'directory');
});

test('without an answer the route waits for a second, and then says 404', async () => {
  s.answer('directory', () => undefined);
  const asked = await s.request({ method: 'MESSAGE', body: '{"User":"nobody"}' });
  assert.equal(asked.waiting, true);
  assert.deepEqual(asked.replies, []);
  const early = await s.advance(990);
  assert.deepEqual(early.replies, []);
  const late = await s.advance(20);
  assert.equal(late.replies[0].startLine, 'SIP/2.0 404 Nobody Knows');
});

test('a question that is no JSON is refused without asking', async () => {
  const run = await s.request({ method: 'MESSAGE', body: 'who?' });
  assert.equal(run.status, 404);
  assert.deepEqual(run.published, []);
});

test('the responder in the script answers to the topic that the question names', async () => {
  const run = await s.nsq({ User: 'alice', 'Msg-ID': '7', 'Server-ID': 'replies' });
  assert.deepEqual(run.published, [
    { topic: 'replies', payload: '{"Msg-ID":"7","Contact":"alice@desk"}', query: false },
  ]);
});

test('other requests are answered at once', async () => {
  assert.equal((await s.request({})).status, 200);
});
