/** The formatter changes blanks alone, and nothing the second time. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatSafely, formatScript } from '../../src/parser/format.js';

const ROOT = path.resolve(import.meta.dirname, '../..');

const CASES: readonly (readonly [title: string, before: string, after: string])[] = [
  [
    'blocks are indented by tabs',
    'request_route{\nif($rU==$null){\n        exit;\n  }else{\ndrop;\n}\n}\n',
    'request_route {\n\tif ($rU == $null) {\n\t\texit;\n\t} else {\n\t\tdrop;\n\t}\n}\n',
  ],
  [
    'a statement without braces, and one over several lines, go in by one',
    'request_route {\nif (is_method("A")\n&& $rU != "b")\nexit;\nxlog("x\\n");\n}\n',
    'request_route {\n\tif (is_method("A")\n\t\t&& $rU != "b")\n\t\texit;\n\txlog("x\\n");\n}\n',
  ],
  [
    'labels stand between the switch and their statements',
    'route {\nswitch($rm) {\ncase "A":\nexit;\ndefault:\n$var(x)=1;\n}\n}\n',
    'route {\n\tswitch ($rm) {\n\t\tcase "A":\n\t\t\texit;\n\t\tdefault:\n\t\t\t$var(x) = 1;\n\t}\n}\n',
  ],
  [
    'comments, strings and variables stay as they are',
    'route { # main  route\n   /* two\n  lines */\n$var(s)="a  =b" ;   # why\n$var(t)=$(rb{s.select,0, });\n}\n',
    'route { # main  route\n\t/* two\n  lines */\n\t$var(s) = "a  =b";   # why\n\t$var(t) = $(rb{s.select,0, });\n}\n',
  ],
  [
    'preprocessor lines stay at the margin, and both sides of an ifdef have the same depth',
    'route {\n#!ifdef X\nif (1) {\n#!else\nif (2) {\n#!endif\nexit;\n}\n}\n',
    'route {\n#!ifdef X\n\tif (1) {\n#!else\n\tif (2) {\n#!endif\n\t\texit;\n\t}\n}\n',
  ],
  [
    'several empty lines become one',
    '\n\ndebug=2\n\n\n\nlisten=udp:127.0.0.1:5060   \n\n',
    'debug=2\n\nlisten=udp:127.0.0.1:5060\n',
  ],
  ['arguments stand apart', 'modparam("a","b",   1)\n', 'modparam("a", "b", 1)\n'],
];

for (const [title, before, after] of CASES) {
  test(title, () => {
    expect(formatScript(before)).toBe(after);
    expect(formatScript(after)).toBe(after);
  });
}

function scripts(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.cfg'))
    .map((f) => path.join(ROOT, folder, f));
}

describe('every script of the repository', () => {
  const all = [...scripts('test/conformance/cases'), ...scripts('examples/cfg')];

  test('says the same formatted, and formatting again changes nothing', () => {
    expect(all.length).toBeGreaterThan(400);
    const wrong = all.filter((file) => {
      const formatted = formatSafely(file, readFileSync(file, 'latin1'), {});
      return formatted === undefined || formatScript(formatted) !== formatted;
    });
    expect(wrong).toEqual([]);
  });

  test('the examples are formatted', () => {
    const unformatted = scripts('examples/cfg').filter((file) => {
      const text = readFileSync(file, 'latin1');
      return formatScript(text) !== text;
    });
    expect(unformatted).toEqual([]);
  });
});
