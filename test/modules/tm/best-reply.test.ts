import { expect, test } from 'vitest';
import { rank } from '../../../src/modules/tm/best-reply.js';

/** Pairs and winners of the recorded case tm/parallel_fork_best_reply. */
const PAIRS: [first: number, second: number, winner: number][] = [
  [486, 404, 404],
  [404, 486, 404],
  [503, 480, 480],
  [500, 486, 486],
  [302, 404, 302],
  [401, 486, 401],
  [407, 401, 401],
  [415, 488, 415],
  [484, 420, 420],
  [408, 486, 408],
  [503, 503, 503],
  [600, 404, 600],
];

for (const [first, second, winner] of PAIRS) {
  test(`${winner} wins over the other of ${first} and ${second}`, () => {
    const best = rank(first, false, 2000) <= rank(second, false, 2000) ? first : second;
    expect(best).toBe(winner);
  });
}

test('a reply made here loses against every received one', () => {
  expect(rank(408, true, 2000)).toBeGreaterThan(rank(500, false, 2000));
});
