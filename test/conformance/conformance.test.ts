/**
 * The recorded cases, played against the built command. known-failures.json names those that fail and why: one that
 * fails without being named, or is named and passes, fails this test.
 */
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const HERE = import.meta.dirname;
const ROOT = path.resolve(HERE, '../..');
const known = JSON.parse(readFileSync(path.join(HERE, 'known-failures.json'), 'utf8')) as Record<string, string>;
const groups = readdirSync(path.join(HERE, 'cases')).sort();

/** Names of those that failed of a group (`GROUP/`) or of some cases. */
function play(jobs: number, ...wanted: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const args = [path.join(HERE, 'run.mjs'), '--bin', 'node bin/kamscript.js', '--jobs', `${jobs}`, ...wanted];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (d) => {
      out += d;
    });
    child.on('error', reject);
    child.on('close', () => {
      if (!/\d+ passed, \d+ failed/.test(out)) reject(new Error(`the runner ended early: ${out}`));
      else resolve([...out.matchAll(/^not ok (.*)$/gm)].map((m) => m[1]!));
    });
  });
}

for (const group of groups) {
  test(`${group}: every recorded case but those named in known-failures.json`, { timeout: 300_000 }, async () => {
    let failed = await play(3, `${group}/`);
    // A case that hangs on timing is played again by itself before it counts.
    for (let more = 2; more > 0 && failed.some((name) => !(name in known)); more--) {
      const wrong = failed.filter((name) => !(name in known));
      const again = await play(1, ...wrong);
      failed = failed.filter((name) => name in known || again.includes(name));
    }
    const named = Object.keys(known).filter((name) => name.startsWith(`${group}/`));
    expect(failed.sort()).toEqual(named.sort());
  });
}

test('each known failure says why', () => {
  for (const [name, why] of Object.entries(known)) expect(why.length, name).toBeGreaterThan(20);
});
