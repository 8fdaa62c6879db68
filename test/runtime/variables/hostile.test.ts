/** No variable throws, whatever the bytes of the message are, be it read or written. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bindVariable } from '../../../src/runtime/format.js';
import { Dual, type PvAccessor, type Value } from '../../../src/runtime/module.js';
import { CORE_VARIABLES, PV_VARIABLES } from '../../../src/runtime/variables/index.js';
import { rebuild } from '../../../src/sip/build.js';
import { parseStartLine } from '../../../src/sip/message.js';
import { fakeBindEnv, fakeContext, rawMessage } from '../../support/fake-host.js';
import { mutated, WHOLE_REPLY, WHOLE_REQUEST } from '../../support/hostile.js';

const ALL = { ...CORE_VARIABLES, ...PV_VARIABLES };

/** Keys for variables that need one, by name. Others of a fixed list are found in the doc. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  hdr: ['From', 'X-A', '*', '$var(name)'],
  hdrc: ['Via', '$var(name)'],
  hfl: ['Via', 'Contact', 'Route', 'X-A', '$var(name)'],
  hflc: ['Via', 'Contact', 'Record-Route', 'X-A', '$var(name)'],
  avp: ['a', 'i:5', '$var(name)'],
  xavp: ['r', 'r=>f', 'r[0]=>f[0]', 'r[$var(i)]=>f[*]'],
  xavi: ['r', 'r=>f', 'r[0]=>f[0]'],
  xavu: ['r', 'r=>f'],
  cnt: ['$avp(a)', '$xavp(r)', '$xavp(r[0]=>f)'],
  _s: ['$rU and $fu'],
  sel: ['ruri'],
  timef: ['%Y'],
  utimef: ['%c'],
  ccp: ['core.debug'],
  msgbuf: ['0', '5', '$var(i)'],
  Mf: ['3'],
  Sf: ['3'],
  Bf: ['31'],
};
const INDEXES = ['[0]', '[1]', '[-1]', '[-2]', '[*]', '[$var(i)]'];

function spellings(name: string): string[] {
  const definition = ALL[name]!;
  const listed = /Keys: ([^;.]*)/.exec(definition.doc)?.[1]?.split(', ');
  const keys = definition.key === 'none' ? [''] : (KEYS[name] ?? listed ?? ['x']).map((key) => `(${key})`);
  return keys.flatMap((key) => [
    `$(${name}${key})`,
    ...(definition.index ? INDEXES.map((index) => `$(${name}${key}${index})`) : []),
  ]);
}

function bindAll(): [string, PvAccessor][] {
  const selects = { ruri: { doc: 'The request URI.', bind: () => ({ ok: () => null }) } };
  const env = fakeBindEnv({ pvs: ALL, selects });
  return Object.keys(ALL)
    .flatMap(spellings)
    .map((text) => {
      const bound = bindVariable(text, env);
      if ('error' in bound) throw new Error(`${text}: ${bound.error} ${bound.hint ?? ''}`);
      return [text, bound.ok];
    });
}

const messages = mutated(WHOLE_REQUEST, WHOLE_REPLY);

const VALUES: readonly Value[] = [
  '',
  'text',
  'sip:u@h',
  0,
  -1,
  5060,
  null,
  undefined,
  new Dual('07', 7),
  new Dual('9', 9, true),
];

test('every variable has at least one spelling that binds', () => {
  expect(bindAll().length).toBeGreaterThan(Object.keys(ALL).length);
});

test('no variable throws on any message, read or written', () => {
  const bound = bindAll();
  fc.assert(
    fc.property(messages, fc.nat(), (text, seed) => {
      if (parseStartLine(text) === undefined) return;
      const ctx = fakeContext(rawMessage(text));
      for (const [, accessor] of bound) accessor.get(ctx);
      bound.forEach(([, accessor], i) => {
        accessor.set?.(ctx, VALUES[(seed + i * 7) % VALUES.length]);
        accessor.get(ctx);
      });
      for (const [, accessor] of bound) accessor.get(ctx);
      rebuild(ctx.msg);
    }),
    { numRuns: 150 },
  );
});
