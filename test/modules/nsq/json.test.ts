/** Reference nsq.md, section 6; the values of ASK are those of test/interop/nsq.mjs, seen on Kamailio 5.6.3. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nsqEncode } from '../../../src/modules/nsq/encode.js';
import { eventParts } from '../../../src/modules/nsq/event-routes.js';
import { jsonValue, pathOf } from '../../../src/modules/nsq/json.js';
import { Context } from '../../../src/runtime/context.js';
import { follow, parseLenient, parsePath, stringOf } from '../../../src/runtime/json-c.js';
import { fakeHost, fakeProgram } from '../../support/fake-host.js';

const host = fakeHost();
const context = () => new Context(host, fakeProgram(), host.fakeRequest(), 1);
const value = (text: string, path: string) => jsonValue(context(), text, pathOf(path, '%'));

const PATHS = JSON.stringify({
  a: 1,
  b: 1.25,
  c: true,
  d: null,
  e: '',
  f: 'f\u00e9\t"q"',
  o: { k: 'K', l: [10, 'two', { z: 'Z' }] },
  'x.y': 'dotted',
  arr: [{ q: 'Q0' }, { q: 'Q1' }],
});
const ASK: [string, string][] = [
  ['a', '1'],
  ['b', '1.25'],
  ['c', 'true'],
  ['d', ''],
  ['e', ''],
  ['f', 'f\u00e9\t"q"'],
  ['o.k', 'K'],
  ['o.l[1]', 'two'],
  ['o.l[9]', ''],
  ['o.l[2].z', 'Z'],
  ['arr[1].q', 'Q1'],
  ['x%y', 'dotted'],
  ['nope', ''],
  ['o.nope.k', ''],
  ['o..k', 'K'],
  ['o.k[1]', 'K'],
  ['o.l[-1]', ''],
  ['o', '{ "k": "K", "l": [ 10, "two", { "z": "Z" } ] }'],
];
test.each(ASK)('the value at %s is %j', (path, want) => expect(value(PATHS, path) ?? '').toBe(want));

test('no JSON is null, what is missing undefined', () => {
  expect(value('nope', 'a')).toBeNull();
  expect(value('{}', 'a')).toBeUndefined();
  expect(value('{}', '__proto__')).toBeUndefined();
  expect(value('{}', 'toString')).toBeUndefined();
});

describe('the short way and the lenient reader agree', () => {
  const names = ['a', 'b', 'Event-Category', 'Event-Name', '__proto__', 'toString'];
  const json = fc
    .oneof(
      fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 3 })).map((o) => JSON.stringify(o)),
      fc.string(),
      fc.constantFrom(
        '{"a":1,"a":2}',
        '{"a":"\\u00e9"}',
        "{'a':'b'}",
        '{"a":1}x',
        '{"a":"x\ty"}',
        '{"a":-0}',
        '{"a":1e5}',
        '{"a":"\\/"}',
      ),
    )
    .map((text) => Buffer.from(text).toString('latin1'));
  const paths = fc.constantFrom('a', 'b', 'a.b', 'a[0]', 'a[1].b', '__proto__', 'toString', 'a.a.a', 'b.a');

  test('on values', () => {
    fc.assert(
      fc.property(json, paths, (text, path) => {
        const root = parseLenient(text);
        const found = root === undefined ? null : follow(root, parsePath(path));
        expect(value(text, path)).toBe(found === null ? null : found === undefined ? undefined : stringOf(found));
      }),
      { numRuns: 3000 },
    );
  });

  test("on the parts of an event's name", () => {
    const keys = { key: 'Event-Category', subkey: 'a' };
    fc.assert(
      fc.property(json, (text) => {
        const root = parseLenient(text);
        const field = (name: string) => (root instanceof Map ? (stringOf(root.get(name) ?? null) ?? '') : '');
        expect(eventParts(text, keys)).toEqual(
          root === undefined ? undefined : { category: field(keys.key), name: field(keys.subkey) },
        );
      }),
      { numRuns: 3000 },
    );
  });
});

test.each([
  ['a b.c/d_e-f~1', 'a+b%2Ec%2Fd_e-f~1'],
  ['#', '#'],
  ['*', '*'],
  ['#a', '%23a'],
  ['\xc3\xa9', '%C3%A9'],
  ['', ''],
])('%j is encoded as %j', (text, want) => expect(nsqEncode(text)).toBe(want));
