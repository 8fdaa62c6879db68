/** sipp's built-in caller and callee through a proxy script: no failed call, no unexpected message. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePort, startServer } from '../support/command.js';

const CALLS_A_SECOND = 50;
const SECONDS = 10;

test('INVITE, ACK and BYE through t_relay and record_route', async () => {
  expect(spawnSync('sipp', ['-v']).error, 'apt-get install sip-tester').toBeUndefined();
  const dir = mkdtempSync(path.join(tmpdir(), 'sipp-'));
  const [proxy, callee, caller] = [await freePort(), await freePort(), await freePort()];
  const file = path.join(dir, 'proxy.cfg');
  writeFileSync(
    file,
    `debug=0
listen=udp:127.0.0.1:${proxy}
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
request_route {
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (has_totag()) { if (loose_route()) { t_relay(); exit; } }
	if (method == "CANCEL" || method == "INVITE") record_route();
	$du = "sip:127.0.0.1:${callee}";
	if (!t_relay()) sl_reply_error();
}
`,
  );
  const server = await startServer(['run', file], / is running, listening on /);
  const common = ['-i', '127.0.0.1', '-nostdin'];
  const uas = spawn('sipp', ['-sn', 'uas', '-p', `${callee}`, ...common], { cwd: dir, stdio: 'ignore' });
  const calls = CALLS_A_SECOND * SECONDS;
  const uac = spawn(
    'sipp',
    [
      '-sn',
      'uac',
      '-d',
      '100',
      '-p',
      `${caller}`,
      '-r',
      `${CALLS_A_SECOND}`,
      '-m',
      `${calls}`,
      ...common,
      `127.0.0.1:${proxy}`,
    ],
    {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [uac.stdout, uac.stderr]) {
    stream.on('data', (d: Buffer) => {
      output += d.toString('latin1');
    });
  }
  const status = await new Promise((resolve) => uac.on('close', resolve));
  uas.kill('SIGKILL');
  expect(await server.stop()).toBe(0);
  expect(status, output.slice(-3000)).toBe(0);
  const total = (name: string) =>
    Number([...output.matchAll(new RegExp(`${name} call\\s*\\|\\s*\\d+\\s*\\|\\s*(\\d+)`, 'g'))].at(-1)?.[1]);
  expect(total('Successful')).toBe(calls);
  expect(total('Failed')).toBe(0);
}, 120_000);
