/** Calls over the bus, on a network in memory. */
import { afterEach, describe, expect, test } from 'vitest';
import { type Dialog, STATE } from '../../../src/modules/dialog/dialog.js';
import { type Dialogs, dialogsOf } from '../../../src/modules/dialog/state.js';
import { Call, dialogScript, REPLICATED } from '../dialog/calls.js';
import { Cluster, type Member, seeded } from './cluster.js';

let cluster = new Cluster();
afterEach(async () => {
  await cluster.stop();
  cluster = new Cluster();
});

const A = '10.0.0.1';
const B = '10.0.0.2';
const INVITE = '$dlg_var(color) = "blue"; set_dlg_profile("caller", "$fU"); set_dlg_profile("all");';

const start = (ip: string, notify: string[] = [], more = '') =>
  cluster.start(ip, { notify, lines: dialogScript(`${REPLICATED}${more}`, INVITE) });

const dialogs = (m: Member): Dialogs => dialogsOf(m.host);
const all = (m: Member): Dialog[] => [...dialogs(m).table];

/** What both nodes have to know alike. */
function known(m: Member): unknown[] {
  return all(m)
    .filter((d) => d.state !== STATE.DELETED)
    .map((d) => ({
      key: d.key,
      state: d.state,
      call: [d.callId, d.fromUri, d.toUri, d.requestUri],
      legs: d.legs.map(({ socket: _, ...leg }) => leg),
      start: d.startTs,
      // a Kamailio node does not tell it before the call rings
      lifetime: d.state === STATE.UNCONFIRMED ? 0 : d.lifetime,
      vars: [...d.vars].sort(),
      profiles: d.memberships.map(({ profile, value, puid }) => `${profile.name} ${value} ${puid}`).sort(),
    }))
    .sort((x, y) => (x.key < y.key ? -1 : 1));
}

const counts = (m: Member) => [dialogs(m).early, dialogs(m).active, dialogs(m).profiles.get('all')?.size()];

