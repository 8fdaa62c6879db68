/** What operators of Kamailio clusters have reported over the years, and what a bus must survive, on a network in memory. */
import { afterEach, describe, expect, test } from 'vitest';
import { Cluster, type Member, seeded } from './cluster.js';

let cluster = new Cluster();
afterEach(async () => {
  await cluster.stop();
  cluster = new Cluster();
});

const A = '10.0.0.1';
const B = '10.0.0.2';
const C = '10.0.0.3';

async function pair(): Promise<[Member, Member]> {
  const a = await cluster.start(A);
  const b = await cluster.start(B, { notify: [A] });
  await cluster.settle();
  return [a, b];
}

const kdmq = (text: string) => text.startsWith('KDMQ ');

describe('the life of a node', () => {
  test('the joining request, its answer and the news have the bytes of the captures (join-two-nodes.txt)', async () => {
    await pair();
    const [request, news] = cluster.wire.map((d) => d.text);
    const answer = cluster.wire.find((d) => d.from === A && d.text.startsWith('SIP/2.0 200'))?.text;
    expect(request).toMatch(
      /^KDMQ sip:notification_peer@10\.0\.0\.1:5060 SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP 10\.0\.0\.2;branch=z9hG4bK[^\r]+\r\nTo: <sip:notification_peer@10\.0\.0\.1:5060>\r\nFrom: <sip:notification_peer@10\.0\.0\.2:5060>;tag=[^\r]+\r\nCSeq: 10 KDMQ\r\nCall-ID: [^\r]+\r\nContent-Length: 33\r\nUser-Agent: [^\r]+\r\nMax-Forwards: 2\r\nContent-Type: text\/plain\r\n/,
    );
    expect(request?.split('\r\n\r\n')[1]).toBe('sip:10.0.0.2:5060;status=active\r\n');
    expect(news).toMatch(/^KDMQ .*\r\nMax-Forwards: 1\r\n/s);
    for (const text of [news, answer])
      expect(text?.split('\r\n\r\n')[1]).toBe('sip:10.0.0.2:5060;status=active\r\nsip:10.0.0.1:5060;status=active\r\n');
  });

  for (const order of [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ]) {
    test(`three nodes that notify each other find together in the order of starts ${order.join()}`, async () => {
      const ips = [A, B, C];
      for (const i of order) {
        await cluster.start(ips[i]!, { notify: [ips[(i + 1) % 3]!, ips[(i + 2) % 3]!] });
        await cluster.pass(1000);
      }
      await cluster.pass(20_000);
      for (const m of cluster.members)
        expect(m.sees()).toEqual(Object.fromEntries(ips.filter((ip) => ip !== m.ip).map((ip) => [ip, 'active'])));
    });
  }

  test('a silent node is disabled after one ping and removed after two; a notification address stays pending', async () => {
    const [a, b] = await pair();
    b.kill();
    await cluster.pass(8000);
    expect(a.sees()).toEqual({ [B]: 'disabled' });
    await cluster.pass(5000);
    expect(a.sees()).toEqual({});
    const c = await cluster.start(C, { notify: [A] });
    await cluster.settle();
    a.kill();
    await cluster.pass(20_000);
    expect(c.sees()).toEqual({ [A]: 'pending' });
  });

  test('a node that ends tells the others, and is back at once when it starts again', async () => {
    const [a, b] = await pair();
    await b.end(cluster);
    expect(a.sees()).toEqual({ [B]: 'pending' });
    await cluster.start(B, { notify: [A] });
    await cluster.settle();
    expect(a.sees()).toEqual({ [B]: 'active' });
  });

  test('its own address as notification address makes no second self, however it is spelt', async () => {
    const lines = `modparam("dmq", "notification_address", "sip:${A}:5060;transport=udp")`;
    const a = await cluster.start(A, { notify: [A], lines });
    await cluster.pass(6000);
    expect(a.sees()).toEqual({});
    expect(cluster.wire).toEqual([]);
  });

  test('the original Max-Forwards counts, even when the script has lowered it', async () => {
    const before = 'mf_process_maxfwd_header("10");';
    await cluster.start(A, { before });
    await cluster.start(B, { before, notify: [A] });
    await cluster.settle();
    expect(cluster.wire.filter((d) => kdmq(d.text) && d.from === A)).toHaveLength(2);
  });

  test('event routes tell of nodes that come and go', async () => {
    const lines = ['up', 'down', 'disabled']
      .map((e) => `event_route[dmq:peer-${e}] { xlog("${e} $ru $dmq(node) $dmq(status)\\n"); }`)
      .join('\n');
    const a = await cluster.start(A, { lines });
    const b = await cluster.start(B, { notify: [A] });
    await cluster.settle();
    await b.end(cluster);
    await cluster.pass(8000);
    expect(a.lines.filter((l) => l.startsWith('<script>')).map((l) => l.slice(10).trim())).toEqual([
      `up sip:${B}:5060 sip:${B}:5060 active`,
      `down sip:${B}:5060 sip:${B}:5060 pending`,
      `disabled sip:${B}:5060 sip:${B}:5060 disabled`,
    ]);
  });

  test('a channel of the script runs its event route once, though the request is repeated', async () => {
    const lines = 'event_route[dmq:channel-news] { xlog("$dmq(channel) of $dmq(node): $rb\\n"); }';
    const a = await cluster.start(A, { lines });
    const b = await cluster.start(B, { notify: [A] });
    await cluster.settle();
    cluster.lose = (d) => d.from === A && d.text.startsWith('SIP/2.0 202');
    await b.run('bcast news hello');
    await cluster.pass(1000);
    cluster.lose = () => false;
    await cluster.pass(3000);
    expect(a.lines.filter((l) => l.startsWith('<script>'))).toEqual([`<script>: news of sip:${B}:5060: hello\n`]);
  });
});

