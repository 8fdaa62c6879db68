/** What chevrotain works out from the rules, as a table: for `scripts/gen-grammar.mjs` and the test of the table it wrote. */
import { EOF } from './chevrotain.js';
import { FileRules } from './grammar-file.js';
import { type Lookahead, type LookaheadTable, methodName } from './lookahead.js';
import { TOKEN_TYPES } from './tokens.js';

/** Bits of chevrotain's keys: number of the rule, of the method, of the occurrence. */
const RULE_SHIFT = 12;
const METHOD_SHIFT = 8;
const LOW_BITS = 0xff;
const METHOD_BITS = 0xf;
/** More alternatives than any rule has. */
const MANY = 64;

/** Also looks for mistakes in the grammar: throws an error that tells them. */
export function analysedGrammar(): LookaheadTable {
  const grammar = new FileRules(true);
  const rules = new Map(Object.entries(grammar.ruleNumbers).map(([name, number]) => [number >> RULE_SHIFT, name]));
  const table: Record<string, string | string[]> = {};
  for (const [key, ask] of grammar.lookaheads) {
    const rule = rules.get(key >> RULE_SHIFT);
    const method = methodName((key >> METHOD_SHIFT) & METHOD_BITS);
    if (rule === undefined || method === undefined) throw new Error(`a key of another kind: ${key}`);
    table[`${rule} ${method} ${key & LOW_BITS}`] = method === 'OR' ? ways(ask) : entering(ask);
  }
  return table;
}

function ahead(tokenTypeIdx: number) {
  return { LA: () => ({ tokenTypeIdx }) };
}

function namesWhere(takes: (tokenTypeIdx: number) => boolean): string {
  return [...TOKEN_TYPES, EOF]
    .filter((type) => takes(type.tokenTypeIdx ?? 0))
    .map((type) => type.name)
    .join(' ');
}

const entering = (ask: Lookahead): string => namesWhere((i) => ask.call(ahead(i)) === true);

/** Asks with all gates shut but one. */
function ways(ask: Lookahead): string[] {
  const list = Array.from({ length: MANY }, (_, way) => {
    const gated = Array.from({ length: MANY }, (_, i) => ({ ALT: () => undefined, GATE: () => i === way }));
    return namesWhere((i) => ask.call(ahead(i), gated) === way);
  });
  return list.slice(0, list.findLastIndex((tokens) => tokens !== '') + 1);
}
