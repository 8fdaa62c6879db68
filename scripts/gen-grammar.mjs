// Writes src/parser/grammar-table.ts: run it after a change of the grammar, with src/ compiled, and compile again.
import { writeFileSync } from 'node:fs';
import { register } from 'node:module';

// The rules on chevrotain's own parser, which looks them through.
register(
  'data:text/javascript,' +
    encodeURIComponent(
      `export const resolve = (name, context, next) => next(/\\/parser\\/|^\\.\\/engine/.test(name) && name.endsWith('/engine.js') ? 'chevrotain' : name, context);`,
    ),
  import.meta.url,
);
const { analysedGrammar } = await import('../dist/parser/grammar-analysis.js');

const quote = (text) => `'${text}'`;
const entries = Object.entries(analysedGrammar()).map(([place, tokens]) =>
  typeof tokens === 'string'
    ? `  ${quote(place)}: ${quote(tokens)},`
    : `  ${quote(place)}: [${tokens.map((t) => `\n    ${quote(t)},`).join('')}\n  ],`,
);
writeFileSync(
  new URL('../src/parser/grammar-table.ts', import.meta.url),
  `/** Written by scripts/gen-grammar.mjs from the rules of the grammar: which tokens choose which way, for engine.ts. */
import type { LookaheadTable } from './engine.js';

export const LOOKAHEAD: LookaheadTable = {
${entries.join('\n')}
};
`,
);
