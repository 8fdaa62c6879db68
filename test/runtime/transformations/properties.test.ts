/** What holds for every text, not only for those that were recorded. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sock } from '../../../src/modules/corex/sock.js';
import { re } from '../../../src/modules/textops/subst.js';
import { bindFormat, bindVariable } from '../../../src/runtime/format.js';
import { pv } from '../../../src/runtime/module.js';
import { json, TRANSFORMATIONS_PV } from '../../../src/runtime/transformations/index.js';
import { Dual, type Value } from '../../../src/runtime/values.js';
import { fakeBindEnv, fakeContext } from '../../support/fake-host.js';

let value: Value = '';
let argument: Value = '';
const transformations = { ...TRANSFORMATIONS_PV, re, json, sock };
const env = fakeBindEnv({
  pvs: { v: pv('', () => value), a: pv('', () => argument) },
  transformations,
});
const ctx = fakeContext();

function reader(chain: string): (of: Value) => Value {
  const bound = bindVariable(`$(v${chain})`, env);
  if ('error' in bound) throw new Error(bound.error);
  return (of) => {
    value = of;
    return bound.ok.get(ctx);
  };
}

const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array).toString('latin1'));
const printable = fc.string({
  unit: fc.integer({ min: 32, max: 126 }).map((c) => String.fromCharCode(c)),
  maxLength: 60,
});
const sevenBit = fc.string({
  unit: fc.integer({ min: 1, max: 127 }).map((c) => String.fromCharCode(c)),
  maxLength: 60,
});
const filled = bytes.filter((text) => text !== '');

/** Pairs that give a text back; `of`: for which texts they are made. */
const PAIRS: [encode: string, decode: string, of: fc.Arbitrary<string>][] = [
  ['s.encode.hexa', 's.decode.hexa', bytes],
  ['s.encode.base58', 's.decode.base58', bytes],
  ['s.encode.base64', 's.decode.base64', bytes],
  ['s.encode.base64t', 's.decode.base64t', bytes],
  // An empty text has no base64 for URLs that decodes (5.6.3).
  ['s.encode.base64url', 's.decode.base64url', filled],
  ['s.encode.base64urlt', 's.decode.base64urlt', filled],
  ['s.escape.common', 's.unescape.common', bytes],
  ['s.escape.user', 's.unescape.user', printable],
  ['s.escape.param', 's.unescape.param', printable],
  ['s.urlencode.param', 's.urldecode.param', bytes],
];

describe('an encoded text decodes to itself', () => {
  for (const [encode, decode, of] of PAIRS) {
    test(`${encode}, ${decode}`, () => {
      const both = reader(`{${encode}}{${decode}}`);
      fc.assert(
        fc.property(of, (text) => {
          expect(both(text)).toBe(text);
        }),
      );
    });
  }

  test('s.encode.7bit, s.decode.7bit: seven-bit texts, but for zeros that fill the last byte', () => {
    const both = reader('{s.encode.7bit}{s.decode.7bit}');
    fc.assert(
      fc.property(sevenBit, (text) => {
        expect(String(both(text)).replace(/\0+$/, '')).toBe(text);
      }),
    );
  });

  test('s.escape.csv is undone by taking off the quotes', () => {
    const csv = reader('{s.escape.csv}');
    fc.assert(
      fc.property(bytes, (text) => {
        expect(String(csv(text)).slice(1, -1).replaceAll('""', '"')).toBe(text);
      }),
    );
  });
});

describe('the length of a text is its count of bytes', () => {
  const len = reader('{s.len}');
  test('of texts', () =>
    void fc.assert(
      fc.property(bytes, (text) => {
        expect(len(text)).toBe(Buffer.from(text, 'latin1').length);
      }),
    ));
  test('of ints', () =>
    void fc.assert(
      fc.property(fc.integer(), (n) => {
        expect(len(n)).toBe(`${n}`.length);
      }),
    ));
});

