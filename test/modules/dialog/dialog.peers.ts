/** The same script and calls at kamscript and at a real Kamailio: what its own kamcmd prints of the dialogs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealServer, run, startServer, wait } from '../../support/real-server.js';
import { Phones } from './phones.js';

const SCRIPT = `
debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:{{PORT}}
loadmodule "jsonrpcs.so"
loadmodule "ctl.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "dialog.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("jsonrpcs", "transport", 0)
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")
modparam("dialog", "default_timeout", 600)
request_route {
  if (has_totag()) { loose_route(); if (is_method("ACK") && t_check_trans()) { t_relay(); exit; } t_relay(); exit; }
  if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
  record_route();
  dlg_manage();
  $dlg_var(color) = "blue";
  $dlg_var(note) = "second";
  set_dlg_profile("caller", "$fU");
  set_dlg_profile("all");
  dlg_setflag("5");
  t_relay();
}
`;

const KINDS = ['kamailio', 'kamscript'] as const;
type Kind = (typeof KINDS)[number];
const servers = {} as Record<Kind, RealServer>;
const phones = {} as Record<Kind, Phones>;

beforeAll(async () => {
  for (const kind of KINDS) {
    servers[kind] = await startServer(kind, SCRIPT);
    phones[kind] = await Phones.open();
  }
});
afterAll(async () => {
  for (const kind of KINDS) {
    phones[kind]?.close();
    await servers[kind]?.stop();
  }
});

const kamcmd = (kind: Kind, ...args: string[]) => run('kamcmd', ['-s', `unix:${servers[kind].dir}/ctl`, ...args]);

/** Numbers, times and ports that differ from run to run. */
function plain(text: string, kind: Kind): string {
  return text
    .replaceAll(`${servers[kind].port}`, 'PORT')
    .replaceAll(`${phones[kind].callerPort}`, 'CALLER')
    .replaceAll(`${phones[kind].calleePort}`, 'CALLEE')
    .replace(/did=[0-9a-f]+\.[0-9a-f]+/g, 'did=X')
    .replace(/((?:h_id|[a-z]+_ts|timeout): )[1-9]\d*/g, '$1N')
    .replace(/(duration: )\d+/g, '$1N');
}

async function both(...args: string[]): Promise<string> {
  const [real = '', own = ''] = await Promise.all(KINDS.map(async (kind) => plain(await kamcmd(kind, ...args), kind)));
  // 5.6.3 tells the caller's tag as that of the callee: docs/differences.md
  expect(own, args.join(' ')).toBe(args[0] === 'dlg.briefing' ? real.replace(/to_tag: a-/g, 'to_tag: b-') : real);
  return real;
}

describe('kamcmd dlg.*', () => {
  test('no call', async () => {
    for (const command of ['dlg.list', 'dlg.stats_active', 'dlg.list_ctx']) await both(command);
    await both('dlg.dlg_list', 'nope');
    await both('dlg.profile_get_size', 'all');
    await both('dlg.profile_get_size', 'nope');
    await both('dlg.profile_list', 'caller');
    await both('dlg.list_match', 'furi', 'eq', 'x');
    await both('dlg.list_match', 'furi');
    await both('dlg.list_match', 'xuri', 'eq', 'x');
    await both('dlg.list_match', 'furi', 'xx', 'x');
    await both('dlg.list_match', 'furi', 'gt', 'x');
    await both('dlg.list_match', 'start_ts', 'eq', 's:1');
    await both('dlg.end_dlg', '1', '2');
    await both('dlg.end_dlg');
    await both('dlg.terminate_dlg', 'a', 'b', 'c');
    await both('dlg.terminate_dlg', 'a');
    await both('dlg.is_alive', 'a', 'b', 'c');
    await both('dlg.set_state', 'a', 'b', 'c', '5');
    await both('dlg.set_state', 'a', 'b', 'c', '9');
    await both('dlg.set_state');
  });

  test('a call that is answered', async () => {
    const calls = await Promise.all(KINDS.map((kind) => phones[kind].call(servers[kind].port, 'call-1')));
    expect(calls.map((c) => c.code)).toEqual(['200', '200']);
    await wait(300);
    expect(await both('dlg.list')).toContain('color');
    await both('dlg.list_ctx');
    await both('dlg.briefing');
    await both('dlg.briefing', 'ftcFISEs');
    await both('dlg.stats_active');
    await both('dlg.stats_active', '1');
    await both('dlg.dlg_list', 'call-1');
    await both('dlg.dlg_list', 'call-1', 'a-call-1');
    await both('dlg.dlg_list', 'call-1', 'other');
    await both('dlg.profile_get_size', 'caller');
    await both('dlg.profile_get_size', 'caller', 'alice');
    await both('dlg.profile_get_size', 'caller', 'zed');
    await both('dlg.profile_list', 'caller', 'alice');
    await both('dlg.profile_list', 'caller', 'zed');
    await both('dlg.list_match', 'furi', 're', '^sip:ALICE');
    await both('dlg.list_match', 'callid', 'sw', 'call');
    await both('dlg.list_match', 'start_ts', 'gt', 's:5');
    await both('dlg.is_alive', 'call-1', 'a-call-1', 'b-call-1');
    await both('stats.get_statistics', 'dialog:');
    const within = await Promise.all(calls.map((c) => c.within('INFO')));
    expect(within.map((r) => r.slice(8, 11))).toEqual(['200', '200']);
    await both('dlg.list');
    await Promise.all(calls.map((c) => c.within('BYE', 3)));
    await wait(200);
    await both('dlg.list');
    await both('stats.get_statistics', 'dialog:');
  });

  test('terminate_dlg sends BYE to both sides', async () => {
    await Promise.all(KINDS.map((kind) => phones[kind].call(servers[kind].port, 'call-2')));
    await wait(300);
    for (const kind of KINDS) phones[kind].requests.length = 0;
    await both('dlg.terminate_dlg', 'call-2', 'a-call-2', 'b-call-2');
    await wait(500);
    const seen = KINDS.map((kind) =>
      phones[kind].requests
        .map((r) =>
          plain(r, kind)
            .replace(/branch=\S+/g, 'branch')
            .replace(/^User-Agent: .*\r\n/m, ''),
        )
        .sort(),
    );
    expect(seen[0]).toHaveLength(2);
    expect(seen[1]).toEqual(seen[0]);
    await both('dlg.stats_active');
  });

  test('a state that is forced', async () => {
    await Promise.all(KINDS.map((kind) => phones[kind].call(servers[kind].port, 'call-3')));
    await wait(300);
    await both('dlg.set_state', 'call-3', 'a-call-3', 'b-call-3', '5');
    await both('dlg.is_alive', 'call-3', 'a-call-3', 'b-call-3');
    await both('dlg.stats_active');
  });
});
