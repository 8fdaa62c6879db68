/** `kamscript reload --shadow` and `kamscript trace`, with a running server and without. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePort, kamscript, startServer } from '../support/command.js';

const script = (port: number, ctl: string, status: string) => `debug=2
listen=udp:127.0.0.1:${port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "${ctl}")
request_route {
	$var(who) = $rU + "!";
	sl_send_reply("${status}", "Told");
}
`;

test('a running server is reloaded, shadowed and traced over its control socket', async () => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'reload-'));
  const port = await freePort();
  const ctl = `unixs:${cwd}/ctl`;
  const write = (status: string) => writeFileSync(path.join(cwd, 'a.cfg'), script(port, ctl, status));
  write('404');
  const server = await startServer(['run', path.join(cwd, 'a.cfg')], / is running, /);
  const reload = (...args: readonly string[]) => kamscript(['reload', '-s', ctl, ...args]);
  try {
    await kamscript(['send', `sip:bob@127.0.0.1:${port}`]);
    const same = await reload('--shadow', '10', '--if-same');
    expect(same.stdout).toContain('shadow: 1 messages and events played through both versions, no difference\n');
    expect(same.stdout).toContain('reloaded: version ');

    write('405');
    const held = await reload('--shadow', '10', '--if-same');
    expect([held.status, held.stderr]).toEqual([1, 'not reloaded: the versions differ\n']);
    expect(held.stdout).toContain('  before alone sends SIP/2.0 404 Told to 127.0.0.1:');
    expect((await reload('--dry-run')).stdout).toContain('would reload: ');
    expect((await reload()).stdout).toContain('changed request_route');

    const traced = kamscript(['trace', '--live', '-s', ctl, '--seconds', '4']);
    await server.saw(/the script is traced/);
    expect((await kamscript(['send', `sip:bob@127.0.0.1:${port}`])).stdout).toContain('405 Told');
    expect((await traced).stdout).toContain('$var(who) = $rU + "!"  $rU="bob"  => $var(who)="bob!"\n');
    await server.saw(/the trace has ended/);

    writeFileSync(path.join(cwd, 'a.cfg'), 'request_route { nope(); }');
    const broken = await reload('--shadow', '10');
    expect([broken.status, broken.stdout.includes('unknown command nope')]).toEqual([1, true]);
    expect((await kamscript(['send', `sip:bob@127.0.0.1:${port}`])).stdout).toContain('405 Told');
  } finally {
    await server.stop();
  }
}, 60_000);

test('one message is traced in the kit', async () => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'trace-'));
  writeFileSync(path.join(cwd, 'a.cfg'), script(5060, `unixs:${cwd}/ctl`, '404'));
  writeFileSync(
    path.join(cwd, 'r'),
    'OPTIONS sip:eve@b SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\n\n',
  );
  const { status, stdout } = await kamscript(['trace', 'a.cfg', '--request', 'r'], { cwd });
  expect(status).toBe(0);
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    'a.cfg:7  request_route {',
    'a.cfg:8  $var(who) = $rU + "!"  $rU="eve"  => $var(who)="eve!"',
    'a.cfg:9  sl_send_reply("404", "Told")  => 1',
  ]);
});
