/** Expectations: reference nsq.md, section 3, and the scenarios of test/interop/nsq.mjs (seen on Kamailio 5.6.3). */
import { expect, test } from 'vitest';
import {
  eventParts,
  eventRouteCandidates,
  explainEvent,
  routeName,
  upToNul,
} from '../../../src/modules/nsq/event-routes.js';

const KEYS = { key: 'Event-Category', subkey: 'Event-Name' };
const candidates = (payload: string, keys = KEYS) => {
  const parts = eventParts(payload, keys);
  return parts && eventRouteCandidates(parts, keys);
};
const PARAMETERS = [
  'nsq:consumer-event-event-category-event-name',
  'nsq:consumer-event-event-category',
  'nsq:consumer-event',
];

const names: [payload: string, first: string, second: string][] = [
  ['{"Event-Category":"presence","Event-Name":"update"}', 'presence-update', 'presence'],
  ['{"Event-Name":"update"}', '-update', ''],
  ['{"Event-Category":"cat"}', 'cat-', 'cat'],
  ['{"Event-Category":"cat","Event-Name":""}', 'cat-', 'cat'],
  ['{}', '-', ''],
  ['{"Event-Category":null,"Event-Name":null}', '-', ''],
  ['[1,2]', '-', ''],
  ['7', '-', ''],
  ['"text"', '-', ''],
  ['{"Event-Category":"A_b","Event-Name":"C_D-e"}', 'a-b-c-d-e', 'a-b'],
  ['{"Event-Category":12,"Event-Name":3}', '12-3', '12'],
  ['{"Event-Category":3.50,"Event-Name":true}', '3.50-true', '3.50'],
  ['{"Event-Category":"zz","Event-Category":"A-B","Event-Name":"c-d-e"}', 'a-b-c-d-e', 'a-b'],
  ['{"Event-Category":{"a":1},"Event-Name":[2]}', '{ "a": 1 }-[ 2 ]', '{ "a": 1 }'],
  ['{"inner":{"Event-Category":"only"}}', '-', ''],
  ['{"event-category":"only"}', '-', ''],
  ["{'Event-Category':'single','Event-Name':'quotes'}", 'single-quotes', 'single'],
  ['{"Event-Category":"x","Event-Name":"y"} and more', 'x-y', 'x'],
  [' \n{"Event-Category":"x","Event-Name":"y"}\n', 'x-y', 'x'],
  ['{"Event-Category":"\\u0041B","Event-Name":"y"}', 'ab-y', 'ab'],
  ['{"Event-Category":"\u00c3\u0089","Event-Name":"y"}', '\u00c3\u0089-y', '\u00c3\u0089'],
];
test.each(names)('%s is looked up as nsq:consumer-event-%s', (payload, first, second) => {
  expect(candidates(payload)).toEqual([`nsq:consumer-event-${first}`, `nsq:consumer-event-${second}`, ...PARAMETERS]);
});

test('the third and fourth candidate come from the values of the parameters', () => {
  const keys = { key: 'My_Type', subkey: 'Sub_Name' };
  expect(candidates('{"My_Type":"presence"}', keys)).toEqual([
    'nsq:consumer-event-presence-',
    'nsq:consumer-event-presence',
    'nsq:consumer-event-my-type-sub-name',
    'nsq:consumer-event-my-type',
    'nsq:consumer-event',
  ]);
});

test.each(['not json at all', '{"Event-Category":"presence"', '{"a" 1}', ''])(
  '%j is no JSON: no event route',
  (payload) => {
    expect(candidates(payload)).toBeUndefined();
  },
);

test('a payload nested deeper than json-c takes is no JSON', () => {
  const deep = (n: number) => `{"Event-Category":"a","x":${'['.repeat(n)}${']'.repeat(n)}}`;
  expect(candidates(deep(40))).toBeUndefined();
  expect(candidates(deep(20))?.[0]).toBe('nsq:consumer-event-a-');
});

test('a name is cut to 511 bytes before it is looked up', () => {
  expect(routeName('x'.repeat(600))).toHaveLength(511);
});

test('the payload ends at its first NUL', () => {
  expect(upToNul('{"a":1}\0{"b":2}')).toBe('{"a":1}');
});

test('an explanation says which candidates exist and which one runs', () => {
  const explained = explainEvent(
    '{"Event-Category":"presence","Event-Name":"x"}',
    KEYS,
    (name) => name === 'nsq:consumer-event',
  );
  expect(explained.runs).toBe('nsq:consumer-event');
  expect(explained.candidates.map((c) => c.exists)).toEqual([false, false, false, false, true]);
  expect(explainEvent('nope', KEYS, () => true)).toMatchObject({ json: false, runs: undefined });
});
