/** kamscript.json: what rules count as. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { kamscript } from '../support/command.js';

function project(config: string): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'config-'));
  mkdirSync(path.join(dir, 'scripts'));
  writeFileSync(path.join(dir, 'kamscript.json'), config);
  writeFileSync(path.join(dir, 'scripts', 'a.cfg'), 'loadmodule "xlog.so"\nrequest_route { xlog("x"); exit; }\n');
  return dir;
}

const check = (cwd: string, ...more: readonly string[]) => kamscript(['check', 'scripts/a.cfg', ...more], { cwd });

test('a file above the script sets what a rule counts as; error fails the check', async () => {
  const off = await check(project('{ "rules": { "log-without-newline": "off" } }'));
  expect([off.status, off.stdout]).toEqual([0, 'scripts/a.cfg: ok\n']);
  const error = await check(project('{ "rules": { "*": "off", "log-without-newline": "error" } }'));
  expect(error.status).toBe(1);
  expect(error.stdout).toContain('scripts/a.cfg:2:22: error:');
});

test('--config takes another file', async () => {
  const cwd = project('{}');
  writeFileSync(path.join(cwd, 'other.json'), '{ "rules": { "*": "off" } }');
  expect((await check(cwd, '--config', 'other.json')).stdout).toBe('scripts/a.cfg: ok\n');
});

test('what cannot be meant is told by its name', async () => {
  const typo = await check(project('{ "rules": { "log-without-newlin": "off" } }'));
  expect(typo.status).toBe(2);
  expect(typo.stderr).toContain('no rule "log-without-newlin"; did you mean "log-without-newline"?');
  const level = await check(project('{ "rules": { "log-without-newline": "warn" } }'));
  expect(level.stderr).toContain('not "warn"');
  expect((await check(project('{ "rule": {} }'))).stderr).toContain('unknown setting "rule"');
  expect((await check(project('{ x'))).stderr).toContain('kamscript.json: ');
});
