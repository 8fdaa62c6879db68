/**
 * What chevrotain works out from the rules, as a table. For `scripts/gen-grammar.mjs` and the test of the table it wrote:
 * both put chevrotain in the place of engine.ts.
 */
import { EOF, type LookaheadTable } from './engine.js';
import { FileRules } from './grammar-file.js';
import { TOKEN_TYPES } from './tokens.js';

/** Of chevrotain's parser: which way to go, by keys of bits for the rule, the method and the occurrence. */
interface Analysed {
  readonly lookAheadFuncsCache: ReadonlyMap<number, Ask>;
  readonly fullRuleNameToShort: Readonly<Record<string, number>>;
}
type Ask = (this: Ahead, alternatives?: readonly Gated[]) => number | boolean | undefined;
interface Ahead {
  LA(): { readonly tokenTypeIdx: number };
}
interface Gated {
  readonly GATE: () => boolean;
}

const METHODS = ['', 'OR', 'OPTION', 'MANY', 'AT_LEAST_ONE', 'MANY_SEP', 'AT_LEAST_ONE_SEP'];
const RULE_SHIFT = 12;
const METHOD_SHIFT = 8;
const LOW_BITS = 0xff;
const METHOD_BITS = 0xf;
/** More alternatives than any rule has. */
const MANY = 64;

/** Throws an error that tells the mistakes of the grammar, if it has any. */
export function analysedGrammar(): LookaheadTable {
  const { lookAheadFuncsCache, fullRuleNameToShort } = new FileRules() as unknown as Analysed;
  const rules = new Map(Object.entries(fullRuleNameToShort).map(([name, number]) => [number >> RULE_SHIFT, name]));
  const table: Record<string, string | string[]> = {};
  for (const [key, ask] of lookAheadFuncsCache) {
    const rule = rules.get(key >> RULE_SHIFT);
    const method = METHODS[(key >> METHOD_SHIFT) & METHOD_BITS];
    if (rule === undefined || method === undefined) throw new Error(`a key of another kind: ${key}`);
    table[`${rule} ${method} ${key & LOW_BITS}`] = method === 'OR' ? ways(ask) : entering(ask);
  }
  return table;
}

function ahead(tokenTypeIdx: number): Ahead {
  return { LA: () => ({ tokenTypeIdx }) };
}

function namesWhere(takes: (tokenTypeIdx: number) => boolean): string {
  return [...TOKEN_TYPES, EOF]
    .filter((type) => takes(type.tokenTypeIdx))
    .map((type) => type.name)
    .join(' ');
}

const entering = (ask: Ask): string => namesWhere((i) => ask.call(ahead(i)) === true);

/** Asks with all gates shut but one. */
function ways(ask: Ask): string[] {
  const list = Array.from({ length: MANY }, (_, way) => {
    const gated = Array.from({ length: MANY }, (_, i) => ({ GATE: () => i === way }));
    return namesWhere((i) => ask.call(ahead(i), gated) === way);
  });
  return list.slice(0, list.findLastIndex((tokens) => tokens !== '') + 1);
}
