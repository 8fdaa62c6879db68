// A call from INVITE to BYE, as the phone of a colleague shows it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { load } from 'kamscript/testing';

let s;
before(async () => {
  s = await load(new URL('lamps.cfg', import.meta.url));
});
after(() => s.close());

const message = (lines) => [...lines, 'Content-Length: 0', '', ''].join('\r\n');

const register = message([
  'REGISTER sip:example.com SIP/2.0',
  'Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKreg',
  'From: <sip:bob@example.com>;tag=r',
  'To: <sip:bob@example.com>',
  'Call-ID: register',
  'CSeq: 1 REGISTER',
  'Contact: <sip:bob@10.0.0.2>',
]);

const subscribe = message([
  'SUBSCRIBE sip:bob@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKsub',
  'From: <sip:carol@example.com>;tag=c',
  'To: <sip:bob@example.com>',
  'Call-ID: watch',
  'CSeq: 1 SUBSCRIBE',
  'Contact: <sip:carol@10.0.0.3>',
  'Event: dialog',
  'Expires: 600',
]);

const invite = message([
  'INVITE sip:bob@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKinv',
  'Max-Forwards: 70',
  'From: <sip:alice@example.com>;tag=a',
  'To: <sip:bob@example.com>',
  'Call-ID: call',
  'CSeq: 1 INVITE',
  'Contact: <sip:alice@10.0.0.1>',
]);

/** Hands what the server publishes back to it, and its answers; gives what the lamp of bob is told. */
async function lamp(run) {
  const shown = [];
  for (const publish of run.requests.filter((m) => m.method === 'PUBLISH')) {
    const taken = await s.request(publish.text);
    const ok = taken.replies.find((m) => m.status === 200);
    await s.reply(publish, 200, { headers: { 'SIP-ETag': ok.header('SIP-ETag'), Expires: ok.header('Expires') } });
    for (const notify of taken.requests.filter((m) => m.method === 'NOTIFY')) {
      shown.push(/<state>(\w+)/.exec(notify.body)[1]);
      await s.reply(notify, 200);
    }
  }
  return shown;
}

test('the lamp of bob blinks while he is called, and is on while he talks', async () => {
  await s.request(register);
  const watching = await s.request(subscribe);
  assert.equal(watching.status, 200);
  assert.equal(watching.requests[0].body, '');
  await s.reply(watching.requests[0], 200);

  const calling = await s.request(invite);
  assert.deepEqual(await lamp(calling), []);
  const forwarded = calling.requests.find((m) => m.method === 'INVITE');
  const contact = '<sip:bob@10.0.0.2>';
  assert.deepEqual(await lamp(await s.reply(forwarded, 180, { toTag: 'b', contact })), ['early']);
  assert.deepEqual(await lamp(await s.reply(forwarded, 200, { toTag: 'b', contact })), ['confirmed']);
});
