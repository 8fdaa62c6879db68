/** What README and docs show is true: examples are run and compared. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { built } from '../support/built.js';
import { kamscript } from '../support/command.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

const DEMO =
  'loadmodule "pv.so"\nloadmodule "xlog.so"\nrequest_route {\n\txlog("hello\\n")\n\txlgo("L_INFO", "typo\\n");\n\t$var(n) = 10 % 3;\n}\n';

function demo(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'docs-'));
  writeFileSync(path.join(dir, 'demo.cfg'), DEMO);
  return dir;
}

describe('README.md', () => {
  test('its example of check prints what it says', async () => {
    const shown = /\$ npx kamscript check demo\.cfg\n([\s\S]*?)```/.exec(read('README.md'))?.[1];
    expect((await kamscript(['check', 'demo.cfg'], { cwd: demo() })).stdout).toBe(shown);
  });
});

describe('docs/command.md', () => {
  test('its example of --format github prints what it says', async () => {
    const shown = /--format github demo\.cfg\n([\s\S]*?)\n```/.exec(read('docs/command.md'))?.[1];
    expect((await kamscript(['check', '--format', 'github', 'demo.cfg'], { cwd: demo() })).stdout).toContain(
      `${shown}\n`,
    );
  });
});

test('docs/command.md: its examples of explain print what it says', async () => {
  const examples = [...read('docs/command.md').matchAll(/^\$ kamscript (explain .*)\n([\s\S]*?)```/gm)];
  expect(examples.length).toBe(2);
  for (const [, command = '', shown] of examples) {
    const args = [...command.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]!);
    expect((await kamscript(args)).stdout).toBe(shown);
  }
});

test('docs/modules.md and every page of docs/reference are what the definitions say', async () => {
  await built();
  expect(spawnSync(process.execPath, ['scripts/gen-docs.mjs', '--check'], { cwd: ROOT, encoding: 'utf8' }).stderr).toBe(
    '',
  );
});

test('links in README and docs lead somewhere', () => {
  const pages = [
    'README.md',
    ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((f) => `docs/${f}`),
  ].filter((f) => f.endsWith('.md'));
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
      .map((m) => path.join(path.dirname(page), m[1]!))
      .filter((target) => !existsSync(path.join(ROOT, target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(broken).toEqual([]);
});

test('every example script is checked clean', async () => {
  const files = readdirSync(path.join(ROOT, 'examples/cfg')).filter((f) => f.endsWith('.cfg'));
  const { status, stdout } = await kamscript(['check', ...files.map((f) => path.join('examples/cfg', f))]);
  expect(stdout).toBe(files.map((f) => `examples/cfg/${f}: ok\n`).join(''));
  expect(status).toBe(0);
});
