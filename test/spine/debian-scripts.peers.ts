/**
 * The scripts that Debian's kamailio package installs: `check` and `kamailio -c` give the same verdict wherever the
 * modules are there on both sides (here a module needs no path, so a script that fails for a path alone is left out).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadScript } from '../../src/server/load.js';

const FOLDERS = ['/etc/kamailio', '/usr/share/doc/kamailio/examples'];

const scripts = FOLDERS.filter((f) => existsSync(f)).flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.cfg'))
    .map((f) => path.join(folder, f)),
);

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
    test.skipIf(incomparable)(`${file}${incomparable ? ' (a module is missing on one side)' : ''}`, () => {
      expect(errors.length === 0, errors.map((e) => e.message).join('\n')).toBe(real.status === 0);
    });
  }
});
