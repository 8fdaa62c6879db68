import { describe, expect, test } from 'vitest';
import { newRequest, type RequestReply, resumeRun, type Suspended, suspendRun } from '../../../src/modules/tm/api.js';
import { relayFunctions } from '../../../src/modules/tm/functions-relay.js';
import { settingFunctions } from '../../../src/modules/tm/functions-settings.js';
import type { Context } from '../../../src/runtime/context.js';
import type { Target } from '../../../src/runtime/host.js';
import { harness, replyTo, request } from './harness.js';

const relay = (ctx: Context) => relayFunctions.t_relay.run(ctx, undefined) as number;
const tick = () => new Promise((done) => setImmediate(done));

const OPTIONS = { method: 'OPTIONS', uri: 'sip:bob@127.0.0.1:5072', from: 'sip:me@h', to: 'sip:bob@h' } as const;

describe('a request of the server', () => {
  test('is repeated, and its owner gets the final reply once', () => {
    const got: number[] = [];
    const h = harness({ request: () => 1 });
    newRequest(h.host, { ...OPTIONS, headers: 'X-A: 1\r\n', body: 'ping' }, (r) => got.push(r.code));
    h.host.clock.advance(600);
    const [first, again] = h.texts();
    expect(again).toBe(first);
    expect(first).toMatch(/\r\nCSeq: 10 OPTIONS\r\n.*\r\nContent-Length: 4\r\n.*X-A: 1\r\n\r\nping$/s);
    h.receive(replyTo(first!, 200), 5072);
    h.receive(replyTo(first!, 200), 5072);
    h.host.clock.advance(40000);
    expect(got).toEqual([200]);
    expect(h.tm.byLabel.size).toBe(0);
  });

  test('without a reply ends with 408 and no message', () => {
    const got: RequestReply[] = [];
    const h = harness({ request: () => 1 });
    newRequest(h.host, OPTIONS, (r) => got.push(r));
    h.host.clock.advance(31000);
    expect(got.map((r) => [r.code, r.message])).toEqual([[408, null]]);
  });

  test('is changed or dropped by event_route[tm:local-request]', () => {
    const h = harness({
      request: () => 1,
      event: {
        'tm:local-request': (ctx) => {
          ctx.msg.edits.insert(ctx.msg.headersEnd, 'X-Local: yes\r\n');
          if (ctx.msg.uri.includes('drop')) ctx.stop = 2;
          return 1;
        },
      },
    });
    newRequest(h.host, OPTIONS);
    expect(h.texts()[0]).toContain('\r\nX-Local: yes\r\n');
    expect(newRequest(h.host, { ...OPTIONS, uri: 'sip:drop@127.0.0.1:5072' })).toBeUndefined();
    expect(h.texts()).toEqual([]);
  });

  test('goes on to the next address after a 503, and where no reply comes', () => {
    const got: number[] = [];
    const h = harness({ request: () => 1 });
    (h.host.program.core.values as Map<string, number>).set('use_dns_failover', 1);
    h.host.resolver.resolve = () => [5081, 5082, 5083].map((port) => ({ proto: 'udp', ip: '127.0.0.1', port }));
    newRequest(h.host, OPTIONS, (r) => got.push(r.code));
    const [first] = h.texts();
    h.receive(replyTo(first!, 503), 5081);
    const [second] = h.texts();
    expect(second).not.toBe(first);
    h.host.clock.advance(31000);
    const third = h.texts().at(-1)!;
    expect(h.host.sent.map((s) => s.to.port).filter((p, i, all) => p !== all[i - 1])).toEqual([5081, 5082, 5083]);
    expect(got).toEqual([]);
    h.receive(replyTo(third, 200), 5083);
    expect(got).toEqual([200]);
  });

  test('an INVITE is acknowledged along the route set of its 2xx', () => {
    const h = harness({ request: () => 1 });
    newRequest(h.host, { ...OPTIONS, method: 'INVITE' });
    const [invite] = h.texts();
    const ok = replyTo(invite!, 200).replace(
      'Content-Length',
      'Contact: <sip:b@127.0.0.1:5099>\nRecord-Route: <sip:127.0.0.1:5098;lr>\nContent-Length',
    );
    h.receive(ok, 5072);
    const [ack] = h.texts();
    expect(ack).toMatch(/^ACK sip:b@127.0.0.1:5099 SIP\/2.0\r\n/);
    expect(ack).toContain('\r\nRoute: <sip:127.0.0.1:5098;lr>\r\n');
    expect(h.host.sent.at(-1)!.to.port).toBe(5098);
  });
});

