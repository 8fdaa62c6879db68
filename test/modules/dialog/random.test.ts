/** Calls whose messages come in any order, again, or not at all: when all is over nothing is left of them. */
import { afterEach, expect, test } from 'vitest';
import { dialogsOf } from '../../../src/modules/dialog/state.js';
import { Cluster, seeded } from '../dmq/cluster.js';
import { CALLEE, Call, dialogScript } from './calls.js';

let cluster = new Cluster();
afterEach(async () => {
  await cluster.stop();
  cluster = new Cluster();
});

const RUNS = Math.max(Math.ceil(Number(process.env.FUZZ_RUNS ?? 3000) / 100), 5);

const MORE = `
modparam("dialog", "default_timeout", 40)
modparam("dialog", "early_timeout", 30)
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")
modparam("dialog", "ka_timer", 5)
modparam("dialog", "ka_interval", 30)
modparam("tm", "fr_inv_timer", 20000)
`;
const INVITE = `
  set_dlg_profile("caller", "$fU"); set_dlg_profile("all"); dlg_set_property("ka-src");
  if ($hdr(X-Bye) == "1") $dlg_ctx(timeout_bye) = 1;
  if ($hdr(X-End) == "reply") { t_newtran(); t_reply("480", "No"); exit; }
  if ($hdr(X-End) == "stateless") { sl_send_reply("480", "No"); exit; }
  if ($hdr(X-End) == "nothing") exit;
`;

test('any order', { timeout: 600_000 }, async () => {
  const a = await cluster.start('10.0.0.1', { lines: dialogScript(MORE, INVITE) });
  const ds = dialogsOf(a.host);
  const random = seeded(23);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  let calls: { call: Call; hasInvite: boolean; answered: boolean }[] = [];
  for (let i = 0; i < RUNS * 10; i++) {
    if (calls.length < 6 || random() < 0.2) {
      const call = new Call(cluster, a, `c${i}`);
      const more = [
        random() < 0.3 ? 'X-Bye: 1' : 'X-Bye: 0',
        `X-End: ${pick(['', '', '', '', 'reply', 'stateless', 'nothing'])}`,
      ];
      await call.invite(more);
      calls.push({ call, hasInvite: call.last(CALLEE, 'INVITE') !== undefined, answered: false });
    }
    const one = pick(calls);
    const act = pick([
      '180',
      '183',
      '200',
      '200',
      '486',
      '302',
      'ACK',
      'ACK',
      'BYE',
      'INFO',
      'CANCEL',
      'wait',
      'upstream',
      'PRACK',
    ]);
    if (/^\d/.test(act) && one.hasInvite) {
      await one.call.reply(Number(act));
      one.answered ||= act === '200';
    } else if (act === 'wait') await cluster.pass(pick([100, 600, 2000]));
    else if (act === 'CANCEL') await one.call.cancel();
    else if (act === 'upstream' && one.answered) await one.call.upstream(pick(['BYE', 'INFO', 'INVITE']));
    else if (/^[A-Z]+$/.test(act) && one.answered) await one.call.within(act);
    if (random() < 0.1 || calls.length > 10) calls = calls.slice(1);
    cluster.wire.splice(0, Math.max(cluster.wire.length - 20_000, 0));
  }
  expect(ds.early + ds.active).toBeGreaterThanOrEqual(0);
  const states = [...ds.table].map((d) => d.state);
  expect([ds.early, ds.active]).toEqual([
    states.filter((s) => s === 2).length,
    states.filter((s) => s === 3 || s === 4).length,
  ]);
  // nobody speaks any more
  await cluster.pass(400_000, 1000);
  expect([...ds.table].map((d) => [d.callId, d.state, d.ref])).toEqual([]);
  expect([ds.early, ds.active, ds.keepalives.length]).toEqual([0, 0, 0]);
  expect([...ds.profiles].map((p) => p.size())).toEqual([0, 0]);
  expect(a.lines.filter((l) => /TypeError|RangeError|the run of/.test(l))).toEqual([]);
});
