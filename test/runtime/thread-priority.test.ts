import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { beforeAll, expect, test } from 'vitest';
import { built } from '../support/built.js';

beforeAll(() => built(), 120_000);

/** The 19th field of stat(5). */
const niceness = (path: string) =>
  Number(
    readFileSync(`${path}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ')[16],
  );

test.skipIf(!existsSync('/proc/thread-self'))(
  'a thread that steps back does so alone (needs /proc of Linux)',
  async () => {
    const file = new URL('../../dist/runtime/thread-priority.js', import.meta.url);
    const worker = new Worker(
      `import('${file}').then(({ stepBack }) => {
      const { parentPort } = require('node:worker_threads');
      parentPort.on('message', () => process.exit());
      parentPort.postMessage([stepBack(), require('node:fs').readlinkSync('/proc/thread-self')]);
    });`,
      { eval: true },
    );
    const before = niceness('/proc/thread-self');
    const [done, thread] = await new Promise<[boolean, string]>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(done).toBe(true);
    expect(thread).not.toBe(readlinkSync('/proc/thread-self'));
    expect(niceness(`/proc/${thread}`)).toBe(10);
    expect(niceness('/proc/thread-self')).toBe(before);
    await worker.terminate();
  },
);
