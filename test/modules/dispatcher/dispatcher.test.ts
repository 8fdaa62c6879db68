import { describe, expect, test } from 'vitest';
import { hashOf } from '../../../src/modules/dispatcher/hash.js';
import { Latency } from '../../../src/modules/dispatcher/latency.js';
import { parseList } from '../../../src/modules/dispatcher/list.js';
import { goodReplies } from '../../../src/modules/dispatcher/ping.js';
import { SetTree } from '../../../src/modules/dispatcher/set-tree.js';
import { parseState } from '../../../src/modules/dispatcher/status.js';

describe('list file', () => {
  test('comments, missing fields, attributes', () => {
    expect(parseList('# none\n\n1 sip:a\n 2\tsip:b;x=1 8 3 a=b;c # rest\n3 sip:c # rest\nsip:d\n')).toEqual([
      { set: 1, uri: 'sip:a', flags: 0, priority: 0, attrs: '' },
      { set: 2, uri: 'sip:b;x=1', flags: 8, priority: 3, attrs: 'a=b;c' },
      { set: 3, uri: 'sip:c', flags: 0, priority: 0, attrs: '' },
      { set: 0, uri: 'sip:d', flags: 0, priority: 0, attrs: '' },
    ]);
  });

  test('a line without a URI tells its number', () => {
    expect(parseList('1 sip:a\n2 # nothing\n')).toEqual({ badLine: 2 });
  });
});

test('the tree stays balanced: leaves first, whatever the order of insertion', () => {
  const tree = new SetTree<number>();
  for (const id of [1, 2, 3, 4, 5, 6, 7, 5, 1]) tree.getOrAdd(id, (n) => n);
  expect(tree.values()).toEqual([1, 3, 2, 5, 7, 6, 4]);
  expect([tree.size, tree.get(6), tree.get(9)]).toEqual([7, 6, undefined]);
  const other = new SetTree<number>();
  for (const id of [10, 30, 20, 5, 7]) other.getOrAdd(id, (n) => n);
  expect(other.values()).toEqual([5, 10, 7, 30, 20]);
});

test('hashes are never 0 (values of dispatcher.hash)', () => {
  // recorded: rpc/dispatcher_commands
  expect(hashOf('a')).toBe(109);
  expect(hashOf('y')).toBe(118);
});

test('letters of states', () => {
  expect([parseState('ip'), parseState('DP'), parseState('ia'), parseState('x')]).toEqual([9, 12, 0, undefined]);
});

test('replies that count as good', () => {
  expect(goodReplies('class=3;code=404;code=99;class=9;other=1')).toEqual([3, 404]);
});

test('latency: mean at first, then a moving estimate', () => {
  const l = new Latency();
  for (const ms of [10, 20, 30]) l.add(ms, 0.9);
  expect([l.average, l.estimate, l.min, l.max, Math.round(l.deviation * 100)]).toEqual([20, 20, 10, 30, 1000]);
  l.begin(100, 10000);
  l.add(200, 0.9);
  expect(Math.round(l.estimate)).toBe(110);
});