describe('peer dialog', () => {
  test('a call from INVITE to BYE', async () => {
    const a = await start(A);
    const b = await start(B, [A]);
    await cluster.settle();
    const call = new Call(cluster, a, 'c1');
    await call.invite();
    expect(known(a)).toHaveLength(1);
    expect(known(b)).toEqual(known(a));
    await call.reply(180);
    expect(known(b)).toEqual(known(a));
    expect(counts(b)).toEqual([1, 0, 1]);
    await call.reply(200);
    await call.within('ACK');
    expect(all(b)[0]!.state).toBe(STATE.CONFIRMED);
    expect(known(b)).toEqual(known(a));
    expect(counts(b)).toEqual([0, 1, 1]);
    await call.within('BYE');
    expect(all(b)[0]!.state).toBe(STATE.DELETED);
    expect(counts(b)).toEqual([0, 0, 0]);
    await cluster.pass(10_000);
    expect([all(a), all(b)]).toEqual([[], []]);
    expect([a.lines, b.lines].flat().filter((l) => /ERROR|bogus/.test(l))).toEqual([]);
  });

  test('the messages are those that Kamailio sends', async () => {
    const a = await start(A);
    await start(B, [A]);
    await cluster.settle();
    cluster.wire.length = 0;
    const call = new Call(cluster, a, 'c1');
    await call.answered();
    await call.within('BYE');
    await cluster.pass(10_000);
    const bodies = cluster.wire
      .filter((d) => d.from === A && d.text.startsWith('KDMQ sip:dialog@'))
      .map((d) => JSON.parse(d.text.slice(d.text.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>);
    // dmq-captures/dialog.txt: the members of each, in order
    expect(bodies.map((b) => Object.keys(b).join(' '))).toEqual([
      'action h_entry h_id init_ts callid from_uri to_uri req_uri tag1 cseq1 route_set1 contact1 vars profiles state',
      'action h_entry h_id state start_ts lifetime tag1 cseq1 route_set1 contact1',
      'action h_entry h_id state start_ts lifetime tag1 tag2 cseq1 cseq2 route_set1 route_set2 contact1 contact2',
      'action h_entry h_id state',
      'action h_entry h_id state',
    ]);
    expect(bodies.map((b) => [b.action, b.state])).toEqual([
      [1, 1],
      [2, 2],
      [2, 4],
      [2, 5],
      [3, 5],
    ]);
  });

  test('the other node takes a call over: its BYE ends it at both', async () => {
    const a = await start(A);
    const b = await start(B, [A]);
    await cluster.settle();
    const call = new Call(cluster, a, 'c1');
    await call.answered();
    await call.within('BYE', b);
    expect(all(a)[0]!.state).toBe(STATE.DELETED);
    expect(counts(a)).toEqual([0, 0, 0]);
    await cluster.pass(10_000);
    expect([all(a), all(b)]).toEqual([[], []]);
  });

  test('a node that comes late, or again, knows the calls there are', async () => {
    const a = await start(A);
    for (let i = 0; i < 30; i++) await new Call(cluster, a, `c${i}`).answered();
    const ringing = new Call(cluster, a, 'ringing');
    await ringing.invite();
    await ringing.reply(180);
    const b = await start(B, [A]);
    await cluster.settle();
    expect(known(b)).toHaveLength(31);
    expect(known(b)).toEqual(known(a));
    expect(counts(b)).toEqual(counts(a));
  });

  test('a copy times out without ending the call of the node that has it', async () => {
    const a = await start(A, [], 'modparam("dialog", "default_timeout", 30)\n');
    const b = await start(B, [A], 'modparam("dialog", "default_timeout", 30)\n');
    await cluster.settle();
    const call = new Call(cluster, a, 'c1');
    await call.answered();
    cluster.lose = (d) => d.text.startsWith('KDMQ sip:dialog@');
    await cluster.pass(20_000);
    await call.within('OPTIONS');
    await cluster.pass(14_000);
    cluster.lose = () => false;
    await cluster.pass(2_000);
    expect(all(b).filter((d) => d.state === STATE.CONFIRMED)).toEqual([]);
    expect(all(a).map((d) => d.state)).toEqual([STATE.CONFIRMED]);
  });

  test('with 20 % lost datagrams both know the same, and calls go on', async () => {
    const a = await start(A);
    const b = await start(B, [A]);
    await cluster.settle();
    const random = seeded(7);
    cluster.lose = (d) => d.text.startsWith('KDMQ') && random() < 0.2;
    const open: [Call, Member][] = [];
    for (let i = 0; i < 80; i++) {
      const by = i % 2 === 0 ? a : b;
      const call = new Call(cluster, by, `c${i}`);
      if (i % 9 === 0) {
        await call.invite();
        await call.reply(486);
      } else {
        await call.answered();
        open.push([call, by]);
      }
      if (i % 4 === 3) {
        const [old, at] = open.shift()!;
        await old.within('BYE', at);
      }
      if (i % 10 === 0) await cluster.pass(500);
    }
    cluster.lose = () => false;
    await cluster.pass(30_000);
    expect(known(a)).toHaveLength(51);
    expect(known(b)).toEqual(known(a));
    expect(counts(a)).toEqual([0, 51, 51]);
    expect(counts(b)).toEqual(counts(a));
    const rest = open.map(([call, by]) => call.within('BYE', by));
    await Promise.all(rest);
    await cluster.pass(30_000);
    expect([all(a), all(b)]).toEqual([[], []]);
  });

  test('nodes that part and meet again agree', async () => {
    const a = await start(A);
    const b = await start(B, [A]);
    await cluster.settle();
    const early = new Call(cluster, a, 'before');
    await early.answered();
    const nodes = new Set([A, B]);
    cluster.lose = (d) => nodes.has(d.from) && nodes.has(d.to);
    await new Call(cluster, a, 'at-a').answered();
    await new Call(cluster, b, 'at-b').answered();
    await early.within('BYE');
    await cluster.pass(20_000);
    cluster.lose = () => false;
    await cluster.pass(90_000);
    expect(known(a).length).toBe(2);
    expect(known(b)).toEqual(known(a));
  });

  test('another number of slots is refused, and a number that is taken', async () => {
    const a = await start(A);
    const b = await start(B, [A], 'modparam("dialog", "hash_size", 16)\n');
    await cluster.settle();
    await new Call(cluster, a, 'x-1-other-slots').answered();
    expect(all(b)).toEqual([]);
    expect(b.lines.join('\n')).toContain('hash_size');
  });
});
