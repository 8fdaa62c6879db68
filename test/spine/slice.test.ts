/** The main job, end to end: SIP in, an NSQ event out and in again, a message over the DMQ bus. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { freePort, kamscript, type RunningServer, startServer } from '../support/command.js';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples/cfg');
const READY = / is running, listening on /;
const running: RunningServer[] = [];

afterAll(async () => {
  await Promise.all(running.map((s) => s.stop()));
});

async function start(args: readonly string[]): Promise<RunningServer> {
  const server = await startServer(args, READY);
  running.push(server);
  return server;
}

describe('examples/cfg/start.cfg', () => {
  test('answers OPTIONS, and a MESSAGE becomes an event that runs the first route there is', async () => {
    const port = await freePort();
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'slice-')), 'start.cfg');
    writeFileSync(file, readFileSync(path.join(EXAMPLES, 'start.cfg'), 'latin1').replace('5066', `${port}`));
    const server = await start(['run', file]);
    const uri = `sip:bob@127.0.0.1:${port}`;

    const options = await kamscript(['send', uri]);
    expect(options.stdout).toMatch(/^SIP\/2\.0 200 OK\r\n/);
    expect(options.status).toBe(0);

    expect((await kamscript(['send', '-m', 'MESSAGE', '-b', 'hello bob', uri])).stdout).toMatch(
      /^SIP\/2\.0 202 Accepted/,
    );
    await server.saw(
      /<script>: event route nsq:consumer-event-message-hello: a greeting from sip:kamscript@127\.0\.0\.1/,
    );

    await kamscript(['send', '-m', 'MESSAGE', '-b', 'lunch at one', uri]);
    await server.saw(/<script>: event route nsq:consumer-event-message: 'lunch' has no route of its own/);

    expect((await kamscript(['send', '-m', 'INFO', uri])).stdout).toMatch(/^SIP\/2\.0 405 /);
    expect(await server.stop()).toBe(0);
  }, 60_000);
});

describe('examples/cfg/dmq-pair.cfg', () => {
  test('what one node is told, the other logs', async () => {
    const [a, b] = [await freePort(), await freePort()];
    const script = path.join(EXAMPLES, 'dmq-pair.cfg');
    const one = await start(['run', script, '-A', `PORT=${a}`, '-A', `OTHER=${b}`]);
    const other = await start(['run', script, '-A', `PORT=${b}`, '-A', `OTHER=${a}`]);
    // The second to start asks the first for its list: then both know each other.
    await new Promise((done) => setTimeout(done, 1000));
    for (const [port, listener] of [
      [a, other],
      [b, one],
    ] as const) {
      const sent = await kamscript(['send', '-m', 'MESSAGE', '-b', `hello from ${port}`, `sip:bus@127.0.0.1:${port}`]);
      expect(sent.stdout).toMatch(/^SIP\/2\.0 202 Accepted/);
      await listener.saw(new RegExp(`<script>: from the bus \\(127\\.0\\.0\\.1:${port}\\): hello from ${port}`));
    }
    expect(await one.stop()).toBe(0);
    expect(await other.stop()).toBe(0);
  }, 60_000);
});
