import { describe, expect, it } from 'vitest';
import { blocks, errors, lisp, outline, parse } from './helpers.js';

/** The statements of the request route in short. */
function run(text: string, options: Parameters<typeof parse>[1] = {}): string[] {
  const script = parse(text, options);
  expect(errors(script)).toEqual([]);
  return blocks(script).flatMap(({ body }) => body.statements.map(outline));
}

const route = (text: string) => `request_route { ${text} }\n`;

describe('define', () => {
  it.each([
    ['a value', '#!define A 5\n', '$x = A;', '(= $x 5)'],
    ['the short spelling', '!!def A 5\n', '$x = A;', '(= $x 5)'],
    ['an expression, by its text', '#!define A 1 + 2\n', '$x = A * 3;', '(= $x (+ 1 (* 2 3)))'],
    ['other defines', '#!define A 1\n#!define B A + A\n', '$x = B;', '(= $x (+ 1 1))'],
    ['a comment behind it', '#!define A 5 # five\n', '$x = A\n;', '(= $x 5)'],
    ['joined lines', '#!define A "one \\\ntwo"\n', '$x = A;', '(= $x "one two")'],
    ['nothing', '#!define A\n', '$x = A 3;', '(= $x 3)'],
    ['a name', '#!define F xlog\n', 'F("a");', '(xlog "a")'],
    ['an unbalanced string', '#!define A "one\n', '$x = A two";', '(= $x "one two")'],
    ['a piece of a string', '#!define A "one"\n', '$x = A "two";', '(= $x "onetwo")'],
    ['an unbalanced variable', '#!define A $var(\n', '$x = A y);', '(= $x $var( y))'],
    ['an unbalanced comment', '#!define A /*\n', '$x = A \n */ 5;', '(= $x 5)'],
    ['a statement with its end', '#!define A 6;\n', '$x = A', '(= $x 6)'],
    ['a block', '#!define A { ; }\n', 'if (1) A', '(if 1 ;)'],
  ])('replaces by %s', (_, head, body, tree) => {
    expect(run(head + route(body))).toEqual([tree]);
  });

  it('leaves strings, variables and keywords alone', () => {
    expect(run(`#!define A 5\n#!define port 6\n${route('$var(A) = "A" + A; if (src_port == A) ;')}`)).toEqual([
      '(= $var(A) (+ "A" 5))',
      '(if (== src_port 5) ;)',
    ]);
  });

  it('twice is an error at the second name', () => {
    expect(errors(parse(`#!define A 1\n#!define A 2\n${route('$x = A;')}`))).toEqual([
      'parse error in config file test.cfg, line 2, column 10: already defined: A',
    ]);
  });

  it.each([
    ['trydef keeps', '#!define A 1\n#!trydef A 2\n', '(= $x 1)'],
    ['redef replaces', '#!define A 1\n#!redefine A 2\n', '(= $x 2)'],
    ['trydef defines', '#!trydefine A 2\n', '(= $x 2)'],
  ])('%s', (_, head, tree) => {
    expect(run(head + route('$x = A;'))).toEqual([tree]);
  });

  it('with a dash is an error without column', () => {
    expect(errors(parse(`#!define A-B 1\n${route(';')}`))).toEqual(["error at test.cfg line 1: '-' not allowed"]);
  });

  it('that leads back to itself ends', () => {
    const script = parse(`#!define A B\n#!define B A\n${route('$x = A;')}`);
    expect(script.problems[0]).toMatchObject({ code: 'endless-define', span: { line: 3, column: 22 } });
  });

  it('that doubles without end is stopped', () => {
    const doubling = Array.from({ length: 40 }, (_, i) => `#!define D${i + 1} D${i} D${i}\n`).join('');
    const script = parse(`#!define D0 ;\n${doubling}${route('D40')}`);
    expect(script.problems.some(({ code }) => code === 'too-many-expansions')).toBe(true);
  });

  it('gives its tokens the place where it is used', () => {
    const [block] = blocks(parse(`#!define A 1 + \\\n2\n${route('$x = A + 3;')}`));
    const statement = block?.body.statements[0];
    if (statement?.kind !== 'assign' || statement.value.kind !== 'binary') throw new Error('no sum');
    expect(statement.value.left.span).toMatchObject({ line: 3, column: 22, endLine: 3, endColumn: 22 });
    expect(statement.value.right.span).toMatchObject({ line: 3, column: 26 });
    expect(statement.span).toMatchObject({ line: 3, column: 17, endColumn: 26 });
  });

  it('is limited to 512', () => {
    const many = Array.from({ length: 520 }, (_, i) => `#!define N${i}\n`).join('');
    expect(parse(many + route(';')).problems[0]).toMatchObject({ code: 'too-many-defines', span: { line: 510 } });
  });
});

