import { describe, expect, test } from 'vitest';
import { bindFormat, bindVariable, selectPath } from '../../../src/runtime/format.js';
import type { BindEnv, PvDefinition, PvUse } from '../../../src/runtime/module.js';
import { pv, pvWith } from '../../../src/runtime/module.js';
import { fakeBindEnv, fakeContext } from '../../support/fake-host.js';

/** `$echo` prints how its use was taken apart. */
const echo: PvDefinition = pvWith({
  doc: '',
  key: 'optional',
  index: true,
  bind: (use) => ({ ok: { get: (ctx) => spell(use, (get) => `=${get(ctx)}`) } }),
});

function spell(
  use: PvUse,
  value: (get: NonNullable<Extract<PvUse['key'], { kind: 'dynamic' }>>['get']) => string,
): string {
  const key = use.key === undefined ? '' : use.key.kind === 'text' ? `(${use.key.text})` : `(${value(use.key.get)})`;
  const index =
    use.index === undefined ? '' : typeof use.index === 'object' ? `[${value(use.index.get)}]` : `[${use.index}]`;
  return key + index;
}

const env: BindEnv = fakeBindEnv({
  pvs: {
    rU: pv('', () => 'bob'),
    rd: pv('', () => 'example.com'),
    n: pv('', () => 5),
    nil: pv('', () => null),
    failed: pv('', () => undefined),
    '?': pv('', () => -1),
    'ruri.user': pv('', () => 'bob'),
    echo,
  },
  transformations: {
    t: {
      doc: '',
      names: {},
      ownGrammar: ['raw'],
      bind: (name, args, _env, rest) =>
        name === 'bad'
          ? { error: 'no' }
          : {
              ok: (v) =>
                `${String(v)}:${name}${args.map((a) => `|${a.kind}:${a.text}`).join('')}${args.length ? '' : rest}`,
            },
    },
  },
});

function text(source: string, at: BindEnv = env): string {
  const bound = bindFormat(source, at);
  return 'error' in bound ? `ERROR ${bound.error}` : bound.ok.get(fakeContext());
}

const FORMATS: [source: string, result: string][] = [
  ['plain', 'plain'],
  ['', ''],
  ['price 5$$ and $$rU is not a variable, $rU is', 'price 5$ and $rU is not a variable, bob is'],
  ['at a dash: $rU-x, at a slash: $rU/x, apart: $(rU).x', 'at a dash: bob-x, at a slash: bob/x, apart: bob.x'],
  ['$rU@$rd', 'bob@example.com'],
  ['$ruri.user;', 'bob;'],
  ['rc $?', 'rc -1'],
  ['$rU$rU$rU$rU$rU$n', 'bobbobbobbobbob5'],
  ['1$rU/2$rU/3$rU/4$rU/5$rU/6$n/7', '1bob/2bob/3bob/4bob/5bob/65/7'],
  ['[$nil][$failed]', '[<null>][]'],
  ['$echo(a(b)c)d', '(a(b)c)d'],
  ['$echo(t=>$rU)', '(t=>$rU)'],
  ['$echo($rU)', '(=bob)'],
  ['$echo($(rU))', '(=bob)'],
  ['$echo($rU@$rd)', '($rU@$rd)'],
  ['$(echo(x)[3])', '(x)[3]'],
  ['$(echo[-1])', '[-1]'],
  ['$(echo(x)[*])', '(x)[*]'],
  ['$(echo(x)[$n])', '(x)[=5]'],
  ['$(rU{t.a})', 'bob:a'],
  ['$(rU{t.a}{t.b,1,x})', 'bob:a:b|number:1|text:x'],
  ['$(rU{t.a} \t{t.b})', 'bob:a:b'],
  ['$(echo(k)[0]{t.a,$rd, -2,a b })', '(k)[0]:a|variable:$rd|number:-2|text:a b '],
  ['$(rU{t.raw,/o{1}n/X/})', 'bob:raw,/o{1}n/X/'],
  ['$(rU{t.a,,})', 'bob:a|text:|text:'],
  ['$(failed{t.a})', ''],
];

