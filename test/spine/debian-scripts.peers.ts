/**
 * The scripts that Debian's kamailio package installs: `check` and `kamailio -c` give the same verdict wherever the
 * modules are there on both sides. Paths of modules are taken out: the examples name folders of other machines.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { lint } from '../../src/runtime/lint/index.js';
import { loadScript } from '../../src/server/load.js';

const FOLDERS = ['/etc/kamailio', '/usr/share/doc/kamailio/examples'];

/** Modules are found by their names alone: most of the examples name folders that this machine does not have. */
function withoutPaths(text: string): string {
  return text
    .replace(/^[ \t]*(?:mpath|loadpath)\b.*$/gm, '')
    .replace(/^([ \t]*loadmodule[ \t(]*"?)[^"\s]*\/([^/"\s]+)/gm, '$1$2');
}

const copies = mkdtempSync(path.join(tmpdir(), 'debian-scripts-'));
afterAll(() => rmSync(copies, { recursive: true, force: true }));

const scripts = FOLDERS.filter((f) => existsSync(f)).flatMap((folder) => {
  const copy = path.join(copies, folder);
  cpSync(folder, copy, { recursive: true, dereference: true });
  return readdirSync(copy, { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.cfg'))
    .map((f) => {
      const file = path.join(copy, f);
      writeFileSync(file, withoutPaths(readFileSync(file, 'latin1')), 'latin1');
      return file;
    });
});

const MODULE_MISSING = /failed to load module|could not find module/;

test('the scripts are there', () => {
  expect(scripts.length, 'apt-get install kamailio').toBeGreaterThan(30);
});

describe('same verdict as kamailio -c', () => {
  for (const file of scripts) {
    const real = spawnSync('kamailio', ['-c', '-f', file], { encoding: 'latin1' });
    const { problems } = loadScript(file, { env: {} });
    const errors = problems.filter((p) => p.severity === 'error' && p.phase === 'parse');
    const incomparable = MODULE_MISSING.test(real.stderr) || errors.some((p) => MODULE_MISSING.test(p.message));
    // A module that one side lacks makes the rest of the verdict meaningless.
    test.skipIf(incomparable)(
      `${path.relative(copies, file)}${incomparable ? ' (a module is missing on one side)' : ''}`,
      () => {
        const said = [...errors.map((e) => e.message), '--- kamailio:', real.stderr.slice(0, 2000)].join('\n');
        expect(errors.length === 0, said).toBe(real.status === 0);
      },
    );
  }
});

/** What the rules find in these scripts is so: each was looked at. A new code here wants a look, too. */
const TRUE_FINDINGS = new Set([
  'default-password',
  'deprecated-name',
  'log-without-newline',
  'module-never-used',
  'relay-result-ignored',
  'relays-for-all',
]);

test('the rules are silent on them but for true findings', () => {
  const found = scripts.flatMap((file) => {
    const { program } = loadScript(file, { env: {} });
    return program === undefined ? [] : lint(program).map((p) => `${file}:${p.span.line} ${p.code}`);
  });
  expect(found.filter((f) => !TRUE_FINDINGS.has(f.split(' ')[1]!))).toEqual([]);
});
