/** Presence on a DMQ bus with Kamailio 5.6.3: what is published at one node, watchers at the other hear of. */
import { describe, expect, test } from 'vitest';
import { freePorts, type RealServer, startServer, wait } from '../../support/real-server.js';
import { Phone, pidf } from './phone.js';

const script = (port: number, other: number) => `
debug=2
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:${port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "ctl.so"
loadmodule "dmq.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("dmq", "server_address", "sip:127.0.0.1:${port}")
modparam("dmq", "notification_address", "sip:127.0.0.1:${other}")
modparam("dmq", "num_workers", 1)
modparam("dmq", "ping_interval", 60)
modparam("presence", "publ_cache", 2)
modparam("presence", "subs_db_mode", 0)
modparam("presence", "enable_dmq", 1)
modparam("presence_xml", "force_active", 1)
request_route {
	if (is_method("KDMQ")) { dmq_handle_message(); exit; }
	if (!t_newtran()) { sl_reply_error(); exit; }
	if (is_method("PUBLISH")) handle_publish();
	else if (is_method("SUBSCRIBE")) handle_subscribe();
	t_release();
}
`;

const SETTLE = 600;
const shown = (phone: Phone): string => {
  const body = phone.all.filter((m) => m.start.startsWith('NOTIFY')).at(-1)?.body ?? '';
  return [...body.matchAll(/<tuple[^>]*id="(\w+)"[^>]*>\s*<status[^>]*>\s*<basic>(\w+)/g)]
    .map(([, id, basic]) => `${id} ${basic}`)
    .sort()
    .join(', ');
};

async function pair(
  first: 'kamscript' | 'kamailio',
  second: 'kamscript' | 'kamailio',
  run: (a: Phone, b: Phone) => Promise<void>,
) {
  const [one, two] = [freePorts(), freePorts()];
  const servers: RealServer[] = [];
  const phones: Phone[] = [];
  try {
    servers.push(await startServer(first, script(one, two)));
    servers.push(await startServer(second, script(two, one)));
    await wait(1500);
    for (const port of [one, two]) phones.push(await Phone.open(port));
    await run(phones[0] as Phone, phones[1] as Phone);
  } finally {
    for (const phone of phones) phone.close();
    for (const server of servers) await server.stop();
  }
}

/** Published at `at`, watched at `by`. */
async function heard(at: Phone, by: Phone): Promise<void> {
  await by.request('SUBSCRIBE', 'alice', { dialog: `watch${by.port}` });
  const [made] = await at.request('PUBLISH', 'alice', { body: pidf('t1', 'open') });
  await by.quiet(SETTLE);
  expect(shown(by)).toBe('t1 open');
  const [changed] = await at.request('PUBLISH', 'alice', {
    body: pidf('t1', 'closed'),
    headers: [`SIP-If-Match: ${made?.header('SIP-ETag')}`],
  });
  await by.quiet(SETTLE);
  expect(shown(by)).toBe('t1 closed');
  const [second] = await at.request('PUBLISH', 'alice', { body: pidf('t2', 'open') });
  await by.quiet(SETTLE);
  expect(shown(by)).toBe('t1 closed, t2 open');
  // refreshed at the other node: the tag is known there
  const [refreshed] = await by.request('PUBLISH', 'alice', {
    body: pidf('t1', 'open'),
    headers: [`SIP-If-Match: ${changed?.header('SIP-ETag')}`],
  });
  expect(refreshed?.start).toBe('SIP/2.0 200 OK');
  await at.quiet(SETTLE);
  const gone = { expires: 0, headers: [`SIP-If-Match: ${refreshed?.header('SIP-ETag')}`] };
  expect((await at.request('PUBLISH', 'alice', gone))[0]?.start).toBe('SIP/2.0 200 OK');
  await at.request('PUBLISH', 'alice', { expires: 0, headers: [`SIP-If-Match: ${second?.header('SIP-ETag')}`] });
  await by.quiet(SETTLE);
  await by.request('SUBSCRIBE', 'alice', { dialog: `fetch${by.port}`, expires: 0 });
  expect(shown(by)).toBe('');
}

describe('both ways', () => {
  test('kamscript tells kamailio', () => pair('kamailio', 'kamscript', (kamailio, own) => heard(own, kamailio)));
  test('kamailio tells kamscript', () => pair('kamailio', 'kamscript', (kamailio, own) => heard(kamailio, own)));
  test('kamscript tells kamscript', () => pair('kamscript', 'kamscript', heard));
});

test('a kamscript node that joins late is told of all there is', async () => {
  const [one, two] = [freePorts(), freePorts()];
  const first = await startServer('kamscript', script(one, two));
  const phone = await Phone.open(one);
  let second: RealServer | undefined;
  let late: Phone | undefined;
  try {
    for (const id of ['t1', 't2']) await phone.request('PUBLISH', 'alice', { body: pidf(id, 'open') });
    second = await startServer('kamscript', script(two, one));
    await wait(2000);
    late = await Phone.open(two);
    await late.request('SUBSCRIBE', 'alice', { dialog: 'late' });
    expect(shown(late)).toBe('t1 open, t2 open');
  } finally {
    phone.close();
    late?.close();
    await first.stop();
    await second?.stop();
  }
});