const REFUSED: string[] = [
  '$nosuch',
  'a $ b',
  'end $',
  '$echo(',
  '$(rU',
  '$rU(x)',
  '$(rU[1])',
  '$(rU{x.a})',
  '$(rU{t})',
  '$(rU{t.bad})',
  '$(echo(x)[1x])',
  '$( rU)',
  '$(rU )',
  '$(rU{t.a}x)',
  '$(echo())',
  '$(echo[])',
  '$(rU{t.a,$nosuch})',
  '$(rU{t.a,x\ty})',
  '$echo($nosuch)',
];

describe('a text with variables', () => {
  for (const [source, result] of FORMATS) {
    test(JSON.stringify(source), () => expect(text(source)).toBe(result));
  }
  for (const source of REFUSED) {
    test(`refuses ${source}`, () => expect(text(source)).toMatch(/^ERROR /));
  }

  test('a text in which nothing varies is constant', () => {
    const bound = bindFormat('a$$b', env);
    expect('ok' in bound && bound.ok.constant).toBe('a$b');
  });

  test('a text that is one variable gives it, so that its type is kept', () => {
    const bound = bindFormat('$n', env);
    expect('ok' in bound && bound.ok.single?.get(fakeContext())).toBe(5);
  });
});

describe('an unknown name', () => {
  test('is an error with the nearest name as a hint', () => {
    expect(bindFormat('$rUU', env)).toEqual({ error: "Can't get from cache: $rUU", hint: 'did you mean $rU?' });
  });

  test('names the module that has it', () => {
    const at = { ...env, catalog: { ...env.catalog, moduleWithPv: () => 'htable' } };
    expect(bindFormat('$sht(a=>b)', at)).toMatchObject({ hint: expect.stringContaining('loadmodule "htable.so"') });
  });

  test('outside strings is an attribute, which keeps one value (case assign/ser-style-attributes)', () => {
    const ctx = fakeContext();
    const bound = bindVariable('$foo', env);
    if ('error' in bound) throw new Error(bound.error);
    bound.ok.set?.(ctx, 1);
    bound.ok.set?.(ctx, 2);
    expect(ctx.env.avps.get('s:foo')).toEqual([{ value: 2, flags: 0 }]);
    expect(bound.ok.get(ctx)).toBe(2);
    bound.ok.set?.(ctx, null);
    expect(bound.ok.get(ctx)).toBe(null);
  });

  test.each(['$f.x', '$x[0]'])('%s is an attribute by its spelling', (spelling) => {
    expect(bindVariable(spelling, env)).toHaveProperty('ok');
  });

  test('is refused in KAMAILIO mode and in quotes', () => {
    expect(bindVariable('$foo', { ...env, compat: 'KAMAILIO' })).toHaveProperty('error');
    expect(bindVariable('$foo', env, { quoted: true })).toHaveProperty('error');
  });

  test('every bare name is an attribute in SER mode', () => {
    const bound = bindVariable('$rU', { ...env, compat: 'SER' });
    expect('ok' in bound && bound.ok.get(fakeContext())).toBe(null);
  });
});

const PATHS: [text: string, path: (string | number)[] | undefined][] = [
  ['via[1].host', ['via', 1, 'host']],
  ['via[-1]', ['via', -1]],
  ['msg.header["X-Multi"]', ['msg', 'header', 'X-Multi']],
  ['msg.header.X_One[2].uri.user', ['msg', 'header', 'X_One', 2, 'uri', 'user']],
  ['msg.header.X-One', ['msg', 'header', 'X']],
  ['cfg_get.g.n', ['cfg_get', 'g', 'n']],
  ['.a', undefined],
  ['a..b', undefined],
  ['a b', undefined],
  ['', undefined],
];
for (const [source, path] of PATHS) {
  test(`the select ${source || '(empty)'} is cut into its parts`, () => expect(selectPath(source)).toEqual(path));
}
