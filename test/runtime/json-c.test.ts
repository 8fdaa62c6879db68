import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { follow, parseLenient, parsePath, printSpaced, stringOf } from '../../src/runtime/json-c.js';

/** Text and what libjson-c 0.16 prints of it; null where it refuses. Recorded from the library itself. */
const CASES: [string, string | null][] = JSON.parse(
  readFileSync(new URL('./json-c.cases.json', import.meta.url), 'utf8'),
);

describe('JSON is read and printed as libjson-c does', () => {
  for (const [text, want] of CASES) {
    test(JSON.stringify(text), () => {
      const value = parseLenient(text);
      expect(value === undefined || value === null ? null : printSpaced(value)).toBe(want);
    });
  }
});

describe('a path', () => {
  const root = parseLenient('{"a":{"b":[1,{"c":"x"}],"x.y":"dot","n":null}}')!;
  const at = (path: string) => {
    const found = follow(root, parsePath(path));
    return found === undefined ? undefined : stringOf(found);
  };
  const table: [string, string | undefined][] = [
    ['a.b', '[ 1, { "c": "x" } ]'],
    ['a..b[0]', '1'],
    ['a.b[1].c', 'x'],
    ['a.x%y', 'dot'],
    ['a.n', undefined],
    ['a.b[9]', undefined],
    ['a.b[-1]', undefined],
    ['[0]', undefined],
  ];
  for (const [path, want] of table) test(path, () => expect(at(path)).toBe(want));
});