/** How many arguments a name takes, by its example. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  's.substr': ',$a,$a',
  's.select': ',$a,;',
  's.strip': ',$a',
  's.striptail': ',$a',
  's.stripto': ',$a',
  's.prefixes': ',$a',
  's.prefixes.quoted': ',$a',
  's.replace': ',$a,x',
  's.rm': ',$a',
  's.ftime': ',$a',
  's.corehash': ',$a',
  's.count': ',$a',
  's.before': ',$a',
  's.after': ',$a',
  's.rbefore': ',$a',
  's.rafter': ',$a',
  's.fmtlines': ',$a,$a',
  's.fmtlinet': ',$a,$a',
  'uri.param': ',$a',
  'param.value': ',$a',
  'param.in': ',$a',
  'param.valueat': ',$a',
  'param.name': ',$a',
  'param.count': ',$a',
  'line.at': ',$a',
  'line.sw': ',$a',
  're.subst': ',$a',
  'json.parse': ',$a',
};

const anything = fc.oneof(
  bytes,
  printable,
  fc.constantFrom(
    'sip:a:b@c:1;d=e?f',
    '"a" <sip:b@c>;tag=d',
    'a=1;b="c',
    '{"a":[1,{"b":2}]}',
    'udp:1.2.3.4:5',
    'a~b~1',
    '/a/b/g',
  ),
  fc.integer(),
  fc.constant(null),
  fc.constant(undefined),
  fc.integer({ min: 0, max: 65535 }).map((n) => new Dual(`0${n}`, n)),
);

describe('no transformation throws, and each gives a text, a number or nothing', () => {
  for (const [cls, definition] of Object.entries(transformations)) {
    for (const name of Object.keys(definition.names)) {
      test(`${cls}.${name}`, () => {
        const read = reader(`{${cls}.${name}${ARGUMENTS[`${cls}.${name}`] ?? ''}}`);
        fc.assert(
          fc.property(anything, anything, (of, a) => {
            argument = a;
            const result = read(of);
            expect(
              result === null || ['string', 'number', 'undefined'].includes(typeof result) || result instanceof Dual,
            ).toBe(true);
            if (typeof result === 'string') expect(/^[\0-\xff]*$/.test(result)).toBe(true);
          }),
        );
      });
    }
  }
});

test('every name has a sentence for the reference pages', () => {
  for (const definition of Object.values(transformations)) {
    expect(definition.doc).toMatch(/\.$/);
    for (const sentence of Object.values(definition.names)) expect(sentence).toMatch(/\.$/);
  }
});

test('no text of variables and transformations makes the binding throw', () => {
  const source = fc.string({
    unit: fc.constantFrom('$', '(', ')', '{', '}', '[', ']', ',', 's.len', 's.select', 'v', 'a', '1', ' ', '-', '/'),
    maxLength: 14,
  });
  fc.assert(
    fc.property(source, (text) => {
      const bound = bindFormat(text, env);
      if ('ok' in bound) expect(typeof bound.ok.get(ctx)).toBe('string');
    }),
    { numRuns: 3000 },
  );
});

describe('a long text is done with soon', () => {
  const long: [chain: string, text: string][] = [
    ['{s.trim}', `a${' '.repeat(60_000)}b`],
    ['{s.decode.base64url}', `${'='.repeat(60_000)}a`],
    ['{s.prefixes}', 'a'.repeat(60_000)],
    ['{s.encode.base58}', 'a'.repeat(8_000)],
    ['{param.value,x}', 'a;'.repeat(30_000)],
    ['{line.at,-1}', 'a\n'.repeat(30_000)],
    ['{s.urldecode.param}', '%'.repeat(60_000)],
    ['{nameaddr.uri}', '"'.repeat(60_001)],
    ['{tobody.tag}', `<sip:a@b>${';a'.repeat(30_000)}`],
  ];
  for (const [chain, text] of long) {
    test(chain, () => {
      const start = performance.now();
      reader(chain)(text);
      expect(performance.now() - start).toBeLessThan(8000);
    });
  }
});
