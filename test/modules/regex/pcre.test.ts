import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compilePcre } from '../../../src/modules/regex/pcre.js';

/** Pattern, text, and whether libpcre 8.39 finds a match, or why it refuses. Recorded from the library. */
const CASES: [pattern: string, text: string, result: boolean | string][] = JSON.parse(
  readFileSync(new URL('./pcre.cases.json', import.meta.url), 'utf8'),
);
const FLAGS = { ignoreCase: false, multiline: false, dotAll: false, extended: false, ungreedy: false };

describe('expressions match as in libpcre', () => {
  for (const [pattern, text, want] of CASES) {
    test(`${JSON.stringify(pattern)} on ${JSON.stringify(text)}`, () => {
      const made = compilePcre(pattern, FLAGS);
      if (typeof want === 'string') expect(made).toHaveProperty('error');
      else expect('error' in made ? made.error : made.ok.test(text)).toBe(want);
    });
  }
});

describe('no text holds the server up', () => {
  const slow = ['(a+)+$', '(a|aa)+$', '(?=(a+)+$)b', '((a*)*)*\\1c', '^(?:a?){30}a{30}$', '(?:(?:a|b)*)*(?=c)d'];
  for (const pattern of slow) {
    test(pattern, () => {
      const made = compilePcre(pattern, FLAGS);
      const began = performance.now();
      for (const text of [`${'a'.repeat(40)}b`, 'a'.repeat(20_000)]) if ('ok' in made) made.ok.test(text);
      expect(performance.now() - began).toBeLessThan(1500);
    });
  }
  test('a bad pattern is told from one that is not supported', () => {
    expect(compilePcre('(', FLAGS)).toMatchObject({ unsupported: false });
    expect(compilePcre('(*COMMIT)a', FLAGS)).toMatchObject({ unsupported: true });
  });
});
