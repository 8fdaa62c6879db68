/** Scripts on a whole host, against what Kamailio 5.6.3 logged and kamcmd printed (recorded/README.md). */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runScript } from '../support/script.js';

const DIR = new URL('recorded/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, DIR), 'latin1');

interface Recorded {
  readonly log: readonly string[];
  readonly rpc: readonly (readonly [command: readonly string[], printed: string])[];
}

const NAMES = readdirSync(DIR).flatMap((file) => (file.endsWith('.cfg') ? [file.slice(0, -4)] : []));

for (const name of NAMES) {
  test(name, async () => {
    const expected = JSON.parse(read(`${name}.json`)) as Recorded;
    const script = await runScript(read(`${name}.cfg`).replaceAll('{{DIR}}', new URL('db', DIR).pathname));
    script.receive(read('message.txt'));
    await expect.poll(() => script.lines.length, { timeout: 5000 }).toBe(expected.log.length);
    expect(script.lines).toEqual(expected.log);
    for (const [[command = '', ...args], printed] of expected.rpc) {
      expect(await script.rpc(command, ...args), [command, ...args].join(' ')).toBe(printed);
    }
    await script.stop();
  });
}
