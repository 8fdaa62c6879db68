/** The generated text leads back to lines of the script: what debuggers, profilers and stack traces go by. */
import { describe, expect, test } from 'vitest';
import { Emitter } from '../../../src/runtime/compile/emit.js';
import { sourceMap } from '../../../src/runtime/compile/source-map.js';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Fields of one segment. */
function decode(segment: string): number[] {
  const out: number[] = [];
  let value = 0;
  let shift = 0;
  for (const c of segment) {
    const digit = DIGITS.indexOf(c);
    value |= (digit & 31) << shift;
    shift += 5;
    if ((digit & 32) === 0) {
      out.push((value & 1) === 1 ? -(value >> 1) : value >> 1);
      value = 0;
      shift = 0;
    }
  }
  return out;
}

/** `file:line:column` for each generated line, undefined for glue. */
function lines(json: string): (string | undefined)[] {
  const { mappings, sources } = JSON.parse(json) as { mappings: string; sources: string[] };
  let [file, line, column] = [0, 0, 0];
  return mappings.split(';').map((row) => {
    if (row === '') return undefined;
    const [, f = 0, l = 0, c = 0] = decode(row);
    file += f;
    line += l;
    column += c;
    return `${sources[file]}:${line + 1}:${column + 1}`;
  });
}

describe('source maps', () => {
  test('each mapped line leads to its place, across files and backwards', () => {
    const from = (file: string, line: number, column: number) => ({ text: 'x', from: { file, line, column } });
    const sources = new Map([
      ['a', ''],
      ['b', ''],
    ]);
    const map = sourceMap([from('a', 1, 1), { text: 'glue' }, from('b', 700, 40), from('a', 3, 2)], sources, 3);
    expect(lines(map)).toEqual([undefined, undefined, undefined, 'a:1:1', undefined, 'b:700:40', 'a:3:2']);
  });

  test('what the engine runs has our lines where the map says', () => {
    const emitter = new Emitter();
    emitter.line('return function route() {', {
      file: 'k.cfg',
      line: 4,
      column: 1,
      endLine: 9,
      endColumn: 1,
      order: 0,
    });
    emitter.line('throw new Error("here");', { file: 'k.cfg', line: 6, column: 2, endLine: 6, endColumn: 9, order: 1 });
    emitter.line('};');
    const route = emitter.evaluate('k.cfg.js', new Map([['k.cfg', 'text']]), {}) as () => void;
    let stack = '';
    try {
      route();
    } catch (e) {
      stack = (e as Error).stack ?? '';
    }
    // Three lines of wrapping, then the head of the function, then the line that throws.
    expect(stack).toMatch(/k\.cfg\.js:5:\d+|k\.cfg:6:\d+/);
  });
});