describe('tables', () => {
  test('every change that the manual names is sent as the captures show it (htable-operations.txt)', async () => {
    const [a] = await pair();
    cluster.wire.length = 0;
    for (const op of ['set rep skey plain', 'inc cnt ctr', 'set exp ek ev', 'ex exp ek 30', 'del rep skey'])
      await a.run(op).then(() => cluster.settle());
    for (const op of ['re rep ^ik', 'sw rep aa', 'nre rep ^b', 'vre rep ^v', 'vsw rep w'])
      await a.run(op).then(() => cluster.settle());
    const sent = cluster.wire.filter((d) => kdmq(d.text) && d.from === A).map((d) => d.text.split('\r\n\r\n')[1]);
    expect(sent).toEqual([
      '{"action":2,"htname":"rep","cname":"skey","type":2,"strval":"plain","mode":1}',
      '{"action":2,"htname":"cnt","cname":"ctr","type":0,"intval":1,"mode":1}',
      '{"action":2,"htname":"exp","cname":"ek","type":2,"strval":"ev","mode":1}',
      '{"action":3,"htname":"exp","cname":"ek","type":0,"intval":30,"mode":0}',
      '{"action":4,"htname":"rep","cname":"skey","mode":0}',
      '{"action":5,"htname":"rep","type":2,"strval":"^ik","mode":0}',
      '{"action":6,"htname":"rep","type":2,"strval":"aa","mode":0}',
      '{"action":5,"htname":"rep","type":2,"strval":"^b","mode":0}',
      '{"action":5,"htname":"rep","type":2,"strval":"^v","mode":1}',
      '{"action":6,"htname":"rep","type":2,"strval":"w","mode":1}',
    ]);
  });

  test('removals by name, prefix and expression reach the other node', async () => {
    const [a, b] = await pair();
    for (const key of ['ik1', 'ik2', 'aa1', 'aa2', 'b1', 'keep']) await a.set(key, 'v');
    await cluster.settle();
    await a.run('re rep ^ik');
    await a.run('sw rep aa');
    await a.run('nre rep ^b');
    await cluster.settle();
    expect(b.table()).toEqual({ keep: 'v' });
  });

  test('a write before a removal by expression never overtakes it, one behind it is not undone', async () => {
    const [a, b] = await pair();
    const random = seeded(7);
    cluster.lose = () => random() < 0.3;
    await a.set('x1', 'old');
    await a.run('re rep ^x');
    await a.set('x2', 'new');
    await cluster.pass(20_000);
    expect(a.table()).toEqual({ x2: 'new' });
    expect(b.table()).toEqual({ x2: 'new' });
  });

  test('a write does not touch the AVPs of the run, even where event_route[tm:local-request] sets them', async () => {
    const lines = `event_route[tm:local-request] { $avp(x) = "theirs"; }
request_route {
  if (is_method("KDMQ")) { dmq_process_message(); exit; }
  $avp(x) = "mine";
  $sht(rep=>k) = "v";
  xlog("avp is $avp(x)\\n");
}`;
    const a = await cluster.start(A, { lines });
    await cluster.start(B, { notify: [A] });
    await cluster.settle();
    await a.run('-');
    await cluster.settle();
    expect(a.lines).toContain('<script>: avp is mine\n');
    expect(cluster.members[1]!.table()).toEqual({ k: 'v' });
  });

  test('dmq_process_custom() is as if a node had said it, and is not passed on; other peers and bodies change nothing', async () => {
    const lines = `request_route {
  if (is_method("KDMQ")) { dmq_process_message(); exit; }
  $var(set) = '{"action":2,"htname":"rep","cname":"k","type":2,"strval":"v","mode":1}';
  dmq_process_custom("htable", "sip:${B}:5060", $var(set), "application/json");
  xlog("known: $rc\\n");
  dmq_process_custom("nobody", "sip:${B}:5060", "{}", "application/json");
  xlog("unknown: $rc\\n");
  dmq_process_custom("htable", "sip:${B}:5060", "{", "application/json");
  xlog("odd: $rc\\n");
  dmq_handle_custom("htable", "sip:${B}:5060", $var(set), "application/json");
  xlog("no threads: $rc\\n");
}`;
    const a = await cluster.start(A, { lines });
    const b = await cluster.start(B, { notify: [A] });
    await cluster.settle();
    await a.run('-');
    await cluster.pass(1000);
    expect(a.table()).toEqual({ k: 'v' });
    expect(b.table()).toEqual({});
    expect(a.lines.filter((l) => l.includes(': '))).toEqual(
      ['known: 1', 'unknown: -1', 'odd: 1', 'no threads: -1'].map((l) => `<script>: ${l}\n`),
    );
  });

  test('with 20 % lost datagrams nothing is lost and nothing comes back old', async () => {
    const [a, b] = await pair();
    const random = seeded(3);
    cluster.lose = () => random() < 0.2;
    for (let i = 0; i < 300; i++) {
      await (i % 3 === 0 ? b : a).set(`k${i % 40}`, `${i}`);
      if (i % 10 === 0) await cluster.pass(250);
      if (i % 7 === 0) await a.del(`k${(i * 3) % 40}`);
    }
    await cluster.pass(60_000);
    expect(a.table()).toEqual(b.table());
    expect(Object.keys(a.table()).length).toBeGreaterThan(20);
  });

  test('nodes that were parted meet again, and their tables are equal', async () => {
    const [a, b] = await pair();
    const c = await cluster.start(C, { notify: [A] });
    for (let i = 0; i < 20; i++) await a.set(`k${i}`, 'before');
    await cluster.pass(1000);
    const parted = (d: { from: string; to: string }) => (d.from === C) !== (d.to === C);
    cluster.lose = parted;
    for (let i = 0; i < 10; i++) {
      await a.set(`k${i}`, 'of-a');
      await b.set(`b${i}`, 'of-b');
      await c.set(`k${i + 5}`, 'of-c');
      await cluster.pass(2000);
    }
    await a.del('k19');
    await c.del('k18');
    await cluster.pass(5000);
    expect(c.table().k0).toBe('before');
    cluster.lose = () => false;
    await cluster.pass(30_000);
    expect(a.table()).toEqual(b.table());
    expect(c.table()).toEqual(a.table());
    expect(a.table()).toMatchObject({ k0: 'of-a', k14: 'of-c', b3: 'of-b' });
    expect(Object.keys(a.table())).not.toContain('k18');
    expect(Object.keys(c.table())).not.toContain('k19');
  });

  test('two writes to one key at the same time leave the same value on both', async () => {
    const [a, b] = await pair();
    await a.set('k', 'of a');
    await b.set('k', 'of b');
    await cluster.pass(1000);
    expect(a.table()).toEqual(b.table());
  });
});

