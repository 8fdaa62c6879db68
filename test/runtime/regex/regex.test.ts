import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileRegex, type Regex, type RegexFlags } from '../../../src/runtime/regex.js';

/** Pattern, subject, flags (i, n), REG_NOTBOL, and what glibc 2.36 answered in the C locale: offsets, null or an error. */
type Case = [
  pattern: string,
  subject: string,
  flags: string,
  notBol: boolean,
  result: [number, number][] | null | string,
];

const CASES: Case[] = JSON.parse(readFileSync(new URL('./cases.json', import.meta.url), 'utf8'));

function compiled(pattern: string, flags: RegexFlags = {}): Regex {
  const r = compileRegex(pattern, flags);
  if ('error' in r) throw new Error(r.error);
  return r.ok;
}

describe('a pattern matches as in glibc', () => {
  for (const [pattern, subject, flags, notBol, result] of CASES) {
    test(`${JSON.stringify(pattern)} on ${JSON.stringify(subject)} ${flags}${notBol ? ' not at a line' : ''}`, () => {
      const r = compileRegex(pattern, { ignoreCase: flags.includes('i'), newline: flags.includes('n') });
      if ('error' in r) expect(r.error).toBe(result);
      else {
        expect(r.ok.exec(subject, 0, notBol)?.groups ?? null).toEqual(result);
        if (!notBol) expect(r.ok.test(subject)).toBe(result !== null);
      }
    });
  }
});

test('the linear engine agrees with the native one on every recorded case', () => {
  for (const [pattern, subject, flags, notBol, result] of CASES) {
    if (typeof result === 'string' || pattern.includes('\\1')) continue;
    // A body that can be empty under a star is never given to the native engine.
    const r = compiled(`(x{0,1}x{0,1})*(${pattern})`, {
      ignoreCase: flags.includes('i'),
      newline: flags.includes('n'),
    });
    if (!notBol && !subject.includes('x') && !pattern.includes('^')) {
      expect(r.test(subject), `${pattern} on ${subject}`).toBe(result !== null);
    }
  }
});

describe('a search from an offset', () => {
  test('does not see what stands before it', () => {
    const match = compiled('^b').exec('ab', 1);
    expect([match?.start, match?.end, match?.groups]).toEqual([1, 2, [[1, 2]]]);
    expect(compiled('^b').exec('ab', 1, true)).toBeUndefined();
    expect(compiled('\\<b').exec('ab', 1)?.start).toBe(1);
  });
  test('gives offsets in the whole text', () => {
    expect(compiled('(b)(c)?').exec('abab', 2)?.groups).toEqual([
      [3, 4],
      [3, 4],
      [-1, -1],
    ]);
  });
  test('beyond the end finds nothing', () => expect(compiled('a*').exec('a', 5)).toBeUndefined());
});

test('a NUL ends pattern and subject', () => {
  expect(compiled('b').test('a\0b')).toBe(false);
  expect(compiled('a\0b').test('a')).toBe(true);
});

describe('groups are worked out when they are asked for, by the text of then', () => {
  test.each(['(a)(b)?', '((a)|b)*', '(a|ab)(c|bcd)'])('%s', (pattern) => {
    const r = compiled(pattern);
    const first = r.exec('abcd');
    r.exec('xx');
    expect(first?.groups).toEqual(compiled(pattern).exec('abcd')?.groups);
    expect([first?.start, first?.end]).toEqual(first?.groups[0]);
  });
});

describe('no subject holds the server up', () => {
  const hostile: [pattern: string, subject: string, matches: boolean][] = [
    ['(a+)+$', `${'a'.repeat(60_000)}b`, false],
    ['(a|aa)+$', `${'a'.repeat(60_000)}b`, false],
    ['(.*)(.*)(.*)(.*)x', 'a'.repeat(60_000), false],
    ['([a-z]+)*@', 'a'.repeat(60_000), false],
    ['a.*b.*c.*d', 'ab'.repeat(30_000), false],
    ['[a-z]+@', 'a'.repeat(60_000), false],
    ['(a?){20}a{20}', 'a'.repeat(30), true],
    ['((a{0,30}){0,30}){0,30}b', 'a'.repeat(5_000), false],
    ['(x+x+)+y', 'x'.repeat(60_000), false],
    ['(a+)\\1b', 'a'.repeat(60_000), false],
    ['(a*)*\\1b', 'a'.repeat(60_000), false],
    ['(.*)=\\1', 'a'.repeat(60_000), false],
  ];
  for (const [pattern, subject, matches] of hostile) {
    test(`${pattern} on ${subject.length} characters`, () => {
      const start = performance.now();
      expect(compiled(pattern).test(subject)).toBe(matches);
      expect(compiled(pattern).exec(subject) !== undefined).toBe(matches);
      expect(performance.now() - start).toBeLessThan(1500);
    });
  }

  test('even when there is a match with groups in a long text', () => {
    const r = compiled('(a+)+b');
    const text = `${'a'.repeat(60_000)}b`;
    expect(r.exec(text)?.groups).toEqual([
      [0, 60_001],
      [0, 60_000],
    ]);
  });
});

describe('back-references', () => {
  test.each([
    ['(a)|b\\1', 'b', undefined],
    ['(a|ab)(c|bcd)\\1', 'abcdab', [0, 5]],
    ['(a*)\\1', 'aaaaa', [0, 4]],
    ['(x)(y)?\\1', 'xx', [0, 2]],
  ] as const)(
    '%s on %s: a group that took no part matches nothing, the longest match counts',
    (pattern, text, span) => {
      const match = compiled(pattern).exec(text);
      expect(match && [match.start, match.end]).toEqual(span);
      expect(compiled(pattern).test(text)).toBe(span !== undefined);
    },
  );
});

test('no pattern throws, whatever its bytes', () => {
  const source = fc.string({ unit: fc.constantFrom(...'ab()[]{}*+?|^$\\.,1-:=<>w'), maxLength: 12 });
  fc.assert(
    fc.property(source, fc.string({ unit: fc.constantFrom(...'ab]w1'), maxLength: 8 }), (pattern, subject) => {
      const r = compileRegex(pattern, { ignoreCase: true, newline: true });
      if ('ok' in r) expect(r.ok.exec(subject) !== undefined).toBe(r.ok.test(subject));
    }),
    { numRuns: 2000 },
  );
});
