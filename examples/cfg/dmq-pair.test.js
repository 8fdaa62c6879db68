// A node of a DMQ bus, and the test in the place of the other one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { load } from 'kamscript/testing';

const OTHER = '127.0.0.1:5072';
let s;
before(async () => {
  s = await load(new URL('dmq-pair.cfg', import.meta.url));
  // The other node answers with its list.
  await s.reply(s.started.kdmq[0], 200, { body: `sip:${OTHER};status=active\r\n`, contentType: 'text/plain' });
});
after(() => s.close());

test('the start asks the other node for the list of nodes', () => {
  const [ask] = s.started.kdmq;
  assert.equal(ask.to, OTHER);
  assert.equal(ask.uri, `sip:notification_peer@${OTHER}`);
  assert.match(ask.body, /^sip:127\.0\.0\.1:5071;status=active/);
});

test('the other node gets what is sent to all', async () => {
  const run = await s.request({ method: 'MESSAGE', body: 'hello bus' });
  assert.equal(run.replies[0].startLine, 'SIP/2.0 202 Accepted');
  assert.deepEqual(
    run.kdmq.map((m) => [m.to, m.uri, m.body]),
    [[OTHER, `sip:greetings@${OTHER}`, 'hello bus']],
  );
  await s.reply(run.kdmq[0], 202);
});

test('what another node sends is logged and accepted', async () => {
  const run = await s.kdmq('hello', { peer: 'greetings', from: OTHER });
  assert.deepEqual(run.xlog, [`from the bus (${OTHER}): hello`]);
  assert.equal(run.status, 202);
});

test('a stranger may not speak to the bus', async () => {
  const run = await s.kdmq('hello', { peer: 'greetings', from: '192.0.2.1:5060' });
  assert.equal(run.status, 403);
  assert.deepEqual(run.xlog, []);
});

test('a request that has gone too far is refused', async () => {
  assert.equal((await s.request({ method: 'MESSAGE', maxForwards: 0 })).status, 483);
});

test('the nodes are pinged every 15 seconds', async () => {
  const run = await s.advance(15_000);
  assert.deepEqual(
    run.kdmq.map((m) => m.uri),
    [`sip:notification_peer@${OTHER}`],
  );
});