describe('ifdef', () => {
  it('skips text without looking at it', () => {
    expect(run(`#!ifdef NO\n " ' /* { #!define A 1\n#!else\n${route('$x = 1;')}#!endif\n`)).toEqual(['(= $x 1)']);
  });

  it('nests', () => {
    const text = '#!ifndef A\n#!ifdef B\n$x = 1;\n#!else\n$x = 2;\n#!endif\n#!else\n$x = 3;\n#!endif\n';
    expect(run(route(`\n${text}`))).toEqual(['(= $x 2)']);
    expect(run(`#!define A\n${route(`\n${text}`)}`)).toEqual(['(= $x 3)']);
  });

  it('knows the version and the modules loaded so far', () => {
    const test = (name: string) => `#!ifdef ${name}\n$x = 1;\n#!endif\n`;
    expect(
      run(route(`\n;${['KAMAILIO_5', 'KAMAILIO_5_6', 'KAMAILIO_5_6_3', 'KAMAILIO', 'MOD_tm'].map(test).join('')}`)),
    ).toEqual([';', '(= $x 1)', '(= $x 1)', '(= $x 1)']);
    expect(run(`#!ifdef MOD_tm\nx\n#!endif\nloadmodule "/a/tm.so"\n${route(`\n${test('MOD_tm')}`)}`)).toEqual([
      '(= $x 1)',
    ]);
  });

  it('must be closed', () => {
    const script = parse(`${route(';')}#!ifdef A\n#!endif # A\n`);
    expect(errors(script)).toEqual(['different number of preprocessor directives: 1 more #!if[n]def as #!endif']);
    expect(script.problems.map(({ code, span }) => `${code} ${span.line}`)).toEqual([
      'not-a-directive 3',
      'unbalanced-directives 2',
    ]);
    expect(script.problems[1]?.hint).toContain('line 3 is a comment');
  });

  it('must be open for else and endif', () => {
    const script = parse(`${route(';')}#!else\n#!endif\n`);
    expect(script.problems.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warning directive-position',
      'warning directive-position',
      'error unbalanced-directives',
    ]);
  });

  it('may open in an include and close behind it', () => {
    const script = parse({
      'a.cfg': `include_file "b.cfg"\nnonsense\n#!endif\n${route(';')}`,
      'b.cfg': '#!ifdef NOPE\n',
    });
    expect(errors(script)).toEqual([]);
  });
});

describe('misspelt directives', () => {
  it.each([
    ['#!ifexp A == 1', 'no #!ifexp'],
    ['#!defexp A 1', 'no #!defexp'],
    ['#!ifdf A', 'did you mean #!ifdef?'],
    ['#!defin A 5', 'did you mean #!define?'],
    ['#!ifdef', 'needs a name'],
    ['#!endif // x', 'nothing but blanks'],
  ])('%s', (line, hint) => {
    const [problem] = parse(`${line}\n${route(';')}`).problems;
    expect(problem).toMatchObject({ severity: 'warning', code: 'not-a-directive', span: { line: 1, column: 1 } });
    expect(problem?.hint).toContain(hint);
  });

  it.each(['#!/usr/sbin/kamailio', '#! remark', '#!somebody was here'])('%s is nobody’s mistake', (line) => {
    expect(parse(`${line}\n${route(';')}`).problems).toEqual([]);
  });
});

describe('subst', () => {
  it.each([
    ['the first match', '#!subst "/HOST/h/"', '"HOST HOST"', '"h HOST"'],
    ['all with g', '#!subst "/HOST/h/g"', '"HOST HOST"', '"h h"'],
    ['without case with i', '#!subst "/case(less)?/C/i"', '"Caseless"', '"C"'],
    ['groups', '#!subst "/([a-z]+)-([a-z]+)/\\\\2-\\\\1/"', '"left-right"', '"right-left"'],
    ['any separator', '#!subst "@A@B@g"', "'A, A'", '"B, B"'],
    ['an escaped separator', '#!subst "/x\\/y/slash/"', '"x/y"', '"slash"'],
    ['variables too', '#!subst "/HOST/h/"', '$var(HOST)', '$var(h)'],
    ['a class', '#!subst "/[[:digit:]]+/N/g"', '"a1b22"', '"aNbN"'],
    ['a dot that leaves newlines out', '#!subst "/a.b/X/g"', '"a\\nb a.b"', '"a\\nb X"'],
    ['a dot that takes newlines with s', '#!subst "/a.b/X/gs"', '"a\\nb a.b"', '"X X"'],
    ['one rule after the other', '#!subst "/a/b/"\n#!subst "/b/c/"', '"a"', '"c"'],
  ])('replaces %s', (_, rule, text, value) => {
    expect(run(`${rule}\n${route(`$x = ${text};`)}`)).toEqual([`(= $x ${value})`]);
  });

  it('acts on what follows only', () => {
    expect(run(`${route('$x = "A";')}#!subst "/A/B/"\nroute[Y] { $x = "A"; }\n`)).toEqual(['(= $x "A")', '(= $x "B")']);
  });

  it('substdef defines too, substdefs in quotes', () => {
    const text = '#!substdef "!PORT!5080!g"\n#!substdefs "!TEXT!some text!"\n';
    expect(run(text + route('$x = PORT; $y = TEXT; $z = "PORT TEXT";'))).toEqual([
      '(= $x 5080)',
      '(= $y "some text")',
      '(= $z "5080 some text")',
    ]);
  });

  it('rewrites later rules', () => {
    expect(run(`#!substdef "/A/1/"\n#!substdef "/A/2/"\n${route('$x = A;')}`)).toEqual(['(= $x 1)']);
  });

  it('evaluates variables once', () => {
    const evaluate = (text: string) => (text === '$(version(num))' ? '5' : undefined);
    expect(run(`#!substdef "!V!$(version(num))!"\n${route('$x = V;')}`, { evaluate })).toEqual(['(= $x 5)']);
  });

  it.each([
    ['"/unfinished"', 'no separator found'],
    ['"/a/b"', 'missing separator'],
    ['"/a/b/x"', 'unknown flag x'],
    ['"/(a/b/"', 'bad regular expression (a'],
    ['"//"', 'too short'],
  ])('%s is refused', (rule, why) => {
    const [problem] = parse(`${route(';')}#!subst ${rule}\n;\n`).problems;
    expect(problem).toMatchObject({ code: 'bad-subst', span: { line: 3 }, cause: { span: { line: 2 } } });
    expect(problem?.message).toContain(why);
  });

  it('may not stand in a block', () => {
    expect(errors(parse('request_route {\n#!subst "/a/b/"\n;}\n'))[0]).toContain('line 2, column 1-7: syntax error');
  });
});

