/** Bus messages on their short way: the same replies, tables and counts as on the long one. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { DMQ } from '../../../src/modules/dmq/dmq-state.js';
import { leavesItToTheBus } from '../../../src/modules/dmq/short-way.js';
import { HTABLE } from '../../../src/modules/htable/state.js';
import { VarStore } from '../../../src/runtime/var-store.js';
import { loadScript } from '../../../src/server/load.js';
import { createLog } from '../../../src/server/log.js';
import { Server } from '../../../src/server/server.js';
import type { Received } from '../../../src/sip/transport.js';
import { FakeClock } from '../../support/fake-host.js';

const HEAD = `listen=udp:10.0.0.1:5060
${['sl', 'tm', 'kex', 'pv', 'xlog', 'textops', 'dmq', 'htable'].map((m) => `loadmodule "${m}"`).join('\n')}
modparam("dmq", "server_address", "sip:10.0.0.1:5060")
modparam("htable", "enable_dmq", 1)
modparam("htable", "htable", "rep=>size=8;autoexpire=120;dmqreplicate=1;")
`;
const route = (first: string, rest = '') =>
  `${HEAD}${rest}\nrequest_route { ${first} sl_send_reply("500", "Other"); }\n`;
const programOf = (text: string, options = {}) => {
  const { program, problems } = loadScript('a.cfg', { env: {}, text, vars: new VarStore(), ...options });
  if (program === undefined) throw new Error(JSON.stringify(problems));
  return program;
};

async function begin(text: string) {
  const sent: string[] = [];
  const server = await Server.start({
    program: programOf(text),
    vars: new VarStore(),
    log: createLog({ pid: 1, level: -5, write: () => undefined }),
    pid: 1,
    clock: new FakeClock(),
    random: () => 0.5,
    sandbox: { publish: () => undefined },
    transport: (socket) => ({
      socket,
      start: async () => undefined,
      send: (data, to) => {
        sent.push(`${to.ip}:${to.port} ${data.toString()}`);
        return true;
      },
      stop: async () => undefined,
    }),
  });
  const { host } = server;
  const from = (ip: string): Received => ({
    proto: 'udp',
    srcIp: ip,
    srcPort: 5062,
    socket: host.sockets[0]!,
    connection: 0,
  });
  return {
    server,
    /** What it answers; `short`: which way the message took. */
    say(text: string, ip: string) {
      const at = sent.length;
      const short = host.hooks.mayWait!.is(text) && host.hooks.mayWait!.take(text, from(ip));
      if (!short) host.receive(text, from(ip));
      return { short, answers: sent.slice(at) };
    },
    state: () => ({
      cells: [...host.state(HTABLE).table('rep')!.cells.values()].map((c) => [c.key, c.value, c.expire]),
      counts: [...host.statistics].filter(([name, n]) => typeof n === 'number' && /^(sl|core)\./.test(name)),
      peers: [...host.state(DMQ).bus.metrics.peers],
      repeated: host.state(DMQ).bus.metrics.repeated,
      nodes: host.state(DMQ).bus.nodes.nodes.map((n) => [n.uri, n.kamscript]),
      messages: host.nextMessageId(),
    }),
  };
}

const CRLF = '\r\n';
/** The lines of a message as nodes write it. */
const PLAIN = {
  first: 'KDMQ sip:htable@10.0.0.1:5060 SIP/2.0',
  via: 'Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKa.1.0',
  to: 'To: <sip:htable@10.0.0.1:5060>',
  from: 'From: <sip:htable@10.0.0.2:5060>;tag=abc-1',
  cseq: 'CSeq: 10 KDMQ',
  callId: 'Call-ID: 12-3@10.0.0.2',
  rest: [
    'Content-Length: 5',
    'User-Agent: kamailio (5.6.3 (x86_64/linux))',
    'Max-Forwards: 1',
    'Content-Type: application/json',
  ],
  body: '{"action":2,"htname":"rep","cname":"k","type":2,"strval":"v","mode":1}',
};
type Lines = { -readonly [K in keyof typeof PLAIN]: (typeof PLAIN)[K] };
const text = (m: Lines) => [m.first, m.via, m.to, m.from, m.cseq, m.callId, ...m.rest, '', m.body].join(CRLF);

