// Writes src/parser/grammar-table.ts: run it after a change of the grammar, with src/ compiled, and compile again.
import { writeFileSync } from 'node:fs';
import { analysedGrammar } from '../dist/parser/grammar-analysis.js';

const quote = (text) => `'${text}'`;
const entries = Object.entries(analysedGrammar()).map(([place, tokens]) =>
  typeof tokens === 'string'
    ? `  ${quote(place)}: ${quote(tokens)},`
    : `  ${quote(place)}: [${tokens.map((t) => `\n    ${quote(t)},`).join('')}\n  ],`,
);
writeFileSync(
  new URL('../src/parser/grammar-table.ts', import.meta.url),
  `/** Written by scripts/gen-grammar.mjs from the rules of the grammar: what lookahead.ts is about. */
import type { LookaheadTable } from './lookahead.js';

export const LOOKAHEAD: LookaheadTable = {
${entries.join('\n')}
};
`,
);