describe('environment', () => {
  const env = { HOME: '/home/x', N: '5' };

  it('becomes defines', () => {
    const text = '#!defenv N\n#!defenvs PLACE=HOME\n#!trydefenv MISSING\n';
    expect(run(text + route('$x = N; $y = PLACE;'), { env })).toEqual(['(= $x 5)', '(= $y "/home/x")']);
  });

  it('must have the variable', () => {
    expect(errors(parse(`#!defenv MISSING\n${route(';')}`, { env }))).toEqual([
      'error at test.cfg line 1: env variable not defined [MISSING]',
    ]);
  });
});

describe('include', () => {
  it('reads files where it stands, with places of their own', () => {
    const script = parse({
      'dir/a.cfg': 'include_file "b.cfg"\nrequest_route { $x = \n#!include_file "c.cfg"\n; }\n',
      'dir/b.cfg': '#!define ONE 1\nroute[B] { ; }\n',
      'c.cfg': '\n  ONE + bad',
    });
    expect(errors(script)).toEqual([
      expect.stringContaining("parse error in config file dir/a.cfg, line 4, column 1: syntax error: '('')' expected"),
    ]);
    expect([...script.sources.keys()]).toEqual(['dir/a.cfg', 'dir/b.cfg', 'c.cfg']);
    expect(blocks(script)[0]?.span).toMatchObject({ file: 'dir/b.cfg', line: 2, column: 1 });
  });

  it('of a missing file is an error, import is not', () => {
    expect(errors(parse(`import_file "no.cfg"\ninclude_file "no.cfg"\n${route(';')}`))).toEqual([
      'error at test.cfg line 2: cannot open included file: no.cfg',
    ]);
  });

  it.each([
    ['no.cfg', 'must be between quotes'],
    ['""', 'invalid included file name'],
    [`"${'x'.repeat(130)}"`, 'too long'],
  ])('%s is refused', (name, why) => {
    expect(errors(parse(`include_file ${name}\n${route(';')}`))[0]).toContain(why);
  });

  it('ends ten files deep', () => {
    const script = parse({ 'a.cfg': `include_file "a.cfg"\n${route(';')}` });
    expect(script.problems[0]).toMatchObject({ code: 'include-depth' });
    expect(blocks(script)).toHaveLength(11);
  });

  it('takes its name through the rules', () => {
    const script = parse({ 'a.cfg': '#!subst "/NAME/b/"\ninclude_file "NAME.cfg"\n', 'b.cfg': route('$x = 1;') });
    expect(errors(script)).toEqual([]);
  });
});

describe('command line', () => {
  const defines = new Map([
    ['A', undefined],
    ['B', '5'],
  ]);

  it('defines and substitutes before the script', () => {
    const options = { defines, substs: [['substdef', '!N!15!g'] as const, ['subst', '/a/b/'] as const] };
    expect(run(route('\n#!ifdef A\n$x = B;\n#!endif\n$x = N; $x = "a N";'), options)).toEqual([
      '(= $x 5)',
      '(= $x 15)',
      '(= $x "b 15")',
    ]);
  });

  it('clashes with a define, not with a trydef', () => {
    expect(errors(parse(`#!define B 1\n${route(';')}`, { defines }))).toHaveLength(1);
    expect(run(`#!trydef B 1\n${route('$x = B;')}`, { defines })).toEqual(['(= $x 5)']);
  });
});

it('gives the defines of the end', () => {
  const { defines } = parse(`#!define A 1\n#!redef A 2\n${route(';')}`);
  expect(defines.get('A')).toBe('2');
  expect(lisp(undefined)).toBe('');
});
