/** Prefix trees beyond what the recorded scripts show: the reference ends when a script asks a tree of weights. */
import { expect, test } from 'vitest';
import { PrefixTree, TREE } from '../../../src/modules/mtree/tree.js';

test('destinations of all prefixes, greatest weight first, an id once with its longest prefix', () => {
  const tree = new PrefixTree(TREE.WEIGHTS, '0123456789');
  tree.add('4', '1=10;2=50;3=20', 'refuse');
  tree.add('49', '2=5;4=60;', 'refuse');
  tree.add('49301', '1=70', 'refuse');
  expect(tree.destinations('493012')).toEqual({
    found: 6,
    prefix: '49301',
    list: [
      { id: 1, weight: 70 },
      { id: 4, weight: 60 },
      { id: 3, weight: 20 },
      { id: 2, weight: 5 },
    ],
  });
  expect(tree.destinations('5').found).toBe(0);
});

test('what cannot be added is refused with a reason', () => {
  const numbers = new PrefixTree(TREE.NUMBER, '0123456789');
  expect(numbers.add('1', 'x', 'refuse')).toBe('bad integer string <x>');
  expect(numbers.add('1a', '1', 'refuse')).toBe('invalid char at 1 in [1a]');
  expect(numbers.add('1'.repeat(64), '1', 'refuse')).toBe('max prefix len exceeded');
});

test('a prefix that comes again is refused, left out or kept beside the first', () => {
  const tree = new PrefixTree(TREE.TEXT, '0123456789');
  tree.add('1', 'a', 'refuse');
  expect(tree.add('1', 'b', 'refuse')).toBe('prefix already allocated [1/b]');
  expect(tree.add('1', 'b', 'ignore')).toBeUndefined();
  expect(tree.longest('12')?.value).toBe('a');
  tree.add('1', 'c', 'keep');
  expect(tree.all('12').map((m) => m.value)).toEqual(['c', 'a']);
});
