import { expect, test } from 'vitest';
import { pv } from '../../src/runtime/module.js';
import { parseSubstitution } from '../../src/runtime/substitution.js';
import { fakeBindEnv, fakeContext } from '../support/fake-host.js';

const env = fakeBindEnv({ pvs: { rU: pv('', () => 'bob'), nil: pv('', () => null) } });

function run(source: string, text: string): string | null | undefined {
  const s = parseSubstitution(source, env);
  if ('error' in s) throw new Error(s.error);
  return s.ok.apply(fakeContext(), text);
}

/** Of the cases tr/re-subst, text/subst and text/subst-flags. */
const CASES: [source: string, text: string, result: string | null | undefined][] = [
  ['/one/1/', 'one two one', '1 two one'],
  ['/one/1/g', 'one two one', '1 two 1'],
  ['/ONE/1/', 'one two one', null],
  ['/ONE/1/ig', 'one two one', '1 two 1'],
  ['/^sip:([^@]+)@(.*)$/\\2-\\1/', 'sip:bob@example.com', 'example.com-bob'],
  ['/t(w)o/<\\0|\\1>/', 'one two one', 'one <two|w> one'],
  ['/o/0/g', 'one two one', '0ne tw0 0ne'],
  ['/o{1}n/X/', 'one two one', 'Xe two one'],
  ['/(quick) (brown)/\\2 \\1/', 'the quick brown fox', 'the brown quick fox'],
  ['/note/$rU/', 'a note', 'a bob'],
  ['/note/[$nil]/', 'a note', 'a []'],
  ['/note/$(rU)x\\$\\u\\n/', 'note', 'bobx$sip:bob@example.com\n'],
  ['!a/b!c/d!', 'a/b', 'c/d'],
  ['/a\\/b/c\\/d/', 'a/b', 'c/d'],
  ['/^a/x/g', 'aa\naa', 'xa\nxa'],
  ['/^a/x/gs', 'aa\naa', 'xa\naa'],
  ['/a.b/x/', 'a\nb', null],
  ['/a.b/x/s', 'a\nb', 'x'],
  ['/(a)|(b)/[\\1\\2]/g', 'ab', '[a][b]'],
  ['/x*/y/', 'abc', undefined],
  ['/a//g', 'banana', 'bnn'],
];
for (const [source, text, result] of CASES) {
  test(`${JSON.stringify(source)} on ${JSON.stringify(text)}`, () => expect(run(source, text)).toBe(result));
}

for (const source of ['', '/a', '/a/b', '//', '/a/b/x', '\\a\\b\\', '/(/b/', '/a/$nosuch/', '/a/$(rU/']) {
  test(`refuses ${JSON.stringify(source)}`, () => expect(parseSubstitution(source, env)).toHaveProperty('error'));
}
