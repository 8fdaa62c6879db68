import { expect, test } from 'vitest';
import { coreHash } from '../../src/runtime/corehash.js';

// from case cfgutils/core-hash, which prints 1 more
const cases: [first: string, second: string | undefined, bits: number, hash: number][] = [
  ['alice', undefined, 4, 13],
  ['alice', 'bob', 8, 161],
  ['bob', 'example.com', 10, 301],
  ['', undefined, 4, 0],
];

for (const [first, second, bits, hash] of cases) {
  test(`hash of '${first}' and '${second ?? ''}' in ${bits} bits`, () => {
    expect(coreHash(first, second, 1 << bits)).toBe(hash);
  });
}