describe('a suspended transaction', () => {
  test('sends 100 for INVITE and goes on where it is resumed', () => {
    let id: Suspended | undefined;
    const h = harness({
      request(ctx) {
        id = suspendRun(ctx);
        return 1;
      },
    });
    h.receive(request('INVITE'));
    expect(h.taken()).toEqual(['5071 SIP/2.0 100 trying -- your call is important to us']);
    expect(resumeRun(h.host, id!, relay)).toBe(1);
    expect(h.taken()).toEqual(['5072 INVITE sip:bob@127.0.0.1:5072 SIP/2.0']);
    expect(resumeRun(h.host, id!, relay)).toBe(-1);
  });

  test('that nobody resumes fails with 408, one whose route does nothing with 500', () => {
    let id: Suspended | undefined;
    const h = harness({
      request(ctx) {
        id = suspendRun(ctx);
        return 1;
      },
    });
    h.receive(request('MESSAGE'));
    h.host.clock.advance(30100);
    expect(h.taken()).toEqual(['5071 SIP/2.0 408 Request Timeout']);
    h.receive(request('MESSAGE', { branch: 'two', cseq: 2 }));
    void resumeRun(h.host, id!, () => 1);
    expect(h.taken()).toEqual(["5071 SIP/2.0 500 I'm terribly sorry, server error occurred (1/TM)"]);
  });
});

describe('a name as next hop', () => {
  function named(answer: Promise<Target[]>) {
    const h = harness({ request: relay });
    h.host.resolver.resolve = () => answer;
    return h;
  }

  test('is looked up in the background, the branch goes out then', async () => {
    const h = named(Promise.resolve([{ proto: 'udp', ip: '127.0.0.9', port: 5060 }]));
    h.receive(request('MESSAGE', { uri: 'sip:bob@example.org' }));
    expect(h.taken()).toEqual([]);
    await tick();
    expect(h.taken()).toEqual(['5060 MESSAGE sip:bob@example.org SIP/2.0']);
  });

  test('that leads nowhere is a 478 from the branch', async () => {
    const h = named(Promise.resolve([]));
    h.receive(request('MESSAGE', { uri: 'sip:bob@nowhere.example' }));
    await tick();
    expect(h.taken()[0]).toMatch(/^5071 SIP\/2.0 478 /);
  });

  test('CANCEL before the answer ends the branch without sending it', async () => {
    const h = named(Promise.resolve([{ proto: 'udp', ip: '127.0.0.9', port: 5060 }]));
    h.receive(request('INVITE', { uri: 'sip:bob@example.org' }));
    h.receive(request('CANCEL', { uri: 'sip:bob@example.org' }));
    h.taken();
    await tick();
    expect(h.taken()).toEqual(['5071 SIP/2.0 487 Request Terminated']);
  });
});

test('under load nothing is kept past wt_timer', () => {
  const h = harness({
    request(ctx) {
      settingFunctions.t_on_failure.run(ctx, undefined, 'f');
      return relay(ctx);
    },
    failure: { f: () => 1 },
  });
  for (let i = 0; i < 200; i++) {
    h.receive(request('INVITE', { branch: `b${i}`, cseq: i }));
    const invite = h.texts().at(-1)!;
    h.receive(replyTo(invite, i % 2 === 0 ? 200 : 486), 5072);
    if (i % 2 === 1) h.receive(request('ACK', { branch: `b${i}`, cseq: i }));
  }
  expect(h.tm.byLabel.size).toBe(200);
  h.host.clock.advance(5100);
  expect([h.tm.byLabel.size, h.tm.servers.size, h.tm.confirmed.size, h.tm.stats.waiting]).toEqual([0, 0, 0, 0]);
});
