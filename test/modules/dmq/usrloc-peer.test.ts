/** Contacts over the bus, on a network in memory. */
import { afterEach, describe, expect, test } from 'vitest';
import { type Usrloc, usrlocOf } from '../../../src/modules/usrloc/index.js';
import { Cluster, type Member, seeded } from './cluster.js';

let cluster = new Cluster();
afterEach(async () => {
  await cluster.stop();
  cluster = new Cluster();
});

const A = '10.0.0.1';
const B = '10.0.0.2';
const LINES = `
loadmodule "usrloc"
loadmodule "registrar"
loadmodule "dmq_usrloc"
modparam("dmq_usrloc", "enable", 1)
`;
const ROUTE = `request_route {
  if (is_method("KDMQ")) { dmq_process_message(); exit; }
  if (is_method("REGISTER")) save("location");
}`;

const start = (ip: string, notify: string[] = [], more = '') =>
  cluster.start(ip, { notify, lines: `${LINES}${more}${ROUTE}` });

async function register(m: Member, user: string, cseq = 1, expires = 600): Promise<void> {
  cluster.inject(
    '192.168.1.1',
    m.ip,
    [
      `REGISTER sip:${m.ip} SIP/2.0`,
      `Via: SIP/2.0/UDP 192.168.1.1:5060;branch=z9hG4bK${user}${cseq}${m.ip}`,
      `From: <sip:${user}@x>;tag=1`,
      `To: <sip:${user}@x>`,
      `Call-ID: ${user}@phone`,
      `CSeq: ${cseq} REGISTER`,
      `Contact: <sip:${user}@192.168.1.1:9>`,
      `Expires: ${expires}`,
      'Content-Length: 0',
      '',
      '',
    ].join('\n'),
  );
  await cluster.settle();
}

const usrloc = (m: Member): Usrloc => usrlocOf(m.host);
const contacts = (m: Member) =>
  [...usrloc(m).contacts()].map((c) => `${c.aor} ${c.uri} ${c.ruid} ${c.cseq} ${c.expires} ${c.q}`).sort();

describe('peer usrloc', () => {
  test('register, refresh and unregister at either node', async () => {
    const a = await start(A);
    const b = await start(B, [A]);
    await cluster.settle();
    await register(a, 'alice');
    expect(contacts(b)).toEqual(contacts(a));
    expect(contacts(b)).toHaveLength(1);
    await register(b, 'alice', 2, 1200);
    expect(contacts(a)).toEqual(contacts(b));
    await register(b, 'alice', 3, 0);
    expect(contacts(a)).toEqual([]);
  });

  test('a late node gets all, once each, also in groups, and what changes meanwhile', async () => {
    for (const more of ['', 'modparam("dmq_usrloc", "batch_msg_contacts", 50)\n']) {
      cluster = new Cluster();
      const a = await start(A, [], more);
      for (let i = 0; i < 300; i++) await register(a, `user${i}`);
      cluster.wire.length = 0;
      const b = await start(B, [A], more);
      await cluster.settle();
      expect(contacts(b)).toEqual(contacts(a));
      const sent = cluster.wire.filter((d) => d.from === A && /^KDMQ sip:usrloc/.test(d.text) && /"aor"/.test(d.text));
      expect(sent).toHaveLength(more === '' ? 300 : 6);
    }
  });

  test('with 20 % lost datagrams and restarts both know the same', async () => {
    const a = await start(A);
    const b = await start(B, [A]);
    await cluster.settle();
    const random = seeded(11);
    cluster.lose = () => random() < 0.2;
    for (let i = 0; i < 100; i++) {
      await register(i % 2 === 0 ? a : b, `u${i % 30}`, i + 1, i % 7 === 0 ? 0 : 900);
      if (i % 10 === 0) await cluster.pass(500);
    }
    await cluster.pass(40_000);
    cluster.lose = () => false;
    await cluster.pass(20_000);
    expect(contacts(a).length).toBeGreaterThan(10);
    expect(contacts(b)).toEqual(contacts(a));
  });
});
