import { describe, expect, test } from 'vitest';
import { currentTransaction, replyInTransaction } from '../../../src/modules/tm/api.js';
import { functions } from '../../../src/modules/tm/functions.js';
import { relayFunctions } from '../../../src/modules/tm/functions-relay.js';
import { settingFunctions } from '../../../src/modules/tm/functions-settings.js';
import { paramsOf } from '../../../src/modules/tm/params.js';
import type { Context } from '../../../src/runtime/context.js';
import { harness, replyTo, request } from './harness.js';

const relay = (ctx: Context) => relayFunctions.t_relay.run(ctx, undefined) as number;
const newtran = (ctx: Context) => functions.t_newtran.run(ctx, undefined as never) as number;
const onFailure = (ctx: Context, name: string) => settingFunctions.t_on_failure.run(ctx, undefined, name);

describe('a relayed INVITE', () => {
  test('is answered 100, goes out with our Via, and passes 180 and 200 on', () => {
    const h = harness({ request: relay });
    h.receive(request('INVITE'));
    const [trying, invite] = h.texts();
    expect(trying).toMatch(/^SIP\/2.0 100 trying -- your call is important to us\r\n/);
    expect(invite).toMatch(/^INVITE sip:bob@127.0.0.1:5072 SIP\/2.0\r\nVia: SIP\/2.0\/UDP 127.0.0.1;branch=z9hG4bK/);
    h.receive(replyTo(invite!, 180, 'Ringing'), 5072);
    h.receive(replyTo(invite!, 200, 'OK'), 5072);
    expect(h.taken()).toEqual(['5071 SIP/2.0 180 Ringing', '5071 SIP/2.0 200 OK']);
  });

  test('is sent again until a reply comes: retr_timer1 doubles up to retr_timer2', () => {
    const h = harness({ request: relay, params: { fr_timer: 10000 } });
    h.receive(request('INVITE'));
    h.taken();
    const times: number[] = [];
    const start = h.host.clock.now();
    for (let i = 0; i < 160; i++) {
      h.host.clock.advance(62.5);
      for (const line of h.taken()) if (line.startsWith('5072')) times.push(h.host.clock.now() - start);
    }
    expect(times.map((t) => Math.round(t / 500) * 500)).toEqual([500, 1500, 3500, 7500]);
  });

  test('without any reply gives 408 after fr_timer and is forgotten after wt_timer', () => {
    const h = harness({ request: relay });
    h.receive(request('MESSAGE'));
    h.host.clock.advance(30100);
    expect(h.taken().at(-1)).toBe('5071 SIP/2.0 408 Request Timeout');
    expect(h.tm.byLabel.size).toBe(1);
    h.host.clock.advance(5100);
    expect([h.tm.byLabel.size, h.tm.servers.size, h.tm.confirmed.size]).toEqual([0, 0, 0]);
  });

  test('a negative reply is acknowledged at once and repeated upstream until its ACK comes', () => {
    const h = harness({ request: relay });
    h.receive(request('INVITE'));
    const [, invite] = h.texts();
    h.receive(replyTo(invite!, 404, 'Not Found'), 5072);
    expect(h.taken()).toEqual(['5072 ACK sip:bob@127.0.0.1:5072 SIP/2.0', '5071 SIP/2.0 404 Not Found']);
    h.host.clock.advance(600);
    expect(h.taken()).toEqual(['5071 SIP/2.0 404 Not Found']);
    h.receive(request('ACK'));
    h.host.clock.advance(3000);
    expect(h.taken()).toEqual([]);
  });

  test('a retransmission gets the last reply again and opens no branch', () => {
    const h = harness({ request: relay });
    h.receive(request('INVITE'));
    h.taken();
    h.receive(request('INVITE'));
    expect(h.taken()).toEqual(['5071 SIP/2.0 100 trying -- your call is important to us']);
  });
});

describe('CANCEL', () => {
  test('after ringing goes downstream with the branch of the INVITE and is answered 200', () => {
    const h = harness({ request: relay });
    h.receive(request('INVITE'));
    const [, invite] = h.texts();
    h.receive(replyTo(invite!, 180), 5072);
    h.taken();
    h.receive(request('CANCEL', { headers: 'Reason: SIP;cause=200\n' }));
    const [cancel, ok] = h.texts();
    expect(cancel!.split('\r\n')[1]).toBe(invite!.split('\r\n')[1]);
    expect(cancel).toContain('\r\nReason: SIP;cause=200\r\n');
    expect(ok).toMatch(/^SIP\/2.0 200 canceling\r\n/);
  });

  test('before any reply waits for one', () => {
    const h = harness({ request: relay });
    h.receive(request('INVITE'));
    const [, invite] = h.texts();
    h.receive(request('CANCEL'));
    expect(h.taken()).toEqual(['5071 SIP/2.0 200 canceling']);
    h.receive(replyTo(invite!, 180), 5072);
    expect(h.taken()).toEqual(['5072 CANCEL sip:bob@127.0.0.1:5072 SIP/2.0']);
  });
});

