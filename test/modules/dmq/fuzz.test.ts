/**
 * Bodies of the bus, bent in every way: nothing throws, nobody dies, what is refused changes nothing, and what is there
 * afterwards is what a valid message could have made. FUZZ_RUNS sets how many for each peer.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialogsOf } from '../../../src/modules/dialog/state.js';
import { DMQ } from '../../../src/modules/dmq/dmq-state.js';
import { HTABLE } from '../../../src/modules/htable/state.js';
import { usrlocOf } from '../../../src/modules/usrloc/index.js';
import { Cluster, type Member, seeded } from './cluster.js';

const RUNS = Number(process.env.FUZZ_RUNS ?? 2000);
const A = '10.0.0.1';
const LINES = `
loadmodule "rr"
loadmodule "usrloc"
loadmodule "registrar"
loadmodule "dmq_usrloc"
loadmodule "dialog"
modparam("dmq_usrloc", "enable", 1)
modparam("dialog", "enable_dmq", 1)
modparam("dialog", "hash_size", 4)
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")
request_route { if (is_method("KDMQ")) { dmq_process_message(); exit; } }
`;

let cluster: Cluster;
let member: Member;
beforeAll(async () => {
  cluster = new Cluster();
  member = await cluster.start(A, { lines: LINES });
});
afterAll(() => cluster.stop());

const random = seeded(41);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

/** What stands in a place where something else belongs. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1,
  2,
  3,
  4,
  5,
  6,
  1.5,
  -1e18,
  4294967296,
  2147483648,
  '',
  'x',
  'rep',
  '\0',
  '\u00ff\u0001"\\',
  '__proto__',
  'constructor',
  [],
  {},
  [[[[]]]],
  { toString: 1 },
  { length: -1 },
  'x'.repeat(3000),
];

const NAMES = ['__proto__', 'action', 'x', '', 'state', 'multi', 'cells', 'constructor', '\u00ff'];

type Json = Record<string, unknown>;

/** Changes a value somewhere within. */
function bend(value: unknown, depth = 0): unknown {
  if (depth > 0 && random() < 0.25) return pick(ODD);
  if (Array.isArray(value)) {
    const copy = value.map((v) => (random() < 0.5 ? bend(v, depth + 1) : v));
    if (random() < 0.3) copy.push(pick(ODD));
    return copy;
  }
  if (typeof value !== 'object' || value === null) return depth > 0 && random() < 0.4 ? pick(ODD) : value;
  const entries = Object.entries(value).flatMap(([k, v]): [string, unknown][] => {
    const dice = random();
    if (dice < 0.08) return [];
    if (dice < 0.12) return [[pick(NAMES), v]];
    return [[k, dice < 0.6 ? v : bend(v, depth + 1)]];
  });
  if (random() < 0.2) entries.push([pick(NAMES), pick(ODD)]);
  return Object.fromEntries(entries);
}