describe('the first synchronisation', () => {
  const bytes = (d: { text: string }) => d.text.length;

  async function filled(cells: number): Promise<Member> {
    const a = await cluster.start(A);
    const table = a.tables.table('rep')!;
    for (let i = 0; i < cells; i++) table.set(`key-${i}`, i % 2 ? i : `value ${i}`, 0);
    return a;
  }

  test('60,000 cells end, in messages of bounded size, few of them unanswered', async () => {
    await filled(60_000);
    let open = 0;
    let most = 0;
    cluster.lose = (d) => {
      if (kdmq(d.text) && d.text.includes('{"cells"')) most = Math.max(most, ++open);
      if (d.text.startsWith('SIP/2.0 200') && d.from === B && d.text.includes('htable@')) open--;
      return false;
    };
    const b = await cluster.start(B, { notify: [A] });
    await cluster.pass(1000);
    expect(Object.keys(b.table())).toHaveLength(60_000);
    expect(b.table()).toEqual(cluster.members[0]!.table());
    expect(most).toBeLessThanOrEqual(16);
    expect(Math.max(...cluster.wire.map(bytes))).toBeLessThan(22_000);
  });

  test('it ends while the table is written to, and goes on after losses', async () => {
    const a = await filled(5000);
    const random = seeded(5);
    cluster.lose = () => random() < 0.2;
    const b = await cluster.start(B, { notify: [A] });
    for (let i = 0; i < 200; i++) {
      await a.set(`key-${i * 20}`, `changed ${i}`);
      await a.set(`new-${i}`, 'x');
      if (i % 10 === 0) await cluster.pass(250);
    }
    await cluster.pass(60_000);
    cluster.lose = () => false;
    await cluster.pass(20_000);
    expect(b.table()).toEqual(a.table());
  });

  test('a node that restarts again and again does not take its donor down', async () => {
    const a = await filled(20_000);
    for (let i = 0; i < 5; i++) {
      const b = await cluster.start(B, { notify: [A] });
      for (let k = 0; k < 3; k++) await new Promise((done) => setImmediate(done));
      b.kill();
    }
    const before = cluster.wire.length;
    const b = await cluster.start(B, { notify: [A] });
    await cluster.pass(1000);
    expect(b.table()).toEqual(a.table());
    expect(cluster.wire.length - before).toBeLessThan(400);
  });

  test('cells that expire keep the time they have left; tables that do not replicate stay private', async () => {
    const a = await cluster.start(A);
    await a.set('e', 'v', 'exp');
    await a.run('ex exp e 60');
    a.tables.table('loc')!.set('private', 1, 0);
    await cluster.pass(10_000);
    const b = await cluster.start(B, { notify: [A] });
    await cluster.settle();
    expect(b.tables.table('exp')!.lifetime('e', b.tables.now())).toBe(50);
    expect(b.table('loc')).toEqual({});
  });
});

