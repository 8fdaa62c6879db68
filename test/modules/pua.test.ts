/** What becomes of a published document over time; the documents themselves are in the recorded cases of group pua. */
import { expect, test } from 'vitest';
import { PUA, type ToPublish } from '../../src/modules/pua/pua.js';
import type { Host } from '../../src/runtime/host.js';
import { load, type Message, type Run, type ScriptUnderTest } from '../../src/testing/index.js';

const SCRIPT = `
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "pua.so"
modparam("pua", "update_period", 20)
listen=udp:127.0.0.1:5060
request_route { sl_send_reply("200", "OK"); }
`;

const DOCUMENT: ToPublish = {
  uri: 'sip:alice@10.0.0.9',
  id: 'one',
  event: 'dialog',
  source: 1024,
  contentType: 'text/plain',
  body: 'first',
  seconds: 600,
};

/** Publishes from outside a run; gives what was sent. */
async function publish(s: ScriptUnderTest, change: Partial<ToPublish> = {}): Promise<readonly Message[]> {
  const host = hosts.get(s);
  host?.clock.after(1, () => host.state(PUA).publish({ ...DOCUMENT, ...change }));
  return (await s.advance(1)).requests;
}

const hosts = new WeakMap<ScriptUnderTest, Host>();

/** The host of a script under test, by a request that passes it. */
async function opened(): Promise<ScriptUnderTest> {
  const s = await load('test.cfg', { text: SCRIPT });
  const run: Run = await s.request({ method: 'OPTIONS' });
  if (run.context !== undefined) hosts.set(s, run.context.host);
  return s;
}

const answer = (s: ScriptUnderTest, to: Message | undefined, status: number, tag = 'e1', seconds = 60) => {
  if (to === undefined) throw new Error('no PUBLISH');
  return s.reply(to, status, { headers: { 'SIP-ETag': tag, Expires: `${seconds}` } });
};

test('a change waits for the answer to the one before it, and names its tag', async () => {
  await using s = await opened();
  const [first] = await publish(s);
  expect(first?.header('Expires')).toBe('601');
  expect(first?.header('SIP-If-Match')).toBeUndefined();
  expect(await publish(s, { body: 'second' })).toEqual([]);
  const [second] = (await answer(s, first, 200)).requests;
  expect(second?.header('SIP-If-Match')).toBe('e1');
  expect(second?.body).toBe('second');
  await answer(s, second, 200, 'e2');
  const [gone] = await publish(s, { seconds: 0 });
  expect(gone?.header('SIP-If-Match')).toBe('e2');
  expect(gone?.header('Expires')).toBe('0');
  expect(gone?.body).toBe('');
});

test('it is refreshed before it ends there, as long as it is wanted', async () => {
  await using s = await opened();
  const [first] = await publish(s);
  await answer(s, first, 200);
  const refreshed = (await s.advance(46_000)).requests.filter((m) => m.method === 'PUBLISH');
  expect(refreshed[0]?.header('SIP-If-Match')).toBe('e1');
  expect(refreshed[0]?.body).toBe('');
  expect(Number(refreshed[0]?.header('Expires'))).toBeLessThan(601);
});

test('one that the server there does not know any more is published anew', async () => {
  await using s = await opened();
  const [first] = await publish(s);
  await answer(s, first, 200);
  const [second] = await publish(s, { body: 'second' });
  const [again] = (await answer(s, second, 412)).requests;
  expect(again?.header('SIP-If-Match')).toBeUndefined();
  expect(again?.body).toBe('second');
});

test('what is refused is forgotten', async () => {
  await using s = await opened();
  const [first] = await publish(s);
  await answer(s, first, 403);
  const [second] = await publish(s, { body: 'second' });
  expect(second?.header('SIP-If-Match')).toBeUndefined();
});
