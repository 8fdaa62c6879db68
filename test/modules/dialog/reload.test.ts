/** Calls live through a reload: they end by the version that runs when they end. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { freePort, type RunningServer, startServer } from '../../support/command.js';
import { Phones } from './phones.js';

const running: RunningServer[] = [];
const opened: Phones[] = [];
afterAll(async () => {
  for (const p of opened) p.close();
  await Promise.all(running.map((s) => s.stop()));
});

const script = (port: number, word: string, profiles: string) => `debug=2
listen=udp:127.0.0.1:${port}
${['tm', 'sl', 'rr', 'pv', 'xlog', 'textops', 'siputils', 'dialog'].map((m) => `loadmodule "${m}.so"`).join('\n')}
modparam("dialog", "profiles_no_value", "${profiles}")
request_route {
  if (has_totag()) { loose_route(); xlog("L_INFO", "${word} $rm $dlg_var(by)\\n"); t_relay(); exit; }
  if (is_method("MESSAGE")) { get_profile_size("all", "$var(n)"); sl_send_reply("200", "$DLG_count $var(n)"); exit; }
  record_route();
  dlg_manage();
  $dlg_var(by) = "${word}";
  set_dlg_profile("all");
  t_relay();
}
event_route[dialog:end] { xlog("L_INFO", "${word} ends what $dlg_var(by) began\\n"); }
`;

test('a call that began before a reload', { timeout: 40_000 }, async () => {
  const port = await freePort();
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'dialog-')), 'test.cfg');
  writeFileSync(file, script(port, 'old', 'all'));
  const server = await startServer(['run', file], / is running, listening on /);
  running.push(server);
  const phones = await Phones.open();
  opened.push(phones);
  const call = await phones.call(port, 'lasting');
  expect(await phones.request(port, 'MESSAGE')).toMatch(/^SIP\/2\.0 200 1 1\r/);

  writeFileSync(file, script(port, 'new', 'all;more'));
  server.child.kill('SIGHUP');
  await server.saw(/NOTICE: <core>: reloaded/);
  expect(await phones.request(port, 'MESSAGE')).toMatch(/^SIP\/2\.0 200 1 1\r/);
  expect(await call.within('INFO')).toMatch(/^SIP\/2\.0 200/);
  await server.saw(/new INFO old/);
  const second = await phones.call(port, 'second');
  expect(await phones.request(port, 'MESSAGE')).toMatch(/^SIP\/2\.0 200 2 2\r/);
  await call.within('BYE', 3);
  await second.within('BYE', 3);
  await server.saw(/new ends what old began/);
  await server.saw(/new ends what new began/);
  expect(await phones.request(port, 'MESSAGE')).toMatch(/^SIP\/2\.0 200 0 0\r/);

  // what cannot change while calls last is refused by name
  writeFileSync(file, `${script(port, 'third', 'all')}\nmodparam("dialog", "hash_size", 16)\n`);
  server.child.kill('SIGHUP');
  await server.saw(/modparam dialog\.hash_size/);
});
