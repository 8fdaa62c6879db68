import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { load } from 'kamscript/testing';

let s;
beforeEach(async () => {
  s = await load(new URL('trunk.cfg', import.meta.url));
});
afterEach(() => s.close());

const CALL = { method: 'INVITE', uri: 'sip:4989777@127.0.0.1', from: 'sip:ann@example.com', fromTag: 'a' };
const CHALLENGE = { headers: { 'Proxy-Authenticate': 'Digest realm="provider.example", nonce="n", qop="auth"' } };

/** Lines of acc, without their times. */
const accounted = (run) =>
  run.log
    .filter((line) => /ACC: /.test(line.text))
    .map((line) => line.text.replace(/^.*ACC: |timestamp=\d+;/g, '').trim());

test('the challenge of the provider is answered', async () => {
  const [first] = (await s.request(CALL)).forwarded;
  assert.equal(first.to, '192.0.2.10:5060');
  assert.equal(first.header('Proxy-Authorization'), undefined);

  const [second] = (await s.reply(first, 407, CHALLENGE)).forwarded.filter((m) => m.method === 'INVITE');
  assert.match(second.header('Proxy-Authorization'), /^Digest username="trunk", realm="provider.example", nonce="n"/);

  const answered = await s.reply(second, 200, { toTag: 'b' });
  assert.equal(answered.status, 200);
});

test('the provider sees the number of the company, the caller sees what he sent', async () => {
  const [invite] = (await s.request(CALL)).forwarded;
  assert.equal(invite.header('From'), 'Our Company <sip:4930123456@provider.example>;tag=a');
  const ringing = await s.reply(invite, 180, { toTag: 'b' });
  assert.equal(ringing.replies[0].header('From'), '<sip:ann@example.com>;tag=a');
});

test('a call leaves one line, and a failed one a line of a missed call too', async () => {
  const [invite] = (await s.request(CALL)).forwarded;
  const answered = await s.reply(invite, 200, { toTag: 'b' });
  assert.equal(accounted(answered).length, 1);
  assert.match(accounted(answered)[0], /^transaction answered: .*code=200;reason=OK;caller=ann;number=4989777$/);

  const [other] = (await s.request({ ...CALL, callId: 'second', branch: 'z9hG4bK2' })).forwarded;
  const lines = accounted(await s.reply(other, 486));
  assert.deepEqual(
    lines.map((line) => line.split(': ')[0]),
    ['call missed', 'transaction answered'],
  );
});

test('a challenge of a realm without an account ends the call', async () => {
  const [invite] = (await s.request(CALL)).forwarded;
  const run = await s.reply(invite, 407, {
    headers: { 'Proxy-Authenticate': 'Digest realm="other", nonce="n"' },
  });
  assert.equal(run.status, 503);
});
