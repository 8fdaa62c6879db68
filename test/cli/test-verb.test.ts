/** `kamscript test`: finds tests, runs them, reports; the tests in docs/testing.md and beside the examples pass. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { kamscript } from '../support/command.js';

const ROOT = path.resolve(import.meta.dirname, '../..');

function folder(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'test-verb-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  return dir;
}

const counts = (tap: string) => /^# pass (\d+)\n# fail (\d+)/m.exec(tap)?.slice(1).map(Number);

test('the tests beside the examples pass', async () => {
  const { status, stdout } = await kamscript(['test', 'examples/cfg', '-r', 'tap']);
  expect(stdout).not.toContain('not ok');
  expect(status).toBe(0);
  expect(counts(stdout)?.[0]).toBeGreaterThanOrEqual(25);
});

test('the tests in docs/testing.md pass', async () => {
  const page = readFileSync(path.join(ROOT, 'docs/testing.md'), 'utf8');
  const files = Object.fromEntries(
    [...page.matchAll(/^```(?:js)?\n(?:#|\/\/) (\S+\.(?:cfg|test\.js))\n([\s\S]*?)^```/gm)].map((m) => [m[1]!, m[2]!]),
  );
  expect(Object.keys(files)).toEqual(['screen.cfg', 'screen.test.js', 'order.test.js']);
  const { status, stdout } = await kamscript(['test', '-r', 'tap'], { cwd: folder(files) });
  expect(stdout).not.toContain('not ok');
  expect([status, counts(stdout)]).toEqual([0, [6, 0]]);
});

const PASSING = `import { test } from 'node:test';
import { load } from 'kamscript/testing';
test('answers', async () => {
  const s = await load('a.cfg');
  const run = await s.request({ method: 'OPTIONS' });
  if (run.status !== 200) throw new Error('no');
  await s.close();
});
test('fails', () => { throw new Error('on purpose'); });
`;
const CFG = `loadmodule "sl.so"
request_route {
	if (method == "OPTIONS") {
		sl_send_reply("200", "OK");
		exit;
	}
	sl_send_reply("405", "No");
}
route[UNUSED] {
	exit;
}
`;

describe('kamscript test', () => {
  test('gives 1 when a test fails, and 0 when --grep leaves it out', async () => {
    const cwd = folder({ 'a.test.mjs': PASSING, 'a.cfg': CFG, 'other.test.mjs': "import 'vitest';" });
    const all = await kamscript(['test'], { cwd });
    expect(all.status).toBe(1);
    expect(all.stdout).toContain('on purpose');
    expect((await kamscript(['test', '--grep', 'answers'], { cwd })).status).toBe(0);
  });

  test('shows routes and lines that never ran', async () => {
    const cwd = folder({ 'a.test.mjs': PASSING, 'a.cfg': CFG });
    const { stdout } = await kamscript(['test', '--grep', 'answers', '--coverage', '--lcov', 'out.info'], { cwd });
    expect(stdout.slice(stdout.indexOf('Coverage'))).toBe(
      `Coverage\na.cfg: 60.0 % of lines (3/5)\n     1x  request_route (line 2)\n  never  route[UNUSED] (line 9)\n  lines that never ran: 7, 10\n`,
    );
    expect(readFileSync(path.join(cwd, 'out.info'), 'utf8')).toContain('FNDA:0,route[UNUSED]\n');
  });

  test('writes a page with each line and how often it ran', async () => {
    const cwd = folder({ 'a.test.mjs': PASSING, 'a.cfg': CFG });
    await kamscript(['test', '--grep', 'answers', '--coverage', 'html', '--coverage-dir', 'out'], { cwd });
    const page = readFileSync(path.join(cwd, 'out', 'index.html'), 'utf8');
    expect(page).toContain('<td>60.0 % (3/5)</td><td>1/2</td>');
    expect(page).toContain('<span id="f0L7" class="never"><span class="n">7</span><span class="c">0x</span>');
    expect(page).toContain('sl_send_reply(&quot;405&quot;');
  });

  test('a word behind --coverage that is no form is a path', async () => {
    const cwd = folder({ 'a.test.mjs': PASSING, 'a.cfg': CFG });
    const { stdout } = await kamscript(['test', '--grep', 'answers', '--coverage', 'a.test.mjs'], { cwd });
    expect(stdout).toContain('a.cfg: 60.0 % of lines (3/5)');
  });

  test('reports in TAP 13 and in JUnit XML what passed and what failed', async () => {
    const cwd = folder({ 'a.test.mjs': PASSING, 'a.cfg': CFG });
    const tap = (await kamscript(['test', '-r', 'tap'], { cwd })).stdout;
    expect(tap.startsWith('TAP version 13\n')).toBe(true);
    expect(tap).toMatch(/^ +ok 1 - answers$/m);
    expect(tap).toMatch(/^ +not ok 2 - fails$/m);
    expect(counts(tap)).toEqual([1, 1]);
    const junit = (await kamscript(['test', '-r', 'junit'], { cwd })).stdout;
    expect(junit).toMatch(/<testsuite name="a.test.mjs" [^>]*tests="2" failures="1"/);
    expect(junit).toMatch(/<testcase name="answers" [^>]*\/>/);
    expect(junit).toMatch(/<testcase name="fails" [^>]*>\s*<failure [^>]*on purpose/);
  });

  test('a file that cannot be loaded is a failed test with its name', async () => {
    const cwd = folder({ 'broken.test.mjs': "import 'kamscript/testing'; this is no JavaScript" });
    const { status, stdout } = await kamscript(['test', '-r', 'junit'], { cwd });
    expect(status).toBe(1);
    expect(stdout).toContain('broken.test.mjs');
  });

  test('gives 2 where there is no test', async () => {
    const { status, stderr } = await kamscript(['test'], { cwd: folder({ 'a.cfg': CFG }) });
    expect(status).toBe(2);
    expect(stderr).toContain('no tests in .');
  });
});
