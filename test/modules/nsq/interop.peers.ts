/** The scenarios of test/interop/nsq.mjs with every broker there is, and nothing lost amid 50,000 messages. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { built } from '../../support/built.js';
import { BIN, freePort, hasRealNsqd, realNsqd, sleep, type TestBroker, until } from './helpers.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const HARNESS = join(ROOT, 'test/interop/nsq.mjs');
/** Its broker keeps nothing over a restart and registers nowhere. */
const NOT_FOR_EMBEDDED = [
  'consume-lookupd',
  'consume-lookupd-list',
  'nsqd-restarts-mid-stream',
  'publish-without-broker',
];

beforeAll(() => built(), 120_000);

function play(...args: string[]): string {
  const { stdout } = spawnSync(process.execPath, [HARNESS, '--bin', 'node bin/kamscript.js', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 900_000,
  });
  return stdout;
}

describe('every scenario passes', { timeout: 900_000 }, () => {
  test("with the harness's own broker", () => expect(play('--embedded')).toMatch(/\n34 passed, 0 failed\n$/));

  test.skipIf(!hasRealNsqd)('with nsqd and nsqlookupd', () =>
    expect(play('--nsqd', join(BIN, 'nsqd'), '--nsqlookupd', join(BIN, 'nsqlookupd'))).toMatch(
      /\n34 passed, 0 failed\n$/,
    ),
  );

  test.skipIf(!hasRealNsqd)('with the embedded broker', () => {
    const names = execFileSync(process.execPath, [HARNESS, '--list'], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.split(' ')[0]!);
    const chosen = names.filter((name) => name !== '' && !NOT_FOR_EMBEDDED.includes(name));
    const out = play(
      '--nsqd',
      join(ROOT, 'test/interop/broker-as-nsqd.mjs'),
      '--nsqlookupd',
      join(BIN, 'nsqlookupd'),
      ...chosen,
    );
    expect(out).toMatch(/\n30 passed, 0 failed\n$/);
  });
});

/** kamscript with one topic, whose event route logs the number of each message. */
class Consumer {
  readonly #cfg: string;
  #child: ChildProcess | undefined;
  #rest = '';
  /** How often each number was seen. */
  readonly seen = new Map<number, number>();
  constructor(dir: string, nsqd: TestBroker, sip: number) {
    this.#cfg = join(dir, 'loss.cfg');
    writeFileSync(
      this.#cfg,
      `debug=2\nlog_stderror=yes\ndisable_tcp=yes\nlisten=udp:127.0.0.1:${sip}\nloadmodule "pv.so"\nloadmodule "xlog.so"\nloadmodule "nsq.so"
modparam("nsq", "nsqd_address", "127.0.0.1:${nsqd.tcp.port}")\nmodparam("nsq", "topic_channel", "loss:c")
modparam("nsq", "consumer_workers", 2)\nmodparam("nsq", "max_in_flight", 50)\nmodparam("nsq", "ack_mode", "after")
request_route { exit; }\nevent_route[nsq:consumer-event] { xlog("L_ERR", "@@$(nsqE{nsq.json,n})@@\\n"); }\n`,
    );
  }
  start(): void {
    this.#child = spawn(process.execPath, [join(ROOT, 'bin/kamscript.js'), '-f', this.#cfg, '-DD', '-E'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.on('data', (data: Buffer) => {
      const lines = (this.#rest + data.toString()).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        const n = /@@(\d+)@@/.exec(line)?.[1];
        if (n !== undefined) this.seen.set(Number(n), (this.seen.get(Number(n)) ?? 0) + 1);
      }
    });
  }
  async end(signal: NodeJS.Signals): Promise<void> {
    const exited = new Promise((done) => this.#child?.once('exit', done));
    this.#child?.kill(signal);
    await exited;
    this.#rest = '';
  }
  get repeats(): number {
    let sum = 0;
    for (const times of this.seen.values()) sum += times - 1;
    return sum;
  }
}

test.skipIf(!hasRealNsqd)(
  'nothing is lost amid 50,000 messages when the server is killed and nsqd restarts',
  // The count is read off the log: lines of a killed server that had finished its messages may be lost with it, once in a while.
  { timeout: 300_000, retry: 2 },
  async () => {
    const COUNT = 50_000;
    /** Two workers with 50 in flight each: what a kill may have run without saying so. */
    const IN_HAND = 100;
    const dir = mkdtempSync(join(tmpdir(), 'nsq-loss-'));
    const ports = { tcp: await freePort(), http: await freePort(), dir };
    const options = ['-msg-timeout', '3s'];
    let nsqd = await realNsqd(options, ports);
    const consumer = new Consumer(dir, nsqd, await freePort());
    consumer.start();
    await until(async () => ((await nsqd.channel('loss', 'c'))?.clients?.length ?? 0) >= 2, 'not subscribed', 30_000);
    const publishing = (async () => {
      for (let i = 0; i < COUNT; i += 500) {
        const batch = Array.from({ length: 500 }, (_, k) => ({ n: i + k }));
        // A restart in between refuses the connection; the batch is all or none.
        for (;;) {
          const sent = await nsqd.call('POST', '/mpub?topic=loss', batch.map((b) => JSON.stringify(b)).join('\n')).then(
            (r) => r.status === 200,
            () => false,
          );
          if (sent) break;
          await sleep(50);
        }
      }
    })();
    await until(() => consumer.seen.size > 5000, 'no start', 60_000);
    await consumer.end('SIGKILL');
    await sleep(200);
    consumer.start();
    await until(() => consumer.seen.size > 20_000, 'does not go on after the kill', 60_000);
    await nsqd.stop();
    await sleep(300);
    nsqd = await realNsqd(options, ports);
    await publishing;
    await until(
      () => consumer.seen.size === COUNT,
      () => `${consumer.seen.size} of ${COUNT}`,
      120_000,
    );
    await nsqd.idle('loss', 'c', 30_000);
    await consumer.end('SIGTERM');
    await nsqd.stop();
    rmSync(dir, { recursive: true, force: true });
    // One kill of the server and one stop of nsqd: each may repeat what was in hand, and the stop also a batch that was stored without an answer.
    expect(consumer.repeats).toBeLessThanOrEqual(2 * IN_HAND + 500);
  },
);
