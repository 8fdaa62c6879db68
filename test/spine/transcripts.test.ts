/** docs/transcripts.md: every command prints what the page shows. `UPDATE_TRANSCRIPTS=1` writes the page anew. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { VERBS } from '../../src/cli/verbs.js';
import { kamscript } from '../support/command.js';

const PAGE = path.resolve(import.meta.dirname, '../../docs/transcripts.md');
const page = readFileSync(PAGE, 'utf8');
const FILES = /^```(?:cfg|sip|js) (\S+)\n([\s\S]*?)^```$/gm;
const CONSOLE = /^```console\n\$ kamscript (.*)\n([\s\S]*?)^```$/gm;

const transcripts = [...page.matchAll(CONSOLE)].map((m) => ({ command: m[1]!, shown: m[2]! }));

function folder(): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'transcripts-'));
  for (const [, name, text] of page.matchAll(FILES)) writeFileSync(path.join(dir, name!), text!);
  return dir;
}

function words(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]!);
}

const cwd = folder();
const update = process.env.UPDATE_TRANSCRIPTS === '1';
const written = new Map<string, string>();

for (const { command, shown } of transcripts) {
  test(command, async () => {
    const { stdout, stderr } = await kamscript(words(command), { cwd });
    const all = `${stdout}${stderr}`;
    const output = all === '' || all.endsWith('\n') ? all : `${all}\n`;
    written.set(command, output);
    if (!update) expect(output).toBe(shown);
  });
}

test('every verb has its transcript', () => {
  if (update) {
    const fresh = page.replace(
      CONSOLE,
      (_all, command: string) => `\`\`\`console\n$ kamscript ${command}\n${written.get(command)}\`\`\``,
    );
    writeFileSync(PAGE, fresh);
  }
  const used = new Set(transcripts.map((t) => words(t.command)[0]!));
  expect([...VERBS].filter((v) => v !== 'help' && !used.has(v))).toEqual([]);
});
