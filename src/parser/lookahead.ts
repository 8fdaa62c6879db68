/**
 * Which tokens choose which way of the grammar. chevrotain works it out from the rules, which is most of the time of a
 * start; so what it comes to is a table (grammar-table.ts), and a test holds the two together.
 */
import type { IOrAlt, TokenType } from './chevrotain.js';

/** By rule, method and its number (`item OR 0`): names of tokens, of each alternative or of what may follow. */
export type LookaheadTable = Readonly<Record<string, string | readonly string[]>>;

/** What chevrotain's parser asks, with the parser as `this`. */
export type Lookahead = (this: Ahead, alternatives?: readonly IOrAlt<unknown>[]) => number | boolean | undefined;

interface Ahead {
  LA(howMuch: number): { readonly tokenTypeIdx: number };
}

/** The number that chevrotain gives to each method in its keys. */
const METHODS: Readonly<Record<string, number>> = {
  OR: 1,
  OPTION: 2,
  MANY: 3,
  AT_LEAST_ONE: 4,
  MANY_SEP: 5,
  AT_LEAST_ONE_SEP: 6,
};
const METHOD_SHIFT = 8;

export function methodName(number: number): string | undefined {
  return Object.keys(METHODS).find((name) => METHODS[name] === number);
}

/** Keys and functions for chevrotain's cache; `rules`: its numbers of rules, by name. */
export function* lookaheads(
  table: LookaheadTable,
  rules: Readonly<Record<string, number>>,
  types: readonly TokenType[],
): Generator<readonly [key: number, ask: Lookahead]> {
  const numbers = new Map(types.map((type) => [type.name, type.tokenTypeIdx ?? 0]));
  const indices = (names: string) => (names === '' ? [] : names.split(' ').map((name) => numbers.get(name) ?? 0));
  for (const [place, tokens] of Object.entries(table)) {
    const [rule = '', method = '', occurrence] = place.split(' ');
    const key = (rules[rule] ?? 0) | ((METHODS[method] ?? 0) << METHOD_SHIFT) | Number(occurrence);
    yield [key, typeof tokens === 'string' ? optional(indices(tokens)) : alternation(tokens.map(indices))];
  }
}

function optional(tokens: readonly number[]): Lookahead {
  const enters: boolean[] = [];
  for (const i of tokens) enters[i] = true;
  return function (this) {
    return enters[this.LA(1).tokenTypeIdx] === true;
  };
}

/** The first alternative that begins with the token, and whose gate lets it. */
function alternation(alternatives: readonly (readonly number[])[]): Lookahead {
  const ways: number[][] = [];
  alternatives.forEach((tokens, way) => {
    for (const i of tokens) {
      const list = ways[i];
      if (list === undefined) ways[i] = [way];
      else list.push(way);
    }
  });
  return function (this, given) {
    const list = ways[this.LA(1).tokenTypeIdx];
    if (list === undefined) return undefined;
    for (const way of list) if (given?.[way]?.GATE?.call(this) !== false) return way;
    return undefined;
  };
}
