/** The bus shared with real Kamailio nodes: every scenario of the harness, and the example. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort, kamscript, type RunningServer, startServer } from '../../support/command.js';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const HARNESS = path.join(ROOT, 'test/interop/dmq.mjs');
const EXAMPLE = path.join(ROOT, 'examples/cfg/dmq-tables.cfg');
const READY = / is running, listening on /;
const running: RunningServer[] = [];
const others: ChildProcess[] = [];

afterAll(async () => {
  for (const child of others) child.kill('SIGTERM');
  await Promise.all(running.map((s) => s.stop()));
});

function play(...only: string[]): string {
  const { stdout } = spawnSync(process.execPath, [HARNESS, '--bin', 'node bin/kamscript.js', ...only], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 900_000,
  });
  return stdout;
}

test.skipIf(!existsSync(HARNESS))('every scenario passes', { timeout: 1_500_000 }, () => {
  const first = play();
  expect(first).toMatch(/\n\d+ passed, \d+ failed\n$/);
  // What real nodes do takes its time: a scenario that failed is played again, alone, before it counts.
  const failed = [...first.matchAll(/^not ok ([^:\s]+)/gm)].map((m) => m[1]!);
  const again = failed.length === 0 ? '' : play(...failed);
  expect([...again.matchAll(/^not ok .*$/gm)].map((m) => m[0])).toEqual([]);
  expect(first.match(/^(?:not )?ok /gm)?.length).toBe(62);
});

describe('examples/cfg/dmq-tables.cfg', () => {
  test('what one node is told all know, a Kamailio node among them', { timeout: 60_000 }, async () => {
    const [a, b, c] = [await freePort(), await freePort(), await freePort()];
    for (const [port, other] of [
      [a, b],
      [b, a],
    ])
      running.push(await startServer(['run', EXAMPLE, '-A', `PORT=${port}`, '-A', `OTHER=${other}`], READY));
    const defines = ['-A', `PORT=${c}`, '-A', `OTHER=${a}`];
    others.push(
      spawn('kamailio', ['-f', EXAMPLE, '-DD', '-E', ...defines, '-Y', '/tmp', '-w', '/tmp'], { stdio: 'ignore' }),
    );
    const note = async (port: number, name: string) =>
      /X-Note: (.*)\r\n/.exec((await kamscript(['send', `sip:${name}@127.0.0.1:${port}`])).stdout)?.[1];
    const knows = async (port: number, name: string, value: string) => {
      for (let i = 0; i < 40 && (await note(port, name)) !== value; i++)
        await new Promise((done) => setTimeout(done, 250));
      expect(await note(port, name)).toBe(value);
    };
    await knows(c, 'nothing', '<null>');
    for (const [port, name] of [
      [a, 'one'],
      [b, 'two'],
      [c, 'three'],
    ] as const) {
      const sent = await kamscript(['send', '-m', 'MESSAGE', '-b', `from ${port}`, `sip:${name}@127.0.0.1:${port}`]);
      expect(sent.stdout).toMatch(/^SIP\/2\.0 202 Noted/);
      for (const asked of [a, b, c]) await knows(asked, name, `from ${port}`);
    }
  });
});