describe('strangers and bad bodies', () => {
  const request = (from: string, peer: string, body: string, branch = `${Math.random()}`) =>
    [
      `KDMQ sip:${peer}@${A}:5060 SIP/2.0`,
      `Via: SIP/2.0/UDP ${from}:5060;branch=z9hG4bK${branch}`,
      `To: <sip:${peer}@${A}:5060>`,
      `From: <sip:${peer}@${from}:5060>;tag=1`,
      'CSeq: 10 KDMQ',
      `Call-ID: ${branch}`,
      'Max-Forwards: 1',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\n');

  async function answerTo(from: string, peer: string, body: string): Promise<string | undefined> {
    cluster.wire.length = 0;
    cluster.inject(from, A, request(from, peer, body));
    await cluster.settle();
    return cluster.wire
      .find((d) => d.from === A && d.to === from)
      ?.text.split('\r\n')[0]
      ?.slice(8);
  }

  test('KDMQ from a public address is refused unless the address is listed', async () => {
    const list = 'sip:203.0.113.9:5060;status=active\n';
    await cluster.start(A);
    expect(await answerTo('203.0.113.9', 'notification_peer', list)).toBe('403 Forbidden');
    expect(cluster.members[0]!.sees()).toEqual({});
    expect(await answerTo('10.0.0.9', 'notification_peer', list)).toBe('200 OK');
    expect(await answerTo('203.0.113.9', 'notification_peer', list)).toBe('200 OK');
  });

  test('accept_from names who else may speak', async () => {
    await cluster.start(A, { lines: 'modparam("dmq", "accept_from", "203.0.113.0/24")' });
    expect(await answerTo('203.0.113.9', 'notification_peer', '')).toBe('200 OK');
    expect(await answerTo('10.0.0.9', 'notification_peer', '')).toBe('403 Forbidden');
  });

  test('bodies that lock or kill a 5.6.3 node are answered, and change nothing (dmq.md, 6)', async () => {
    const [a] = await pair();
    for (const body of ['{}', '[]', '[1]', '5', '"text"', '{"action":2,"htname":5}', '{"htname":"rep"', ''])
      expect(await answerTo('10.0.0.9', 'htable', body)).toBe('400 Bad Request');
    const bad =
      'no uri\r\n\r\nsip:10.0.0.7:5060;status=activ\r\nsip:10.0.0.8:5060;status=wrong\r\nsip:10.0.0.9:5060;status=active';
    expect(await answerTo('10.0.0.9', 'notification_peer', bad)).toBe('200 OK');
    expect(Object.keys(a.sees()).sort()).toEqual([B, '10.0.0.9'].sort());
    expect(a.table()).toEqual({});
  });

  test('no line of a list that we send can lock a 5.6.3 node', async () => {
    await cluster.start(A);
    const list = 'sip:[2001:db8::1]:5060;status=active\nsip:10.0.0.9:5060;status=active;x=\nsip:a b:1;status=active\n';
    await answerTo('10.0.0.9', 'notification_peer', list);
    await cluster.pass(6000);
    for (const { text } of cluster.wire.filter((d) => d.text.includes('text/plain'))) {
      const body = text.split('\r\n\r\n').slice(1).join('\r\n\r\n');
      for (const line of body.split('\r\n').slice(0, -1)) expect(line).toMatch(/^sip:10\.0\.0\.\d:5060;status=active$/);
      expect(body.endsWith('\r\n')).toBe(true);
    }
  });
});