/** Changes bytes of the text. */
function scratch(text: string): string {
  const at = Math.floor(random() * (text.length + 1));
  const byte = String.fromCharCode(Math.floor(random() * 256));
  switch (Math.floor(random() * 5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + byte + text.slice(at);
    case 2:
      return text.slice(0, at) + byte + text.slice(at + 1);
    case 3:
      return text.slice(at) + text.slice(0, at);
    default:
      return text + text.slice(at);
  }
}

function bodyOf(seeds: readonly Json[]): string {
  const seed = pick(seeds);
  const text = JSON.stringify(random() < 0.15 ? seed : bend(seed)) ?? '';
  return random() < 0.25 ? scratch(text) : text;
}

let serial = 0;

/** Hands a body to a peer; the status of the answer, 0 for none. */
function give(peer: string, body: string): number {
  const from = cluster.wire.length;
  member.receive({
    from: '10.0.0.9',
    to: A,
    text: [
      `KDMQ sip:${peer}@${A}:5060 SIP/2.0`,
      `Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK${++serial}`,
      `To: <sip:${peer}@${A}:5060>`,
      `From: <sip:${peer}@10.0.0.9:5060>;tag=${serial}`,
      'CSeq: 10 KDMQ',
      `Call-ID: ${serial}`,
      `Content-Length: ${body.length}`,
      'Max-Forwards: 1',
      'Content-Type: application/json',
      '',
      body,
    ].join('\r\n'),
  });
  const reply = cluster.wire.slice(from).find((d) => d.text.startsWith('SIP/2.0') && d.text.includes(`bK${serial}\r`));
  cluster.wire.length = 0;
  return reply === undefined ? 0 : Number(reply.text.slice(8, 11));
}

async function fuzz(
  peer: string,
  next: () => string,
  snapshot: () => string,
  sound: () => void,
  most = 200,
): Promise<void> {
  let before = snapshot();
  const answers = new Map<number, number>();
  for (let i = 0; i < RUNS; i++) {
    const body = next();
    const code = give(peer, body);
    answers.set(code, (answers.get(code) ?? 0) + 1);
    const after = snapshot();
    const isPartial = body.includes('multi');
    if (code >= 400 && !isPartial) expect(after, body).toBe(before);
    before = after;
    if (i % 50 === 0) {
      sound();
      await cluster.settle();
    }
    if (after.length > most * 1000) throw new Error(`it grows without bound: ${body}`);
  }
  sound();
  // both what can be used and what cannot came
  expect(answers.get(200) ?? 0).toBeGreaterThan(RUNS / 20);
  expect(member.lines.filter((l) => /exception|TypeError|RangeError|failed: /.test(l))).toEqual([]);
  member.lines.length = 0;
}

const now = Math.floor(1_704_164_645);

describe('bodies that are bent', () => {
  test('peer htable', { timeout: 900_000 }, async () => {
    const seeds: Json[] = [
      { action: 2, htname: 'rep', cname: 'k', type: 2, strval: 'v', mode: 1 },
      { action: 2, htname: 'cnt', cname: 'k', type: 0, intval: 7, mode: 1 },
      { action: 3, htname: 'exp', cname: 'k', type: 0, intval: 60, mode: 0 },
      { action: 4, htname: 'rep', cname: 'k', mode: 0 },
      { action: 5, htname: 'rep', type: 2, strval: '^k(', mode: 0 },
      { action: 5, htname: 'rep', type: 2, strval: '^(a+)+$', mode: 1 },
      { action: 6, htname: 'rep', type: 2, strval: 'k', mode: 0 },
      { action: 2, htname: 'loc', cname: 'k', type: 2, strval: 'v', mode: 1 },
      { cells: [{ htname: 'rep', cname: 'c', type: 2, strval: 'v', expire: now + 60 }] },
      { cells: [{ htname: 'cnt', cname: 'c', type: 0, intval: 1, expire: 0 }, { htname: 'nope' }] },
    ];
    const names = ['rep', 'exp', 'cnt', 'loc'];
    const snapshot = () => JSON.stringify(names.map((name) => Object.entries(member.table(name)).slice(0, 500)));
    const sound = () => {
      for (const name of names)
        for (const [key, value] of Object.entries(member.table(name))) {
          expect(['string', 'number']).toContain(typeof value);
          expect(typeof key).toBe('string');
        }
      expect([...member.host.state(HTABLE).tables.keys()].sort()).toEqual([...names].sort());
    };
    await fuzz('htable', () => bodyOf(seeds), snapshot, sound);
  });

  test('peer usrloc', { timeout: 900_000 }, async () => {
    const contact = (n: number): Json => ({
      action: 1,
      aor: `u${n}`,
      ruid: `uloc-${n}`,
      c: `sip:u${n}@10.0.0.7`,
      received: '',
      path: '',
      callid: `c${n}`,
      user_agent: 'x',
      instance: '',
      expires: now + 600,
      cseq: 1,
      flags: 0,
      cflags: 0,
      q: -1,
      last_modified: now,
      methods: 4294967295,
      reg_id: 0,
      server_id: 0,
    });
    const seeds: Json[] = [
      contact(1),
      contact(2),
      { ...contact(1), action: 2 },
      { action: 3 },
      { action: 0 },
      { multi: { 1: contact(3), 2: contact(4) } },
    ];
    const contacts = () => [...usrlocOf(member.host).contacts()];
    const snapshot = () => JSON.stringify(contacts().map((c) => [c.aor, c.uri, c.ruid, c.expires, c.cseq]));
    const sound = () => {
      for (const c of contacts()) {
        for (const text of [c.aor, c.uri, c.ruid, c.callId, c.userAgent, c.path, c.received, c.instance])
          expect(typeof text).toBe('string');
        for (const n of [c.expires, c.cseq, c.flags, c.cflags, c.q, c.methods])
          expect(Number.isSafeInteger(n)).toBe(true);
        expect(c.aor).not.toBe('');
      }
    };
    await fuzz('usrloc', () => bodyOf(seeds), snapshot, sound);
  });

  test('peer dialog', { timeout: 900_000 }, async () => {
    const ds = dialogsOf(member.host);
    const leg = { tag1: 'a', cseq1: '1', route_set1: '<sip:10.0.0.3;lr>', contact1: 'sip:a@10.0.0.4' };
    const both = { ...leg, tag2: 'b', cseq2: '0', route_set2: '', contact2: 'sip:b@10.0.0.5' };
    const calls = ['c1', 'c2', 'c3', 'c4', 'c5'];
    const of = (callid: string) => ({ h_entry: ds.table.entryOf(callid), h_id: 1 + calls.indexOf(callid) });
    const update = (callid: string): Json => ({
      action: 1,
      ...of(callid),
      init_ts: now,
      callid,
      from_uri: 'sip:a@x',
      to_uri: 'sip:b@x',
      req_uri: 'sip:b@x',
      ...leg,
      vars: { color: 'blue' },
      profiles: '{"profiles":[{"name":"caller","value":"alice","puid":"p-1"},{"name":"all","puid":"p-2"}]}',
      state: 1,
    });
    const seeds: Json[] = calls.flatMap((id): Json[] => [
      update(id),
      { ...update(id), state: 4, start_ts: now, lifetime: 300, ...both },
      { action: 2, ...of(id), state: 2, start_ts: 0, lifetime: 300, ...leg },
      { action: 2, ...of(id), state: 4, start_ts: now, lifetime: 300, ...both },
      { action: 2, ...of(id), state: 5 },
      { action: 3, ...of(id), state: 5 },
      { action: 4 },
    ]);
    const snapshot = () =>
      JSON.stringify(
        [...ds.table].map((d) => [
          d.key,
          d.callId,
          d.state,
          d.legs,
          [...d.vars],
          d.memberships.length,
          d.lifetime,
          d.startTs,
        ]),
      );
    const sound = () => {
      const all = [...ds.table];
      expect(new Set(all.map((d) => d.key)).size).toBe(all.length);
      expect(ds.table.count).toBe(all.length);
      for (const d of all) {
        expect(d.entry).toBe(ds.table.entryOf(d.callId));
        expect(d.id).toBeGreaterThan(0);
        expect([1, 2, 4, 5]).toContain(d.state);
        expect(d.timer !== null).toBe(d.state === 4);
        for (const l of d.legs)
          for (const text of [l.tag, l.cseq, l.contact, l.routeSet]) expect(typeof text).toBe('string');
        for (const [name, value] of d.vars) expect([typeof name, typeof value]).toEqual(['string', 'string']);
        if (d.state === 5) expect(d.memberships).toEqual([]);
      }
      const inState = (state: number) => all.filter((d) => d.state === state).length;
      expect([ds.early, ds.active]).toEqual([inState(2), inState(4)]);
      for (const profile of ds.profiles)
        expect(profile.size()).toBe(
          all.reduce((n, d) => n + d.memberships.filter((m) => m.profile === profile).length, 0),
        );
    };
    await fuzz('dialog', () => bodyOf(seeds), snapshot, sound, 2000);
  });

  test('lists of nodes', { timeout: 900_000 }, async () => {
    const { bus } = member.host.state(DMQ);
    const lines = [
      'sip:10.0.0.1:5060;status=active',
      'sip:10.0.0.9:5060;status=active',
      'sip:10.0.0.8:5060;transport=tcp;status=pending',
      'sip:[2001:db8::1]:5060;status=disabled',
      'sip:name.test:5060;status=timeout',
      'sip:10.0.0.7:;status=active',
      'nonsense',
      '',
      'sip:10.0.0.6:99999;status=active',
      'sip:10.0.0.5:5060;status=not_active',
    ];
    const next = () => {
      const count = Math.floor(random() * 6);
      const body = `${Array.from({ length: count }, () => pick(lines)).join('\r\n')}\r\n`;
      return random() < 0.5 ? scratch(body) : body;
    };
    const STATES = new Set(['active', 'disabled', 'timeout', 'pending', 'not_active']);
    const snapshot = () => '';
    const sound = () => {
      const nodes = [...bus.nodes.nodes];
      expect(nodes.filter((n) => n.local)).toHaveLength(1);
      for (const n of nodes) expect(STATES.has(n.status), n.status).toBe(true);
      for (const n of nodes) if (!n.local) bus.nodes.remove(n);
    };
    await fuzz('notification_peer', next, snapshot, sound);
  });
});
