import { describe, expect, it } from 'vitest';
import { errors, expression, outline, parse, statements } from './helpers.js';

describe('numbers (language.md, section 2)', () => {
  it.each([
    ['0', 0],
    ['255', 255],
    ['0xff', 255],
    ['0xAb', 171],
    ['0377', 255],
    ['101b', 5],
    ['10b', 2],
    ['-42', -42],
    ['- 7', -7],
    ['2147483648', -2147483648],
    ['-2147483648', -2147483648],
    ['0xFFFFFFFF', -1],
    ['99999999999', 1215752191],
    ['99999999999999999999', -1],
    ['yes', 1],
    ['enable', 1],
    ['off', 0],
    ['inet', 2],
    ['IPv6', 10],
  ])('%s', (text, value) => {
    expect(expression(text)).toBe(String(value));
  });

  it.each(['08', '12a', '0b1', '2ND', '0x'])('%s is no number', (text) => {
    expect(errors(parse(`request_route { $var(x) = ${text}; }\n`))).toEqual([
      expect.stringMatching(/line 1, column 27(-\d+)?: syntax error/),
    ]);
  });
});

describe('strings', () => {
  it.each([
    [String.raw`"a\tb\n\r\"\\"`, 'a\tb\n\r"\\'],
    [String.raw`"\x41\x4g\101\60"`, 'A\x04gA0'],
    [String.raw`"\q\.\1\7x"`, '\\q\\.\\1\\7x'],
    [String.raw`"\1013"`, 'A3'],
    [String.raw`"a\x00b"`, 'a'],
    ['"one\\\ntwo"', 'onetwo'],
    ['"raw\nline"', 'raw\nline'],
    ['"a" "b"\n\t"c"', 'abc'],
    [String.raw`'no \n "escapes"'`, String.raw`no \n "escapes"`],
    ["'a\nb'", 'a\nb'],
    ['"\u00c5\u00bc"', '\u00c5\u00bc'],
    ['"# no // comment /* here */"', '# no // comment /* here */'],
  ])('%s', (text, value) => {
    expect(expression(text)).toBe(JSON.stringify(value));
  });

  it.each([
    ['"a" /* c */ "b"', 13],
    ["'a' 'b'", 5],
    [`"a" 'b'`, 5],
  ])('%s is not one string', (text, column) => {
    const [first] = errors(parse(`request_route { $x=\n${text}; }\n`));
    expect(first).toContain(`line 2, column ${column}`);
  });
});

describe('comments', () => {
  it('nest, and stay', () => {
    const script = parse('# one\nrequest_route { /* a /* b */ c */ ; } // two\n/**/\n');
    expect(errors(script)).toEqual([]);
    expect(script.comments.map(({ text }) => text)).toEqual(['# one', '/* a /* b */ c */', '// two', '/**/']);
    expect(script.comments[1]?.span).toMatchObject({ line: 2, column: 17, endLine: 2, endColumn: 33 });
  });

  it('that are not closed swallow the rest, with a warning only', () => {
    const script = parse('request_route { ; }\n/* open\nrubbish {\n');
    expect(script.problems.map(({ severity, code }) => [severity, code])).toEqual([['warning', 'unclosed-comment']]);
  });
});

describe('free form', () => {
  it('takes line joins, CRLF and statements without blanks', () => {
    expect(statements('$var(x)=1+2;xlog("a");;;\r\n$var(y)\r\n=\\\n5;').map(outline)).toEqual([
      '(= $var(x) (+ 1 2))',
      '(xlog "a")',
      ';',
      ';',
      '(= $var(y) 5)',
    ]);
  });

  it('passes over characters that begin no token, with a warning', () => {
    const script = parse('request_route { ? ; \u00c5\u00bc ; }\n');
    expect(script.problems.map(({ code, severity, span }) => [code, severity, span.column, span.endColumn])).toEqual([
      ['stray-character', 'warning', 17, 17],
      ['stray-character', 'warning', 21, 22],
    ]);
  });
});

describe('variables', () => {
  it.each([
    '$var(a.b)',
    '$var(a b)',
    '$avp(s:name)',
    '$(var(w))',
    '$(avp(x)[*])',
    '$xavp(a=>b[0]=>c)',
    '$hdr(X(y)z)',
    '$f.name',
    '$x[0]',
    '$?',
    '$rc',
    '$retcode',
  ])('%s is one token', (text) => {
    expect(expression(text)).toBe(text);
  });

  it('$rc ends where it ends', () => {
    // Seen on 5.6.3: `$rcv(srcip)` outside of strings is `$rc` and `v(…)`.
    expect(errors(parse('request_route { $x = $rcv(srcip); }\n'))[0]).toContain('line 1, column 25: syntax error');
  });

  it('must close on their line', () => {
    const script = parse('request_route {\n\t$var(x = 1;\n\txlog("x");\n}\n');
    expect(script.problems.map(({ code, span }) => [code, span.line, span.column])).toEqual([
      ['unclosed-variable', 2, 2],
    ]);
  });
});

describe('compatibility markers', () => {
  it.each([
    ['#!KAMAILIO\n', 'KAMAILIO'],
    ['#!OPENSER\n', 'KAMAILIO'],
    ['//!SER\n', 'SER'],
    ['#!ALL\n', 'MAXCOMPAT'],
  ])('%j', (line, mode) => {
    expect(parse(`${line}request_route { ; }\n`).compat).toEqual([{ order: expect.any(Number), mode }]);
  });

  it.each(['#!KAMAILIO \n', '#!KAMAILIO\r\n', '#! KAMAILIO\n', '#!KAMAILIOS\n'])('%j is a comment', (line) => {
    expect(parse(`${line}request_route { ; }\n`).compat).toEqual([]);
  });

  it('work from their line on', () => {
    const script = parse('request_route { $a.b; }\n#!KAMAILIO\nroute[A] { ; }\n');
    const [marker] = script.compat;
    const block = script.items.at(-1);
    expect(marker?.order).toBeLessThan(block?.span.order ?? 0);
    expect(marker?.order).toBeGreaterThan(script.items[0]?.span.order ?? 0);
  });
});

it('names of JavaScript’s own are names like others', () => {
  for (const word of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    const text = `#!${word}\n#!trydefenv ${word}\n#!define ${word} 5\n#!subst "/[[:${word}:]]/x/"
      ${word}.${word}=1\n flags ${word}\n route[${word}] { ${word}: $x = ${word}; ${word}(${word}); setflag(${word}); }\n`;
    expect(parse(text, { env: {} }).problems.every(({ message }) => typeof message === 'string')).toBe(true);
  }
});
