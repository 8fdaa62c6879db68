/** Documents and subscriptions over time; what the phones get in detail is in the recorded cases of group presence. */
import { describe, expect, test } from 'vitest';
import { load, type Run, type ScriptUnderTest } from '../../../src/testing/index.js';
import { pidf } from './phone.js';

const SCRIPT = (lines: string) => `
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "presence_mwi.so"
listen=udp:127.0.0.1:5060
modparam("presence_xml", "force_active", 1)
modparam("presence", "clean_period", 10)
modparam("presence", "db_update_period", 10)
${lines}
event_route[tm:local-request] {
	if (is_method("NOTIFY")) xlog("to $subs(from_user) about $subs(pres_uri)\\n");
}
request_route {
	if (!t_newtran()) { sl_reply_error(); exit; }
	if (is_method("PUBLISH")) handle_publish();
	else if (is_method("SUBSCRIBE")) handle_subscribe();
	t_release();
}
`;
const MEMORY = 'modparam("presence", "publ_cache", 2)\nmodparam("presence", "subs_db_mode", 0)\n';

let branches = 0;

function request(method: string, user: string, headers: readonly string[], body = ''): string {
  branches++;
  return [
    `${method} sip:${user}@example.org SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK${branches}`,
    `To: <sip:${user}@example.org>`,
    `CSeq: ${branches} ${method}`,
    ...headers,
    ...(body === '' ? [] : ['Content-Type: application/pidf+xml']),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

function publish(s: ScriptUnderTest, body: string, expires = 60, more: readonly string[] = []): Promise<Run> {
  const headers = [
    'From: <sip:alice@example.org>;tag=a',
    `Call-ID: p${branches}`,
    'Event: presence',
    `Expires: ${expires}`,
  ];
  return s.request(request('PUBLISH', 'alice', [...headers, ...more], body));
}

function subscribe(s: ScriptUnderTest, id = 'w', expires = 600): Promise<Run> {
  const headers = [
    'From: <sip:bob@example.org>;tag=b',
    `Call-ID: ${id}`,
    'Event: presence',
    `Expires: ${expires}`,
    'Contact: <sip:bob@127.0.0.1:5070>',
  ];
  return s.request(request('SUBSCRIBE', 'alice', headers));
}

/** Answers the NOTIFY requests of a run. */
async function accept(s: ScriptUnderTest, run: Run): Promise<void> {
  for (const notify of run.requests) await s.reply(notify, 200);
}

/** Retransmissions are left out. */
const statuses = (run: Run): readonly string[] => [
  ...new Set(run.requests.map((m) => `${m.header('Subscription-State')} ${/<basic>(\w+)/.exec(m.body)?.[1] ?? '-'}`)),
];

const stores = [
  ['in memory', MEMORY],
  ['in the embedded database', ''],
  [
    'in the embedded database alone',
    'modparam("presence", "subs_db_mode", 3)\nmodparam("presence", "publ_cache", 0)\n',
  ],
  ['in the embedded database at once', 'modparam("presence", "subs_db_mode", 1)\n'],
] as const;

describe.each(stores)('%s', (_where, lines) => {
  test('a document that is not refreshed goes, and the watcher hears so', async () => {
    await using s = await load('test.cfg', { text: SCRIPT(lines) });
    await accept(s, await subscribe(s));
    const published = await publish(s, pidf('t1', 'open'), 15);
    expect(statuses(published)).toEqual(['active;expires=600 open']);
    expect(published.xlog).toEqual(['to bob about sip:alice@example.org']);
    await accept(s, published);
    const later = await s.advance(31_000);
    expect(statuses(later)).toEqual([expect.stringMatching(/^active;expires=5\d\d -$/)]);
    expect(await s.rpc('presence.presentity_list')).toEqual([]);
  });

  test('a subscription that is not refreshed ends with a NOTIFY', async () => {
    await using s = await load('test.cfg', { text: SCRIPT(lines) });
    await accept(s, await subscribe(s, 'w', 15));
    const later = await s.advance(31_000);
    expect(statuses(later)).toEqual(['terminated;reason=timeout -']);
    expect((await publish(s, pidf('t1', 'open'))).requests).toEqual([]);
  });

  test('a watcher that does not answer is forgotten', async () => {
    await using s = await load('test.cfg', { text: SCRIPT(lines) });
    await subscribe(s);
    await s.advance(40_000);
    expect((await publish(s, pidf('t1', 'open'))).requests).toEqual([]);
  });

  test('a change needs the tag of the last one', async () => {
    await using s = await load('test.cfg', { text: SCRIPT(lines) });
    const made = await publish(s, pidf('t1', 'open'));
    const first = made.replies[0]?.header('SIP-ETag') ?? '';
    const changed = await publish(s, '', 60, [`SIP-If-Match: ${first}`]);
    expect(changed.status).toBe(200);
    expect((await publish(s, '', 60, [`SIP-If-Match: ${first}`])).status).toBe(412);
    expect(await s.rpc('presence.presentity_list', 'full')).toMatchObject([
      { user: 'alice', domain: 'example.org', event: 'presence', body: pidf('t1', 'open') },
    ]);
    const last = changed.replies[0]?.header('SIP-ETag') ?? '';
    const gone = await publish(s, '', 0, [`SIP-If-Match: ${last}`]);
    expect(gone.replies[0]?.header('Expires')).toBe('0');
    expect(await s.rpc('presence.presentity_list')).toEqual([]);
  });

  test('presence.cleanup does at once what the timers do', async () => {
    await using s = await load('test.cfg', { text: SCRIPT(lines.concat('modparam("presence", "clean_period", 0)\n')) });
    await publish(s, pidf('t1', 'open'), 5);
    await s.advance(10_000);
    expect(await s.rpc('presence.presentity_list')).toHaveLength(1);
    expect(await s.rpc('presence.cleanup')).toBe('Reload OK');
    expect(await s.rpc('presence.presentity_list')).toEqual([]);
  });
});

test('a NOTIFY goes the way that Record-Route says', async () => {
  await using s = await load('test.cfg', { text: SCRIPT(MEMORY) });
  const routes = ['<sip:10.0.0.1;lr>', '"P, Q" <sip:10.0.0.2;lr;f=a,b>;x=y', '<sip:10.0.0.3;lr>'];
  const headers = [
    'From: <sip:bob@example.org>;tag=b',
    'Call-ID: routed',
    'Event: presence',
    'Contact: <sip:bob@127.0.0.1:5070>',
    `Record-Route: ${routes[0]}, ${routes[1]}`,
    `Record-Route: ${routes[2]}`,
  ];
  const run = await s.request(request('SUBSCRIBE', 'alice', headers));
  const [notify] = run.requests;
  expect(notify?.text.split('\r\n').filter((l) => l.startsWith('Route: '))).toEqual(routes.map((r) => `Route: ${r}`));
});

test('RPC commands say what is missing', async () => {
  await using s = await load('test.cfg', { text: SCRIPT(MEMORY) });
  await expect(s.rpc('presence.refreshWatchers', 'sip:a@b')).rejects.toThrow('Not enough parameters');
  await expect(s.rpc('presence.refreshWatchers', '', 'presence', 1)).rejects.toThrow('Empty presentity URI');
  await expect(s.rpc('presence.refreshWatchers', 'sip:a@b', 'presence', 2)).rejects.toThrow('No file uri');
  await expect(s.rpc('presence.updateWatchers', 'sip:a@b', 'nothing')).rejects.toThrow('Processing error');
  expect(await s.rpc('presence.refreshWatchers', 'sip:a@b', 'presence', 1)).toBeUndefined();
});

test('a new version of the script changes which event packages there are', async () => {
  await using s = await load('test.cfg', { text: SCRIPT(MEMORY) });
  const without = `${MEMORY}modparam("presence_xml", "disable_presence", 1)\n`;
  await s.reload(SCRIPT(without));
  const refused = await publish(s, pidf('t1', 'open'));
  expect(refused.replies[0]?.startLine).toBe('SIP/2.0 489 Bad Event');
  expect(refused.replies[0]?.header('Allow-Events')).not.toMatch(/presence(?!\.)/);
});

test('rules cannot be asked of a server elsewhere: that is said at load', async () => {
  const script = SCRIPT(MEMORY).replace('"force_active", 1', '"force_active", 0');
  await expect(load('test.cfg', { text: script })).rejects.toThrow('integrated_xcap_server');
});
