import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseScript, renderProblem } from '../../src/parser/index.js';
import { readCases, reading } from './cases.js';

const RUNS = Number(process.env.FUZZ_RUNS ?? 3000);
const MOST_MS = 1000;

const SCRIPTS = readCases()
  .map(({ files }) => files)
  .filter((files) => files.has('kamailio.cfg'));

/** Pieces that open, close or join something. */
const PIECES = [
  ...'{}()[]"\'$@;:,.=!~%#\\/*+-<>&|^?\n\0\t\r',
  '#!ifdef A\n',
  '#!else\n',
  '#!endif\n',
  '#!define A A\n',
  '#!define B C B\n',
  '#!subst "/a/b/g"\n',
  '#!substdef "!X!$(y)!g"\n',
  'include_file "kamailio.cfg"\n',
  '/*',
  '*/',
  '$(',
  '$var(',
  '{ ',
  ' }',
  'route[A] {',
  'request_route {',
  'event_route[',
  'switch ($x) { case',
  'case /',
  'default:',
  'if (',
  'else',
  'while',
  'return ',
  'listen=',
  'flags ',
  'modparam(',
  'loadmodule ',
  'selval(',
  'defined ',
  '(int)',
  'myself ==',
  'src_ip == ',
  '::1',
  '1.2.3.4',
  'kemi.',
  '\xff\xfe',
  '99999999999999999999',
];

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat(), length: fc.nat(40) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), piece: fc.constantFrom(...PIECES) }),
  fc.record({
    kind: fc.constant('swap' as const),
    at: fc.nat(),
    to: fc.nat(),
    length: fc.integer({ min: 1, max: 60 }),
  }),
  fc.record({ kind: fc.constant('truncate' as const), at: fc.nat() }),
  fc.record({ kind: fc.constant('bytes' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 12 }) }),
  fc.record({
    kind: fc.constant('repeat' as const),
    at: fc.nat(),
    piece: fc.constantFrom(...PIECES),
    times: fc.nat(300),
  }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

function mutate(text: string, change: Mutation): string {
  const at = change.at % (text.length + 1);
  const cut = (from: number, length: number) => text.slice(from, from + length);
  switch (change.kind) {
    case 'delete':
      return text.slice(0, at) + text.slice(at + change.length);
    case 'insert':
      return text.slice(0, at) + change.piece + text.slice(at);
    case 'truncate':
      return text.slice(0, at);
    case 'bytes':
      return text.slice(0, at) + String.fromCharCode(...change.bytes) + text.slice(at);
    case 'repeat':
      return text.slice(0, at) + change.piece.repeat(change.times) + text.slice(at);
    default: {
      const to = Math.max(at, change.to % (text.length + 1));
      const { length } = change;
      if (to < at + length) return text;
      return (
        text.slice(0, at) + cut(to, length) + text.slice(at + length, to) + cut(at, length) + text.slice(to + length)
      );
    }
  }
}

describe('mutated scripts', () => {
  it('are read to the end without an exception, in time', { timeout: 180_000 + RUNS * 20 }, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: SCRIPTS.length - 1 }),
        fc.array(mutation, { minLength: 1, maxLength: 5 }),
        (index, changes) => {
          const files = SCRIPTS[index] as ReadonlyMap<string, string>;
          const text = changes.reduce(mutate, files.get('kamailio.cfg') ?? '');
          const start = performance.now();
          const script = parseScript('kamailio.cfg', reading(new Map([...files, ['kamailio.cfg', text]])));
          expect(performance.now() - start).toBeLessThan(MOST_MS);
          for (const problem of script.problems) {
            expect(problem.span.line).toBeGreaterThan(0);
            renderProblem(problem, script.sources);
          }
        },
      ),
      { numRuns: RUNS },
    );
  });
});