const bodies = fc.oneof(
  fc
    .tuple(
      fc.integer({ min: 0, max: 8 }),
      fc.constantFrom('k', 'l', ''),
      fc.constantFrom('"strval":"v"', '"intval":7', '"strval":1'),
    )
    .map(
      ([action, key, value]) =>
        `{"action":${action},"htname":"rep","cname":"${key}","type":${value[1] === 's' ? 2 : 0},${value},"mode":1}`,
    ),
  fc.constantFrom(
    '',
    '{',
    '{"cells":[{"htname":"rep","cname":"c","type":2,"strval":"v","expire":5}]}',
    '{"action":1}',
    'cells rep 5\nz\ny\n\n1',
    '[]',
  ),
);
const either = <T>(usual: T, ...odd: T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });
const messages = fc.record({
  first: either(
    PLAIN.first,
    'KDMQ sip:nobody@10.0.0.1:5060 SIP/2.0',
    'KDMQ sip:10.0.0.1 SIP/2.0',
    'KDMQ  sip:htable@h SIP/2.0',
    'KDMQ sip:htable@10.0.0.1;transport=tcp SIP/2.0',
    'KDMQ sip:htable@10.0.0.1:99999 SIP/2.0',
    'OPTIONS sip:htable@h SIP/2.0',
  ),
  via: fc.oneof(
    { weight: 6, arbitrary: fc.nat(40).map((n) => `Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKa.${n}.0`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        'Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bK1',
        'Via: SIP/2.0/UDP 10.0.0.2:5070;rport;branch=z9hG4bK2',
        'Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK3',
        'Via: SIP/2.0/UDP 10.0.0.2:70000;branch=z9hG4bK4',
        'v: SIP/2.0/UDP 10.0.0.2:5060;branch=5',
        'Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK6, SIP/2.0/UDP h',
      ),
    },
  ),
  to: either(
    PLAIN.to,
    'To: <sip:htable@10.0.0.1:5060>;tag=x',
    'To: sip:htable@10.0.0.1',
    'To: "A" <sip:a@b>',
    'To: <sip:a@b',
    'To: <sip:@.:->',
  ),
  from: either(
    PLAIN.from,
    'From: <sip:htable@10.0.0.2>;tag=1',
    'From: <sip:x@10.0.0.1:5060>;tag=1',
    'From: <sip:a@b>',
    'From: ;',
    'From: <sip::::>;tag=.',
  ),
  cseq: either(PLAIN.cseq, 'CSeq: 10 OPTIONS', 'CSeq: 10', 'CSeq: 0 KDMQ'),
  callId: either(PLAIN.callId, 'Call-ID: <a>', 'i: 3', 'Call-ID: a\r\n b', 'Call-ID: -'),
  rest: either(
    PLAIN.rest,
    [],
    ['Max-Forwards: 1', 'Max-Forwards: 1'],
    ['Content-Length: x'],
    ['Kamscript-Stamp: 1700000000000000'],
    ['Kamscript-Stamp: 9999999999999999'],
    ['X: y', 'Content-Type: a/b'],
  ),
  body: bodies,
});

let short: Awaited<ReturnType<typeof begin>>;
let long: Awaited<ReturnType<typeof begin>>;
beforeAll(async () => {
  short = await begin(route('if ($rm == "KDMQ") { dmq_handle_message(); exit; }'));
  long = await begin(route('if ($rm == "KDMQ") { $var(x) = 1; dmq_handle_message(); exit; }'));
  const list = text({
    ...PLAIN,
    first: 'KDMQ sip:notification_peer@10.0.0.1:5060 SIP/2.0',
    body: 'sip:10.0.0.2:5060;status=active\r\n',
  });
  for (const one of [short, long]) expect(one.say(list, '10.0.0.2').short).toBe(false);
});

test('both ways give the same', () => {
  let taken = 0;
  const both = fc.property(messages, either('10.0.0.2', '10.0.0.3', '192.0.2.1'), (m, ip) => {
    const a = short.say(text(m), ip);
    const b = long.say(text(m), ip);
    expect(b.short).toBe(false);
    expect(a.answers).toEqual(b.answers);
    expect(short.state()).toEqual(long.state());
    if (a.short) taken++;
  });
  fc.assert(both, { numRuns: 1500 });
  expect(taken).toBeGreaterThan(100);
});

test('what nodes write takes the short way; other forms, and what others would see, the long one', async () => {
  const ways = (m: Partial<Lines>, ip = '10.0.0.2') => short.say(text({ ...PLAIN, ...m }), ip).short;
  expect(ways({})).toBe(true);
  expect(
    ways({ rest: ['Content-Length: 5', 'Max-Forwards: 1', 'Content-Type: application/json', 'Kamscript-Stamp: 5'] }),
  ).toBe(true);
  expect(ways({ first: PLAIN.first.replace('htable', 'notification_peer') })).toBe(false);
  expect(ways({ via: `${PLAIN.via};rport` })).toBe(false);
  expect(ways({}, '192.0.2.1')).toBe(false);
  const { host } = short.server;
  const seen: string[] = [];
  host.hooks.aroundReceived = (_data, _from, handle) => {
    seen.push('around');
    handle();
  };
  expect(ways({})).toBe(false);
  host.hooks.aroundReceived = undefined;
  expect(seen).toEqual(['around']);
  expect(ways({})).toBe(true);
});

describe('where nothing of the script can see them', () => {
  const KDMQ = 'if ($rm == "KDMQ") { dmq_handle_message(); exit; }';
  test.each([
    KDMQ,
    'if (method == "KDMQ") { dmq_handle_message(); }',
    'if (is_method("KDMQ")) dmq_handle_message();',
    'if ((($rm == "KDMQ"))) { ; dmq_handle_message(); xlog("never"); } else { exit; }',
  ])('%s', (first) => expect(leavesItToTheBus(programOf(route(first)))).toBe(true));

  test.each([
    ['another statement before', route(`$var(x) = 1; ${KDMQ}`)],
    ['another one before the call', route('if ($rm == "KDMQ") { xlog("x"); dmq_handle_message(); exit; }')],
    ['a further condition', route('if ($rm == "KDMQ" && $si == "1.2.3.4") { dmq_handle_message(); exit; }')],
    ['it may go on', route('if ($rm == "KDMQ") { dmq_handle_message("1"); exit; }')],
    ['other methods too', route('if ($rm =~ "KDMQ") { dmq_handle_message(); exit; }')],
    ['an event before', route(KDMQ, 'event_route[core:pre-routing] { xlog("x"); }')],
    ['an event after', route(KDMQ, 'event_route[sl:local-response] { xlog("x"); }')],
    ['a prefix of the log', route(KDMQ, 'log_prefix="{$ci}"')],
    ['measured', route(KDMQ, 'latency_limit_action=10')],
  ])('not: %s', (_what, script) => expect(leavesItToTheBus(programOf(script))).toBe(false));

  test('not: traced', () => {
    expect(leavesItToTheBus(programOf(route(KDMQ), { trace: () => undefined }))).toBe(false);
  });
});
