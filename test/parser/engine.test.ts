/** The engine reads as chevrotain does, whose place it takes: the rules run on both, over all recorded scripts and broken forms. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { LOOKAHEAD } from '../../src/parser/grammar-table.js';
import * as own from '../../src/parser/index.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const ENGINE = '../../src/parser/engine.js';
/** Of each script so many broken forms: the time of the test. */
const BROKEN = 2;

let chevrotain: typeof own;
let analysis: typeof import('../../src/parser/grammar-analysis.js');

beforeAll(async () => {
  vi.resetModules();
  vi.doMock(ENGINE, () => import('chevrotain'));
  analysis = await import('../../src/parser/grammar-analysis.js');
  chevrotain = await import('../../src/parser/index.js');
}, 60_000);
afterAll(() => vi.doUnmock(ENGINE));

it('the grammar has no mistake that chevrotain can find, and its table is of these rules', { timeout: 60_000 }, () => {
  expect(LOOKAHEAD, 'run scripts/gen-grammar.mjs').toEqual(analysis.analysedGrammar());
});

const scripts = (folder: string): string[] =>
  readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cfg'))
    .map((name) => path.join(ROOT, folder, name));

/** Numbers that look random and are the same each time. */
function* dice(seed: number): Generator<number, never> {
  for (let x = seed; ; ) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    yield x >>> 8;
  }
}

/** One piece of the text lost, doubled or put elsewhere. */
function broken(text: string, random: Iterator<number, never>): string {
  const words = text.split(/(\s+|[(){};,[\]"=])/);
  const roll = (below: number) => random.next().value % Math.max(below, 1);
  const [from, to] = [roll(words.length), roll(words.length)];
  if (roll(3) === 0) words.splice(from, 1);
  else words.splice(to, roll(2), words[from] ?? '');
  return words.join('');
}

const read = (parser: typeof own, text: string) =>
  parser.parseScript('a.cfg', { readFile: (name) => (name === 'a.cfg' ? text : undefined) });

it('trees and problems are the same', { timeout: 120_000 }, () => {
  const files = [...scripts('test/conformance/cases'), ...scripts('examples'), ...scripts('bench')];
  expect(files.length).toBeGreaterThan(100);
  const random = dice(7);
  for (const file of files) {
    const text = readFileSync(file, 'latin1');
    for (let i = 0; i <= BROKEN; i++) {
      const form = i === 0 ? text : broken(text, random);
      expect(read(own, form), `${file}:\n${form}`).toEqual(read(chevrotain, form));
    }
  }
});
