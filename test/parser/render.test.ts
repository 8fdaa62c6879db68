import { describe, expect, it } from 'vitest';
import { kamailioText, type Problem, renderProblem } from '../../src/parser/index.js';
import { parse } from './helpers.js';

describe('renderProblem', () => {
  it('shows the line, the place, the cause and the hint', () => {
    const script = parse('request_route {\n\txlog("one")\n\txlog("two");\n}\n');
    expect(renderProblem(script.problems[0] as Problem, script.sources)).toBe(
      [
        "test.cfg:3:2: error: syntax error: bad command: missing ';'? [syntax-error]",
        '   3 | \txlog("two");',
        '     | \t^^^^',
        '   2 | \txlog("one")',
        '     | \t           ^ put `;` here',
        '  hint: a `;` is missing behind line 2, column 12',
      ].join('\n'),
    );
  });

  it('can be coloured', () => {
    const script = parse('children="4"\n');
    const text = renderProblem(script.problems[0] as Problem, script.sources, { color: true });
    expect(text).toContain('\x1b[1;31merror\x1b[0m');
    expect(text.replace(/\x1b\[[\d;]*m/g, '')).toBe(renderProblem(script.problems[0] as Problem, script.sources));
  });

  it('cuts long lines around the place, and keeps control characters off the terminal', () => {
    const script = parse(`request_route { ${'$x = 1; '.repeat(100)}\x07 $y = % ; ${'$x = 1; '.repeat(100)} }\n`);
    const error = script.problems.find(({ severity }) => severity === 'error') as Problem;
    const lines = renderProblem(error, script.sources).split('\n');
    expect(lines[1]?.length).toBeLessThan(180);
    expect(lines[1]?.charAt(lines[2]?.indexOf('^') ?? 0)).toBe('%');
    expect(lines.join('')).not.toContain('\x07');
  });

  it('does without the source', () => {
    const script = parse('children="4"\n');
    expect(renderProblem(script.problems[0] as Problem, new Map()).split('\n')).toHaveLength(2);
  });
});

describe('kamailioText (language.md, section 1)', () => {
  it.each([
    ['children=-4\nroute{;}', 'parse error in config file test.cfg, line 1, column 10: syntax error: number expected'],
    [
      'request_route { if (1) ;\n',
      'parse error in config file test.cfg, from line 1, column 25 to line 2, column 0: syntax error: bad command',
    ],
    ['request_route { switch (1) { } }\n', 'warning in config file test.cfg, line 1, column 30: empty switch()'],
    ['#!define A-B\nroute{;}\n', "error at test.cfg line 1: '-' not allowed"],
    ['route{;}\n#!else\n', "invalid position for preprocessor directive 'else' - at test.cfg line 2"],
    ['route{;}\n#!ifdef X\n', 'different number of preprocessor directives: 1 more #!if[n]def as #!endif'],
  ])('%j', (text, line) => {
    expect(parse(text).problems.map(kamailioText)[0]).toBe(line);
  });
});
