/** What has begun ends on the version it began with; what begins after the swap runs the new one; an error changes nothing. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort, kamscript, type RunningServer, startServer } from '../support/command.js';

const dir = mkdtempSync(path.join(tmpdir(), 'reload-'));
const running: RunningServer[] = [];
afterAll(async () => {
  await Promise.all(running.map((s) => s.stop()));
});

interface Version {
  readonly word: string;
  readonly more?: string;
  readonly listen?: readonly number[];
  readonly wait?: number;
}

function script(port: number, { word, more = '', listen = [], wait = 0 }: Version): string {
  return `debug=2
listen=udp:127.0.0.1:${port}
${listen.map((p) => `listen=udp:127.0.0.1:${p}\n`).join('')}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "cfgutils.so"
loadmodule "htable.so"
modparam("htable", "htable", "seen=>size=4;initval=0;")
${more}
request_route {
	$sht(seen=>count) = $sht(seen=>count) + 1;
	xlog("L_INFO", "${word} begins\\n");
	${wait > 0 ? `usleep("${wait * 1000}");` : ''}
	sl_send_reply("200", "${word} $sht(seen=>count)");
}
`;
}

async function start(version: Version, args: readonly string[] = []) {
  const port = await freePort();
  const file = path.join(dir, `${port}.cfg`);
  writeFileSync(file, script(port, version));
  const server = await startServer(['run', file, ...args], / is running, listening on /);
  running.push(server);
  const ask = async (at = port, seconds = '20') =>
    /^SIP\/2\.0 200 (.*)\r/.exec(
      (await kamscript(['send', '--timeout', seconds, `sip:x@127.0.0.1:${at}`])).stdout,
    )?.[1];
  return { server, port, file, ask };
}

describe('reload', () => {
  test('by SIGHUP: a run under way ends as it began, tables live on, an error changes nothing', async () => {
    // Long enough for the first reload, which starts the thread that parses.
    const { server, port, file, ask } = await start({ word: 'old', wait: 7000 });
    const under = ask();
    await server.saw(/old begins/);
    writeFileSync(file, script(port, { word: 'new', more: 'route[ADDED] { xlog("x\\n"); }' }));
    server.child.kill('SIGHUP');
    await server.saw(
      /NOTICE: <core>: reloaded: version [0-9a-f]{16}, routes added route\[ADDED\]; changed request_route; [\d.]+ ms, pause [\d.]+ ms/,
    );
    expect(await ask()).toBe('new 2');
    expect(await under).toBe('old 2');

    writeFileSync(file, script(port, { word: 'broken', more: 'route[BAD] { nosuch("x"); }' }));
    server.child.kill('SIGHUP');
    await server.saw(/not reloaded, 1 error: version [0-9a-f]{16} goes on/);
    await server.saw(/unknown command nosuch/);
    expect(await ask()).toBe('new 3');
  }, 60_000);

  test('by a changed file: sockets open and close without loss of the others', async () => {
    const { server, port, file, ask } = await start({ word: 'one' }, ['--watch']);
    const second = await freePort();
    writeFileSync(file, script(port, { word: 'two', listen: [second] }));
    await server.saw(new RegExp(`sockets opened udp:127\\.0\\.0\\.1:${second}`));
    expect(await ask()).toBe('two 1');
    expect(await ask(second)).toBe('two 2');
    writeFileSync(file, script(port, { word: 'three' }));
    await server.saw(new RegExp(`sockets closed udp:127\\.0\\.0\\.1:${second}`));
    expect(await ask(second, '1')).toBeUndefined();
    expect(await ask()).toBe('three 3');
  }, 60_000);
});
