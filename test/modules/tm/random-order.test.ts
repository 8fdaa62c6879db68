import { expect, test } from 'vitest';
import { relayFunctions } from '../../../src/modules/tm/functions-relay.js';
import { settingFunctions } from '../../../src/modules/tm/functions-settings.js';
import type { Context } from '../../../src/runtime/context.js';
import { branch } from '../../../src/sip/message.js';
import { harness, replyTo, request } from './harness.js';

/** A small generator with a seed (mulberry32): the same seed plays the same messages. */
function random(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const CODES = [100, 180, 183, 200, 202, 302, 401, 404, 407, 408, 480, 486, 487, 500, 503, 600, 603];

function relay(ctx: Context): number {
  return relayFunctions.t_relay.run(ctx, undefined) as number;
}

/** Forks, fails over and waits as scripts do. */
function script(pick: (below: number) => number) {
  return {
    request(ctx: Context) {
      if (ctx.msg.method === 'INVITE' || ctx.msg.method === 'MESSAGE') {
        settingFunctions.t_on_failure.run(ctx, undefined, 'f');
        if (pick(2) === 0) ctx.msg.branches.push(branch('sip:carol@127.0.0.1:5073'));
      }
      return relay(ctx);
    },
    failure: {
      f(ctx: Context): number | Promise<number> {
        if (pick(3) > 0) return 1;
        ctx.msg.newUri = `sip:dave${pick(3)}@127.0.0.1:5074`;
        if (pick(2) === 0) return relay(ctx);
        return new Promise((done) => ctx.host.clock.after(50, () => done(relay(ctx))));
      },
    },
  };
}

for (let seed = 1; seed <= 30; seed++) {
  test(`messages in any order end in nothing kept (seed ${seed})`, async () => {
    const pick = random(seed);
    const h = harness({ ...script(pick), params: { max_inv_lifetime: 20000 } });
    const sent: string[] = [];
    const finals = new Map<string, number>();
    const look = (): void => {
      for (const text of h.texts()) {
        if (!text.startsWith('SIP/2.0')) sent.push(text);
        else if (/^SIP\/2.0 [3-6]/.test(text) && text.includes('INVITE')) {
          const via = /branch=([^\r;]*)/.exec(text)?.[1] ?? '';
          finals.set(via, Number(text.slice(8, 11)));
        }
      }
    };
    for (let i = 0; i < 120; i++) {
      const extra = { branch: `b${pick(4)}`, cseq: 1 };
      const what = pick(8);
      if (what === 0) h.receive(request('INVITE', extra));
      else if (what === 1) h.receive(request('CANCEL', extra));
      else if (what === 2) h.receive(request('ACK', extra));
      else if (what === 3) h.receive(request('MESSAGE', { ...extra, cseq: 2 }));
      else if (what === 4) h.host.clock.advance(pick(3000));
      else if (sent.length > 0) h.receive(replyTo(sent[pick(sent.length)]!, CODES[pick(CODES.length)]!), 5072);
      await Promise.resolve();
      look();
    }
    for (let i = 0; i < 60; i++) {
      h.host.clock.advance(5000);
      await new Promise((done) => setImmediate(done));
    }
    expect([h.tm.byLabel.size, h.tm.servers.size, h.tm.cancels.size, h.tm.confirmed.size]).toEqual([0, 0, 0, 0]);
    expect(h.tm.stats.waiting).toBe(0);
    for (const code of finals.values()) expect(code).toBeLessThan(700);
  });
}
