/** Dialogs that kamscript wrote are taken over by a real Kamailio, and the other way round: one SQLite file with its tables. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openEmbedded } from '../../../src/modules/db_sqlite/index.js';
import { type RealServer, run, startServer, wait } from '../../support/real-server.js';
import { Phones } from './phones.js';

const SCHEMAS = '/usr/share/kamailio/db_sqlite';

const script = (file: string) => `
debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:{{PORT}}
loadmodule "jsonrpcs.so"
loadmodule "ctl.so"
loadmodule "db_sqlite.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "dialog.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("jsonrpcs", "transport", 0)
modparam("dialog", "db_url", "sqlite:///${file}")
modparam("dialog", "db_mode", 1)
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "default_timeout", 600)
request_route {
  if (has_totag()) { loose_route(); t_relay(); exit; }
  record_route();
  dlg_manage();
  $dlg_var(color) = "blue";
  $dlg_var(quote) = "it's \\"so\\"";
  set_dlg_profile("caller", "$fU");
  dlg_setflag("3");
  t_relay();
}
`;

const servers: RealServer[] = [];
const opened: Phones[] = [];
afterEach(async () => {
  for (const p of opened.splice(0)) p.close();
  await Promise.all(servers.splice(0).map((s) => s.stop()));
});

const kamcmd = (server: RealServer, ...args: string[]) => run('kamcmd', ['-s', `unix:${server.dir}/ctl`, ...args]);

/** Without what a start sets anew, and the sockets, which the other server has not. */
async function dialogs(server: RealServer): Promise<string[]> {
  const list = await kamcmd(server, 'dlg.list');
  return list
    .replace(/^\s*(?:ref|init_ts|duration|timeout|lifetime|dflags|socket): .*\n/gm, '')
    .split(/^\}\n/m)
    .filter((d) => d.trim() !== '')
    .map((d) => d.split('\n').sort().join('\n'))
    .sort();
}

test.each([
  ['kamscript', 'kamailio'],
  ['kamailio', 'kamscript'],
] as const)('what %s wrote, %s takes over', { timeout: 40_000 }, async (first, second) => {
  const file = join(mkdtempSync(join(tmpdir(), 'dialog-db-')), 'k.sqlite');
  const schema = ['standard', 'dialog'].map((name) => readFileSync(`${SCHEMAS}/${name}-create.sql`, 'utf8'));
  await (await openEmbedded(file, schema.join('\n'))).close();
  const a = await startServer(first, script(file));
  servers.push(a);
  const p = await Phones.open();
  opened.push(p);
  for (const id of ['one', 'two', 'three']) await p.call(a.port, id);
  const over = await p.call(a.port, 'over');
  await over.within('BYE');
  await wait(300);
  const before = (await dialogs(a)).filter((d) => d.includes('state: 4'));
  expect(before).toHaveLength(3);
  await a.stop();

  const b = await startServer(second, script(file));
  servers.push(b);
  // 5.6.3 keeps the row of a call that ended for as long as the BYE's transaction lives
  const taken = (await dialogs(b)).filter((d) => first === 'kamscript' || !d.includes('call-id: over'));
  expect(taken).toEqual(before);
  if (first === 'kamscript') expect((await kamcmd(b, 'dlg.profile_get_size', 'caller', 'alice')).trim()).toBe('3');
  p.requests.length = 0;
  await kamcmd(b, 'dlg.terminate_dlg', 'one', 'a-one', 'b-one');
  await wait(700);
  expect(p.requests.map((r) => r.slice(0, 3))).toEqual(['BYE', 'BYE']);
  expect(p.requests.map((r) => /^CSeq: (\d+)/m.exec(r)?.[1]).sort()).toEqual(['1', '2']);
  await wait(500);
  const left = (await dialogs(b)).filter((d) => d.includes('state: 4') && !d.includes('call-id: over'));
  expect(left.map((d) => /call-id: (.*)/.exec(d)?.[1]).sort()).toEqual(['three', 'two']);
});
