import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { getAt, setAt } from '../../../src/modules/jansson/path.js';
import { parseJansson, printJansson } from '../../../src/modules/jansson/value.js';

/** Text, and what libjansson 2.14 prints of it compact and with blanks; null where it refuses. Recorded from the library. */
const CASES: [text: string, compact: string | null, spaced: string | null][] = JSON.parse(
  readFileSync(new URL('./values.cases.json', import.meta.url), 'utf8'),
);

describe('JSON is read and printed as libjansson does', () => {
  for (const [text, compact, spaced] of CASES) {
    test(JSON.stringify(text), () => {
      const value = parseJansson(text);
      expect(value === undefined ? null : printJansson(value, false)).toBe(compact);
      expect(value === undefined ? null : printJansson(value, true)).toBe(spaced);
    });
  }
});

describe('a path', () => {
  const root = () => parseJansson('{"a":{"b":[1,{"c":"x"}]},"l":[[5]]}')!;
  const reads: [path: string, found: string | undefined][] = [
    ['a.b[1].c', '"x"'],
    ['a.b', '[1,{"c":"x"}]'],
    ['l[0][0]', '5'],
    ['a.b[2]', undefined],
    ['a.b[x]', undefined],
    ['a.b[0', undefined],
    ['none', undefined],
  ];
  for (const [path, want] of reads) {
    test(`reads ${path}`, () => {
      const found = getAt(root(), path);
      expect(found === undefined ? undefined : printJansson(found, false)).toBe(want);
    });
  }
  const writes: [path: string, append: boolean, result: string | undefined][] = [
    ['n', false, '{"a":{"b":[1,{"c":"x"}]},"l":[[5]],"n":7}'],
    ['new.n', false, '{"a":{"b":[1,{"c":"x"}]},"l":[[5]],"new":{"n":7}}'],
    ['a.b[0]', false, '{"a":{"b":[7,{"c":"x"}]},"l":[[5]]}'],
    ['a.b', true, '{"a":{"b":[1,{"c":"x"},7]},"l":[[5]]}'],
    ['none', true, undefined],
    ['a.', false, undefined],
    ['new[0]', false, undefined],
  ];
  for (const [path, append, want] of writes) {
    test(`${append ? 'appends to' : 'sets'} ${path}`, () => {
      const value = root();
      expect(setAt(value, path, 7n, append) ? printJansson(value, false) : undefined).toBe(want);
    });
  }
});
