import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cellText,
  deleteText,
  expireText,
  readHtable,
  removeText,
  setText,
} from '../../../src/modules/dmq/htable-body.js';
import { FieldsWriter } from '../../../src/modules/dmq/htable-fields.js';
import { parseJson } from '../../../src/modules/dmq/json.js';
import { parseList } from '../../../src/modules/dmq/nodes.js';
import { plansOf } from '../../../src/modules/dmq/plans.js';

const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

describe('JSON of the bus', () => {
  const cases: [body: string, value: string][] = [
    ['"héllo € 😀"', 'héllo € 😀'],
    ['"\\u00e9\\u20ac\\ud83d\\ude00"', 'é€😀'],
    ['"a\\/b\\u0022\\u005c\\n"', 'a/b"\\\n'],
    ['"\\\\u20ac"', '\\u20ac'],
    ['"\\u0041\\udc00x"', 'A\ufffdx'],
  ];
  for (const [body, value] of cases) {
    test(`${body} is read as the bytes of its UTF-8`, () => expect(parseJson(latin1(body))).toBe(latin1(value)));
  }

  test('any text comes back byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        expect(readHtable(setText('t', text, text))).toEqual({ kind: 'set', table: 't', key: text, value: text });
      }),
      { numRuns: 200 },
    );
  });
});

/** dmq.md, 6.1: bodies as captured. */
describe('bodies of peer htable', () => {
  const cases: [string, string][] = [
    [
      setText('rep', 'skey', 'plain value'),
      '{"action":2,"htname":"rep","cname":"skey","type":2,"strval":"plain value","mode":1}',
    ],
    [setText('rep', 'ikey', -42), '{"action":2,"htname":"rep","cname":"ikey","type":0,"intval":-42,"mode":1}'],
    [expireText('exp', 'ek', 30), '{"action":3,"htname":"exp","cname":"ek","type":0,"intval":30,"mode":0}'],
    [deleteText('rep', 'skey'), '{"action":4,"htname":"rep","cname":"skey","mode":0}'],
    [removeText('delete-re', 'rep', 'name', '^ik'), '{"action":5,"htname":"rep","type":2,"strval":"^ik","mode":0}'],
    [removeText('delete-prefix', 'rep', 'name', 'aa'), '{"action":6,"htname":"rep","type":2,"strval":"aa","mode":0}'],
    [
      `{"cells":[${cellText('"cnt"', 'ctr', 0, 0)},${cellText('"exp"', 'ek', 'ev', 1795316415)}]}`,
      '{"cells":[{"htname":"cnt","cname":"ctr","type":0,"intval":0,"expire":0},{"htname":"exp","cname":"ek","type":2,"strval":"ev","expire":1795316415}]}',
    ],
  ];
  for (const [written, captured] of cases) test(captured, () => expect(written).toBe(captured));

  test('a bad cell does not cost the good one beside it', () => {
    const body = '{"cells":[5,{"htname":"rep"},{"htname":"rep","cname":"good","type":2,"strval":"v","expire":0}]}';
    expect(readHtable(body)).toMatchObject({
      kind: 'cells',
      cells: { tables: ['rep'], keys: ['good'], values: ['v'] },
    });
  });

  test('a long list of cells comes in parts', () => {
    const cells = Array.from({ length: 2500 }, (_, i) => cellText('"r"', `${i}`, i, 0));
    expect(plansOf({ kind: 'htable', body: `{"cells":[${cells.join(',')}]}` })).toHaveLength(3);
  });
});

describe('cells as lines, between kamscript nodes', () => {
  const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)), maxLength: 20 });
  const cell = fc.record({
    key: bytes.filter((k) => k !== ''),
    value: fc.oneof(bytes, fc.integer({ min: -2147483648, max: 2147483647 })),
    expire: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2147483647 })),
    stamp: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 52 })),
  });

  test('what is written is read', () => {
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 20 }), fc.integer({ min: 0, max: 2 ** 52 }), (cells, base) => {
        const writer = new FieldsWriter('rep', base);
        for (const { key, value, expire, stamp } of cells) writer.add(key, value, expire, stamp);
        const { body } = writer;
        expect(readHtable(body)).toEqual({
          kind: 'cells',
          cells: {
            tables: cells.map(() => 'rep'),
            keys: cells.map((c) => c.key),
            values: cells.map((c) => c.value),
            expires: cells.map((c) => c.expire),
            stamps: cells.map((c) => c.stamp),
          },
        });
      }),
    );
  });

  test('a body that was cut, or is none', () => {
    const writer = new FieldsWriter('rep', 7);
    writer.add('a', 'x', 0, 8);
    writer.add('b', 5, 9, 0);
    writer.add('c\n', 'y\n', 3, 6);
    const { body } = writer;
    for (let n = 0; n < body.length; n++) readHtable(body.slice(0, n));
    expect(readHtable('cells rep x\na\nb\n\n')).toBeUndefined();
    expect(readHtable('cells rep 1\na\nb\nz1\n\nc\nd\nq1\n\ne\nf\ni99999999999\nx')).toMatchObject({
      cells: { keys: ['e'], values: [0], expires: [0], stamps: [0] },
    });
  });
});

describe('whatever a body says, nothing is thrown, and nothing is taken that no valid message says', () => {
  const member = fc.oneof(
    fc.constantFrom('action', 'htname', 'cname', 'type', 'strval', 'intval', 'mode', 'cells', 'more'),
    fc.string({ maxLength: 5 }),
  );
  const nearly = fc
    .array(fc.tuple(member, fc.jsonValue({ maxDepth: 2 })), { maxLength: 8 })
    .map((list) => JSON.stringify(Object.fromEntries(list)));
  const cut = fc.tuple(nearly, fc.nat(200)).map(([text, n]) => text.slice(0, n));

  test('htable', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, cut, fc.string(), fc.json()), (body) => {
        const plan = readHtable(body);
        if (plan === undefined || plan.kind === 'failed' || plan.kind === 'sync' || plan.kind === 'cells') return;
        const said = JSON.parse(body) as Record<string, unknown>;
        expect(said.action).toBeGreaterThanOrEqual(2);
        if ('key' in plan && plan.key !== '') expect(said.cname).toBe(plan.key);
        if (plan.table !== '') expect(said.htname).toBe(plan.table);
      }),
      { numRuns: 20_000 },
    );
  });

  test('lists of nodes', () => {
    const line = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc
        .tuple(
          fc.constantFrom('sip:h', 'sip:10.0.0.1:5060', 'sip:[::1]:5', 'tel:1', 'sip:'),
          fc.string({ maxLength: 20 }),
        )
        .map(([a, b]) => `${a};status=${b}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        for (const n of parseList(lines.join('\r\n')).nodes) {
          expect(n.host).toMatch(/^[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$/);
          expect(['active', 'disabled', 'timeout', 'pending', 'not_active']).toContain(n.status);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
