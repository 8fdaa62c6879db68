import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { HANDSHAKE, load } from 'kamscript/testing';

let s;
beforeEach(async () => {
  s = await load(new URL('websocket.cfg', import.meta.url));
});
afterEach(() => s.close());

const BROWSER = { from: '192.0.2.7:50000', proto: 'ws' };
const PHONE = { from: '192.0.2.9:5060' };
/** What a browser calls itself: no name that leads anywhere. */
const WEB = 'sip:ann@a1b2.invalid;transport=ws';

const register = (who, contact, source) =>
  s.request(
    {
      method: 'REGISTER',
      uri: 'sip:example.com',
      from: `sip:${who}@example.com`,
      to: `sip:${who}@example.com`,
      contact,
    },
    source,
  );

test('a handshake is accepted, other requests are not', async () => {
  const accepted = await s.http({ headers: HANDSHAKE });
  assert.equal(accepted.status, 101);
  assert.equal(accepted.replies[0].header('Sec-WebSocket-Accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');

  assert.equal((await s.http({ uri: '/' }, { from: '192.0.2.8:1' })).status, 404);
  const old = await s.http({ headers: { ...HANDSHAKE, 'Sec-WebSocket-Version': '8' } }, { from: '192.0.2.8:2' });
  assert.equal(old.status, 426);
  const other = await s.http({ headers: { ...HANDSHAKE, Origin: 'https://evil.example' } }, { from: '192.0.2.8:3' });
  assert.equal(other.status, 403);
});

test('a browser is called over its connection', async () => {
  await s.http({ headers: HANDSHAKE }, { from: BROWSER.from });
  const registered = await register('ann', WEB, BROWSER);
  assert.match(registered.replies[0].header('Contact'), /received="sip:192\.0\.2\.7:50000;transport=ws"/);

  const call = await s.request({ method: 'INVITE', uri: 'sip:ann@example.com', contact: 'sip:bob@192.0.2.9' }, PHONE);
  const [invite] = call.forwarded;
  assert.equal(`${invite.proto}:${invite.to}`, `ws:${BROWSER.from}`);
  assert.match(invite.header('Via'), /^SIP\/2\.0\/WS +127\.0\.0\.1:5080;/);
  assert.deepEqual(
    invite.headers('Record-Route').map((value) => /transport=\w+/.exec(value)?.[0] ?? 'udp'),
    ['transport=ws', 'udp'],
  );

  const answered = await s.reply(invite, 200, { contact: WEB, toTag: 'web' });
  assert.equal(answered.replies[0].to, PHONE.from);
  assert.match(answered.replies[0].header('Contact'), /;alias=192\.0\.2\.7~50000~5/);
});

test('who is not registered cannot be called', async () => {
  await register('ann', WEB, BROWSER);
  const other = await s.request({ method: 'INVITE', uri: 'sip:eve@example.com' }, PHONE);
  assert.equal(other.status, 404);
});

test('a telephone is called from a browser', async () => {
  await register('bob', 'sip:bob@192.0.2.9:5060', PHONE);
  const [invite] = (await s.request({ method: 'INVITE', uri: 'sip:bob@example.com', contact: WEB }, BROWSER)).forwarded;
  assert.equal(`${invite.proto}:${invite.to}`, `udp:${PHONE.from}`);
  assert.match(invite.headers('Via')[1], /^SIP\/2\.0\/WS .*;rport=50000/);
  const ringing = await s.reply(invite, 180);
  assert.equal(`${ringing.replies[0].proto}:${ringing.replies[0].to}`, `ws:${BROWSER.from}`);
});
