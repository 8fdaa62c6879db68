/** The kit with which scripts are tested. */
import { describe, expect, test } from 'vitest';
import { load } from '../../src/testing/index.js';

const HEAD =
  'debug=2\nloadmodule "sl.so"\nloadmodule "pv.so"\nloadmodule "xlog.so"\nloadmodule "tm.so"\nloadmodule "rr.so"\n';
const script = (text: string, options = {}) => load('test.cfg', { text: HEAD + text, ...options });

describe('a call over several messages', () => {
  const PROXY = `
request_route {
  if (!t_relay_to_udp("10.0.0.9", "5060")) sl_reply_error();
}`;

  test('reads as a dialog', async () => {
    await using s = await script(PROXY);
    const invite = await s.request({ method: 'INVITE', uri: 'sip:bob@10.0.0.9' }, { from: '10.0.0.1:5060' });
    expect(invite.status).toBe(100);
    expect(invite.forwarded.map((m) => [m.method, m.to])).toEqual([['INVITE', '10.0.0.9:5060']]);

    const ringing = await s.reply(invite.forwarded[0]!, 180);
    expect(ringing.replies.map((m) => [m.status, m.to])).toEqual([[180, '10.0.0.1:5060']]);

    const answered = await s.reply(invite.forwarded[0]!, 200, { contact: 'sip:bob@10.0.0.9' });
    expect(answered.replies.map((m) => m.reason)).toEqual(['OK']);
  });

  test('a request that nobody answers is sent again, and ends with 408', async () => {
    await using s = await script(PROXY);
    await s.request({ method: 'INVITE' });
    expect((await s.advance(600)).forwarded.length).toBe(1);
    const end = await s.advance(40_000);
    expect(end.replies[0]?.status).toBe(408);
    // The caller owes an ACK: until it comes, the reply is sent again.
    expect(end.replies.length).toBeGreaterThan(1);
  });
});

describe('a run', () => {
  test('gives its code, how it ended, its variables and its way', async () => {
    await using s = await script(`
request_route { route(CHECK); exit; }
route[CHECK] { $var(x) = $rU + "!"; $avp(y) = 7; return 5; }`);
    const run = await s.request({ uri: 'sip:bob@example.com' });
    expect(run.path).toEqual(['request_route', 'route[CHECK]']);
    expect(run.ended).toBe('exit');
    expect(s.get('$var(x)', run)).toBe('bob!');
    expect(s.get('$avp(y)', run)).toBe(7);
    const alone = await s.route('CHECK', { uri: 'sip:eve@example.com' });
    expect([alone.code, alone.ended, s.get('$var(x) of $rm', alone)]).toEqual([5, 'end', 'eve! of OPTIONS']);
  });

  test('texts are Unicode at the edges and bytes within', async () => {
    await using s = await script('request_route { xlog("L_INFO", "$rb has $(rb{s.len}) bytes\\n"); }');
    expect((await s.request({ body: 'é€' })).xlog).toEqual(['é€ has 5 bytes']);
  });

  test('a request may be written in full', async () => {
    await using s = await script('request_route { sl_send_reply("200", "$hdr(X-Way)"); }');
    const run = await s.request(`
OPTIONS sip:a@b SIP/2.0
Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1
From: <sip:a@b>;tag=1
To: <sip:a@b>
Call-ID: 1
CSeq: 1 OPTIONS
X-Way: there
`);
    expect(run.replies[0]?.startLine).toBe('SIP/2.0 200 there');
  });

  test('names resolve as the test says', async () => {
    await using s = await script('request_route { $du = "sip:peer.example"; t_relay(); }', {
      dns: { 'peer.example': '192.0.2.7' },
    });
    expect((await s.request({})).forwarded.map((m) => m.to)).toEqual(['192.0.2.7:5060']);
  });

  test('event routes run by their name', async () => {
    await using s = await script(
      'request_route { drop; }\nevent_route[tm:local-request] { xlog("L_INFO", "$rm\\n"); }',
    );
    expect((await s.event('tm:local-request')).xlog).toEqual(['OPTIONS']);
    expect(() => s.event('no:such')).toThrow('no event_route[no:such]');
  });
});

describe('mocks', () => {
  test('answer in place of the function, and see its arguments', async () => {
    await using s = await script('request_route { if (sl_send_reply("200", "$rU")) $var(a) = 1; else $var(a) = 2; }');
    const reply = s.mock('sl_send_reply', (code) => code === '404');
    const run = await s.request({ uri: 'sip:ü@b' });
    expect(run.sent).toEqual([]);
    expect(reply.calls.map((c) => c.args)).toEqual([[200, 'ü']]);
    expect(s.get('$var(a)')).toBe(2);
  });

  test('one that is never called is an error', async () => {
    const s = await script('request_route { drop; }', { mocks: { t_relay: 1 } });
    await expect(s.close()).rejects.toThrow('never called: t_relay');
  });

  test('of what no module has are refused', async () => {
    await expect(script('request_route { drop; }', { mocks: { t_rely: 1 } })).rejects.toThrow('no module has');
  });
});

test('a script with errors does not load, and the reason has its place', async () => {
  await expect(script('request_route { rute(); }')).rejects.toThrow(/test\.cfg:7:17: error/);
});

const VERSION = (word: string) => `
modparam("pv", "shvset", "n=i:0")
request_route { $shv(n) = $shv(n) + 1; xlog("L_INFO", "${word} $shv(n)\\n"); }`;

test('a reload takes the new version and keeps the state', async () => {
  await using s = await script(VERSION('one'));
  await s.request({});
  const report = await s.reload(HEAD + VERSION('two'));
  expect(report.ok).toBe(true);
  expect((await s.request({})).xlog).toEqual(['two 2']);
});
