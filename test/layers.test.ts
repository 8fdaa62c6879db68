/** The folder rule of docs/design.md: each folder imports only from those above it in the list. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const SRC = path.resolve(import.meta.dirname, '../src');

/** What each folder may import of the others. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  parser: [],
  sip: [],
  runtime: ['parser', 'sip'],
  modules: ['parser', 'sip', 'runtime'],
  server: ['parser', 'sip', 'runtime', 'modules'],
  testing: ['parser', 'sip', 'runtime', 'modules', 'server'],
  lsp: ['parser', 'sip', 'runtime', 'modules', 'server', 'testing'],
  cli: ['parser', 'sip', 'runtime', 'modules', 'server', 'testing', 'lsp'],
};

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  (f) => f.endsWith('.ts') && f.includes(path.sep),
);

interface Import {
  readonly file: string;
  readonly of: string;
}

function imports(file: string): Import[] {
  const text = readFileSync(path.join(SRC, file), 'utf8');
  const found = text.matchAll(
    /(?:^|\s)(?:import|export)\b[^'";]*?from\s*'([^']+)'|import\('([^']+)'\)|^import\s*'([^']+)'/gm,
  );
  return [...found].map((m) => ({ file, of: (m[1] ?? m[2] ?? m[3])! }));
}

function folderOf(i: Import): string | undefined {
  if (!i.of.startsWith('.')) return undefined;
  return path.relative(SRC, path.resolve(SRC, path.dirname(i.file), i.of)).split(path.sep)[0];
}

const all = files.flatMap(imports);

describe('the folder rule', () => {
  test('there is something to check', () => {
    expect(all.length).toBeGreaterThan(100);
  });

  for (const [folder, allowed] of Object.entries(MAY)) {
    test(`${folder} imports only from ${allowed.join(', ') || 'itself'}`, () => {
      const wrong = all
        .filter((i) => i.file.startsWith(`${folder}${path.sep}`))
        .filter((i) => {
          const to = folderOf(i);
          return to !== undefined && to !== folder && !allowed.includes(to);
        });
      expect(wrong).toEqual([]);
    });
  }

  test('parser imports nothing from node', () => {
    expect(all.filter((i) => i.file.startsWith(`parser${path.sep}`) && i.of.startsWith('node:'))).toEqual([]);
  });

  test('process, argv and signals appear in cli alone', () => {
    const wrong = files.filter(
      (f) =>
        !f.startsWith('cli') &&
        !f.includes('worker') &&
        /(?<![\w.])process\.(?!memoryUsage|cpuUsage|version|hrtime|nextTick)/.test(code(f)),
    );
    expect(wrong).toEqual([]);
  });
});

/** A file without its comments and texts. */
function code(file: string): string {
  return readFileSync(path.join(SRC, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/'[^'\n]*'|"[^"\n]*"/g, '');
}