describe('forking', () => {
  const fork = (ctx: Context) => {
    ctx.msg.branches.push({ ...emptyBranch, uri: 'sip:carol@127.0.0.1:5073' });
    return relay(ctx);
  };
  const emptyBranch = {
    uri: '',
    dstUri: null,
    path: null,
    q: -1,
    socket: null,
    flags: 0,
    instance: null,
    ruid: null,
    locationUa: null,
    regId: 0,
    otcpid: 0,
  };

  test('the first 200 ends the other branches', () => {
    const h = harness({ request: fork });
    h.receive(request('INVITE'));
    const [, bob, carol] = h.texts();
    h.receive(replyTo(bob!, 180), 5072);
    h.receive(replyTo(carol!, 200), 5073);
    const [ringing, ok, cancel] = h.texts();
    expect(ringing).toMatch(/^SIP\/2.0 180/);
    expect(ok).toMatch(/^SIP\/2.0 200/);
    expect(cancel).toMatch(/^CANCEL sip:bob@.*\r\nReason: SIP;cause=200;text="Call completed elsewhere"\r\n/s);
  });

  test('a failure route can add a branch, which alone counts then', () => {
    const seen: number[] = [];
    const h = harness({
      request(ctx) {
        onFailure(ctx, 'f');
        return relay(ctx);
      },
      failure: {
        f(ctx) {
          seen.push(ctx.reply?.status ?? 0);
          ctx.msg.newUri = 'sip:dave@127.0.0.1:5074';
          return relay(ctx);
        },
      },
    });
    h.receive(request('INVITE'));
    const [, bob] = h.texts();
    h.receive(replyTo(bob!, 486), 5072);
    const [, dave] = h.texts();
    expect(dave).toMatch(/^INVITE sip:dave@127.0.0.1:5074 /);
    h.receive(replyTo(dave!, 500, 'Server Error'), 5074);
    expect(h.taken().at(-1)).toBe('5071 SIP/2.0 500 Server Error');
    expect(seen).toEqual([486]);
  });

  test('a failure route that waits holds back what comes meanwhile', async () => {
    let go = (): void => {};
    const h = harness({
      request(ctx) {
        onFailure(ctx, 'f');
        return relay(ctx);
      },
      failure: {
        f: (ctx) =>
          new Promise<number>((done) => {
            go = () => done(replyInTransaction(ctx, 480, 'Later'));
          }),
      },
    });
    h.receive(request('INVITE'));
    const [, bob] = h.texts();
    h.receive(replyTo(bob!, 486), 5072);
    h.taken();
    h.receive(replyTo(bob!, 486), 5072);
    expect(h.taken()).toEqual([]);
    go();
    await new Promise((done) => setImmediate(done));
    expect(h.taken()).toEqual(['5071 SIP/2.0 480 Later', '5072 ACK sip:bob@127.0.0.1:5072 SIP/2.0']);
  });
});

describe('a transaction that the script answers', () => {
  test('sends one final reply and replays it', () => {
    const codes: number[] = [];
    const h = harness({
      request(ctx) {
        if (newtran(ctx) === 0) return 0;
        codes.push(replyInTransaction(ctx, 202, 'Taken'), replyInTransaction(ctx, 500, 'Second'));
        return 1;
      },
    });
    h.receive(request('MESSAGE'));
    h.receive(request('MESSAGE'));
    expect(h.taken()).toEqual(['5071 SIP/2.0 202 Taken', '5071 SIP/2.0 202 Taken']);
    expect(codes).toEqual([1, -1]);
  });

  test('is released when the script did nothing with it, and forgotten after wt_timer', () => {
    const h = harness({ request: newtran });
    const ctx = h.receive(request('MESSAGE'));
    expect(currentTransaction(ctx)).not.toBeNull();
    h.host.clock.advance(paramsOf(h.host.program).wt_timer + 100);
    expect(h.tm.byLabel.size).toBe(0);
  });
});
