/** `kamscript test --against kamailio`: the same steps at the real server, and where it does something else. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { obstacle } from '../../src/cli/test/against.js';
import { freePort, kamscript, startServer } from '../support/command.js';

const HEAD = 'debug=2\nloadmodule "sl.so"\nloadmodule "pv.so"\nloadmodule "tm.so"\nloadmodule "xlog.so"\n';
const SCRIPT = `${HEAD}listen=udp:127.0.0.1:5060
request_route {
	xlog("L_INFO", "$rm for $rU\\n");
	if ($rU == "bob") { t_on_failure("BUSY"); $du = "sip:10.0.0.9:5060"; t_relay(); exit; }
	sl_send_reply("404", "Not here");
}
failure_route[BUSY] {
	if (t_check_status("486")) t_reply("480", "Try Later");
}
`;
const TEST = `import { test } from 'node:test';
import assert from 'node:assert/strict';
import { load } from 'kamscript/testing';
test('busy', async () => {
  const s = await load('a.cfg');
  await s.request({ uri: 'sip:eve@example.com' }, { from: '192.0.2.7:5062' });
  const call = await s.request({ method: 'INVITE', uri: 'sip:bob@example.com' });
  const busy = await s.reply(call.forwarded[0], 486);
  assert.equal(busy.status, 480);
  await s.advance(60_000);
  await s.close();
});
test('an extension', async () => {
  const s = await load('b.cfg', { text: \`${HEAD.replaceAll('\n', '\\n')}loadmodule "uuid.so"
request_route { xlog("L_INFO", "one\\\\n"); if ($def(__KAMSCRIPT__) != $null) xlog("L_INFO", "kamscript\\\\n"); }\` });
  await s.request({});
  await s.close();
});
`;

test.skipIf(obstacle('kamailio') !== undefined)(
  'shows what is alike, what differs and what cannot be played',
  async () => {
    const cwd = mkdtempSync(path.join(tmpdir(), 'against-'));
    writeFileSync(path.join(cwd, 'a.cfg'), SCRIPT);
    writeFileSync(path.join(cwd, 'a.test.mjs'), TEST);
    const { stdout } = await kamscript(['test', '--grep', 'busy', '--against', 'kamailio'], { cwd });
    expect(stdout).toContain('a.cfg, step 5: 60 s that pass\n');
    expect(stdout).toContain('Against Kamailio: 4 steps alike, 0 different, 1 not played\n');
  },
);

test.skipIf(obstacle('kamailio') !== undefined)('what a server recorded is played at Kamailio', async () => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'against-'));
  const port = await freePort();
  const ctl = `unixs:${cwd}/ctl`;
  const file = path.join(cwd, 'a.cfg');
  writeFileSync(file, `${SCRIPT.replace('5060', `${port}`)}loadmodule "ctl.so"\nmodparam("ctl", "binrpc", "${ctl}")\n`);
  const server = await startServer(['run', file], / is running, /);
  await kamscript(['send', `sip:eve@127.0.0.1:${port}`]);
  await kamscript(['send', '-m', 'MESSAGE', '-b', 'zwölf', `sip:ann@127.0.0.1:${port}`]);
  const written = await kamscript(['record', 'a.cfg', '-s', ctl, '-o', 'a.test.mjs'], { cwd });
  await server.stop();
  expect([written.status, written.stderr]).toEqual([0, '']);
  expect(readFileSync(path.join(cwd, 'a.test.mjs'), 'utf8')).toContain('zwölf');
  const { stdout } = await kamscript(['test', '--against', 'kamailio'], { cwd });
  expect(stdout).toContain('Against Kamailio: 3 steps alike, 0 different, 0 not played\n');
});
