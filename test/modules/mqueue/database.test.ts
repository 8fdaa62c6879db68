/** Queues that outlive the server in a database. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runScript } from '../../support/script.js';

const HEAD = 'id(int,auto) key(string) val(string)\n';
const MESSAGE = readFileSync(new URL('../recorded/message.txt', import.meta.url), 'latin1');

test('a queue comes out of its table at start, and what is left goes back at the end', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kamscript-mqueue-'));
  try {
    writeFileSync(join(dir, 'both'), `${HEAD}2:b:two\n1:a:one\n`);
    writeFileSync(join(dir, 'goes'), HEAD);
    const script = await runScript(`
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_text.so"
loadmodule "mqueue.so"
modparam("mqueue", "db_url", "text://${dir}")
modparam("mqueue", "mqueue", "name=both;dbmode=1")
modparam("mqueue", "mqueue", "name=goes;dbmode=3")
request_route { mq_fetch("both"); xlog("$mqk(both)=$mqv(both)\\n"); mq_add("both", "c", "x:y"); mq_add("goes", "d", "4"); }`);
    script.receive(MESSAGE);
    expect(script.lines).toEqual(['a=one']);
    await script.stop();
    expect(readFileSync(join(dir, 'both'), 'latin1')).toBe(`${HEAD}1:b:two\n2:c:x\\:y\n`);
    expect(readFileSync(join(dir, 'goes'), 'latin1')).toBe(`${HEAD}1:d:4\n`);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
