import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { presenceText, readPresence, type WirePresentity } from '../../../src/modules/dmq/presence-body.js';
import { load } from '../../../src/testing/index.js';

/** presence.txt of the captures: a new document, and its refresh. */
const NEW =
  '{"action":1,"presentity":{"domain":"example.test","user":"alice","etag":"a.1795317301.1029.1.0","expires":300,"recv":1795317303,"event":"presence"},"t_new":1,"cur_etag":"","ruid":"pres-6b025e35-405-1","body":"<?xml version=\\"1.0\\"?>\\r\\n<presence xmlns=\\"urn:ietf:params:xml:ns:pidf\\" entity=\\"sip:alice@example.test\\"><tuple id=\\"t1\\"><status><basic>open</basic></status></tuple></presence>\\r\\n"}';
const REFRESH =
  '{"action":1,"presentity":{"domain":"example.test","user":"alice","etag":"a.1795317301.1029.1.0","expires":300,"recv":1795317304,"event":"presence"},"t_new":0,"cur_etag":"a.1795317301.1029.2.1","ruid":"pres-6b025e35-405-1","body":""}';

function change(body: string): WirePresentity {
  const plan = readPresence(body);
  if (plan?.kind !== 'update') throw new Error(`no change: ${body}`);
  return plan.change;
}

/** FUZZ_RUNS=100000 is the full run. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 2000);

describe('bodies of peer presence', () => {
  for (const captured of [NEW, REFRESH])
    test(`what was captured comes back as it was: ${captured.slice(-40)}`, () =>
      expect(presenceText(change(captured))).toBe(captured));

  const plans: readonly (readonly [string, string | undefined])[] = [
    ['{"action":2}', 'sync'],
    ['{"action":0}', 'none'],
    ['{}', 'none'],
    ['{"action":1}', 'failed'],
    ['{"action":1,"presentity":{"event":"presence"}}', undefined],
    ['{"action":1,"presentity":[]}', undefined],
    ['{"action":1,"other":1}', undefined],
    ['{"action":"1"}', undefined],
    ['{"action":1,"presentity":{"event":"presence","etag":"e","domain":"d","user":5}}', undefined],
    ['[]', undefined],
    ['nonsense', undefined],
    ['', undefined],
  ];
  for (const [body, kind] of plans) test(`${body} is ${kind}`, () => expect(readPresence(body)?.kind).toBe(kind));
});

const SCRIPT = `
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "dmq.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
listen=udp:127.0.0.1:5060
modparam("dmq", "server_address", "sip:127.0.0.1:5060")
modparam("presence", "publ_cache", 2)
modparam("presence", "subs_db_mode", 0)
modparam("presence", "enable_dmq", 1)
modparam("presence_xml", "force_active", 1)
request_route {
	if (is_method("KDMQ")) dmq_handle_message();
}
`;

describe('on the bus', () => {
  test('a document comes, is refreshed, and goes', async () => {
    await using s = await load('test.cfg', { text: SCRIPT });
    const list = () => s.rpc('presence.presentity_list');
    expect((await s.kdmq(NEW, { peer: 'presence' })).status).toBe(200);
    expect(await list()).toMatchObject([{ user: 'alice', etag: 'a.1795317301.1029.1.0' }]);
    expect((await s.kdmq(REFRESH, { peer: 'presence' })).status).toBe(200);
    expect(await list()).toMatchObject([{ user: 'alice', etag: 'a.1795317301.1029.2.1' }]);
    await s.kdmq(NEW, { peer: 'presence' });
    expect(await list()).toHaveLength(1);
    const gone = REFRESH.replace('"expires":300', '"expires":0').replace('.1.0', '.2.1');
    await s.kdmq(gone, { peer: 'presence' });
    expect(await list()).toEqual([]);
    // an older node that still tells of it brings nothing back
    await s.kdmq(NEW, { peer: 'presence' });
    expect(await list()).toEqual([]);
  });

  test('answers are those of Kamailio', async () => {
    await using s = await load('test.cfg', { text: SCRIPT });
    const codes: readonly (readonly [string, number])[] = [
      ['{"action":2}', 200],
      ['nonsense', 400],
      ['{"action":1}', 500],
      [NEW.replace('"event":"presence"', '"event":"unheard-of"'), 400],
    ];
    for (const [body, code] of codes)
      expect([body, (await s.kdmq(body, { peer: 'presence' })).status]).toEqual([body, code]);
  });

  test('nothing is thrown, and nothing is kept that was not well said', { timeout: 600_000 }, async () => {
    await using s = await load('test.cfg', { text: SCRIPT });
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.integer({ min: -2, max: 5 }),
      fc.constantFrom('presence', 'alice', 'example.test', 'a.1.1.1.0', '', '<presence/>', 'a\u0000b'),
    );
    const names = ['domain', 'user', 'etag', 'expires', 'recv', 'sender', 'event', 'other'];
    const presentity = fc.dictionary(fc.constantFrom(...names), value);
    const top = fc.dictionary(fc.constantFrom('action', 't_new', 'cur_etag', 'sphere', 'ruid', 'body', 'else'), value);
    const made = fc
      .tuple(top, fc.option(presentity))
      .map(([t, p]) => JSON.stringify({ ...t, action: 1, ...(p && { presentity: p }) }));
    const broken = fc
      .tuple(fc.constantFrom(NEW, REFRESH), fc.nat(NEW.length), fc.nat(5), fc.string())
      .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut));
    await fc.assert(
      fc.asyncProperty(fc.oneof(made, broken, fc.string()), async (body) => {
        const latin1 = Buffer.from(body, 'utf8').toString('latin1');
        const before = await s.rpc('presence.presentity_list');
        const run = await s.kdmq(latin1, { peer: 'presence' });
        expect(run.errors.filter((e) => e.includes('TypeError'))).toEqual([]);
        if (readPresence(latin1)?.kind !== 'update') expect(await s.rpc('presence.presentity_list')).toEqual(before);
      }),
      { numRuns: RUNS },
    );
    for (const p of (await s.rpc('presence.presentity_list', 'full')) as readonly Record<string, unknown>[]) {
      expect(p.event).toBe('presence');
      expect(p.body).not.toBe('');
    }
  });
});
