/**
 * Runs the grammar: the part of chevrotain's parser that the rules use, under the same names. Loading chevrotain and letting
 * it work out the rules is more time than all the rest of a start, and its result is always the same; so it does that when
 * the grammar is changed (scripts/gen-grammar.mjs, tests), and the table it leaves is read here.
 */

import { EarlyExitException, isGrammarError, MismatchedTokenException, NoViableAltException } from './grammar-error.js';

export interface TokenType {
  readonly name: string;
  readonly tokenTypeIdx: number;
  readonly CATEGORIES: readonly TokenType[];
}

export interface IToken {
  readonly tokenType: TokenType;
  readonly tokenTypeIdx: number;
  readonly image: string;
  readonly startOffset: number;
}

/** By rule, method and its number (`item OR 0`): names of tokens, of each alternative or of what may follow. */
export type LookaheadTable = Readonly<Record<string, string | readonly string[]>>;

/** For each number of a token type: may the part begin with it, or which alternatives do. */
type Entering = readonly (boolean | undefined)[];
type Ways = readonly (readonly number[] | undefined)[];

/** What the table says of one rule: by the methods and their numbers. */
interface Rule {
  readonly [method: string]: (Entering | Ways | undefined)[];
}

interface Alternative<T> {
  readonly ALT: () => T;
  readonly GATE?: () => boolean;
}

type Alternatives<T> = readonly Alternative<T>[] | { readonly DEF: readonly Alternative<T>[] };
type Part<T> = (() => T) | { readonly DEF: () => T; readonly GATE?: () => boolean };
interface Separated {
  readonly SEP: TokenType;
  readonly DEF: () => void;
}
interface Arguments<A> {
  readonly ARGS: A;
}

class Kind implements TokenType {
  readonly name: string;
  readonly tokenTypeIdx: number;
  readonly CATEGORIES: readonly Kind[];
  /** Numbers of the types that are of this one: its own, and those of which it is a category. */
  readonly members: boolean[] = [];

  constructor(name: string, tokenTypeIdx: number, categories: readonly Kind[]) {
    this.name = name;
    this.tokenTypeIdx = tokenTypeIdx;
    this.CATEGORIES = categories;
    this.#join(this);
  }

  #join(member: Kind): void {
    this.members[member.tokenTypeIdx] = true;
    for (const category of this.CATEGORIES) category.#join(member);
  }
}

const NO_CATEGORIES: readonly Kind[] = [];
let numbers = 0;

export function createToken({ name, categories }: { name: string; categories?: readonly TokenType[] }): TokenType {
  numbers += 1;
  return new Kind(name, numbers, (categories as readonly Kind[] | undefined) ?? NO_CATEGORIES);
}

/** What stands behind the last token. */
export const EOF: TokenType = createToken({ name: 'EOF' });
const END: IToken = { tokenType: EOF, tokenTypeIdx: EOF.tokenTypeIdx, image: '', startOffset: 0 };

export abstract class EmbeddedActionsParser {
  /** The rules run, and are not being looked at by chevrotain. */
  readonly RECORDING_PHASE: boolean = false;
  #tokens: readonly IToken[] = [];
  #at = -1;
  readonly #types: readonly TokenType[];
  readonly #table: LookaheadTable;
  readonly #rules = new Map<string, Rule>();
  #rule: Rule = {};
  #depth = 0;

  constructor(types: readonly TokenType[], { lookahead }: { readonly lookahead: LookaheadTable }) {
    this.#types = types;
    this.#table = lookahead;
  }

  set input(tokens: readonly IToken[]) {
    this.#tokens = tokens;
    this.#at = -1;
    this.#depth = 0;
  }

  get input(): readonly IToken[] {
    return this.#tokens;
  }

  /** Reads the table, when all rules are there. */
  protected performSelfAnalysis(): void {
    const byName = new Map([...this.#types, EOF].map((type) => [type.name, type.tokenTypeIdx]));
    const numbersOf = (names: string) => (names === '' ? [] : names.split(' ').map((name) => byName.get(name) ?? 0));
    for (const [place, tokens] of Object.entries(this.#table)) {
      const [rule = '', method = '', occurrence] = place.split(' ');
      const methods = this.#rules.get(rule);
      if (methods === undefined) throw new Error(`the table of the grammar is of another grammar: no rule ${rule}`);
      methods[method]![Number(occurrence)] =
        typeof tokens === 'string' ? entering(numbersOf(tokens)) : ways(tokens.map(numbersOf));
    }
  }

  /** The token `howMuch` ahead; 0: the one read last. */
  protected LA(howMuch: number): IToken {
    return this.#tokens[this.#at + howMuch] ?? END;
  }

  protected SKIP_TOKEN(): void {
    if (this.#at < this.#tokens.length - 1) this.#at += 1;
  }

  protected ACTION<T>(run: () => T): T {
    return run();
  }

  protected RULE<A extends unknown[], R>(name: string, run: (...args: A) => R): (...args: A) => R {
    const rule: Rule = { OR: [], OPTION: [], MANY: [], MANY_SEP: [], AT_LEAST_ONE: [], AT_LEAST_ONE_SEP: [] };
    this.#rules.set(name, rule);
    return (...args) => {
      const outer = this.#rule;
      this.#rule = rule;
      this.#depth += 1;
      try {
        return run(...args);
      } catch (error) {
        if (this.#depth > 1 || !isGrammarError(error)) throw error;
        this.#at = this.#tokens.length - 1;
        return undefined as R;
      } finally {
        this.#depth -= 1;
        this.#rule = outer;
      }
    };
  }

  protected SUBRULE<A extends unknown[], R>(rule: (...args: A) => R, given?: Arguments<A>): R {
    return given === undefined ? (rule as () => R)() : rule(...given.ARGS);
  }

  protected consume(_occurrence: number, type: TokenType): IToken {
    const next = this.LA(1);
    if ((type as Kind).members[next.tokenTypeIdx] !== true) throw new MismatchedTokenException();
    this.#at += 1;
    return next;
  }

  protected CONSUME(type: TokenType): IToken {
    return this.consume(0, type);
  }

  protected or<T>(occurrence: number, given: Alternatives<T>): T {
    const alternatives = 'DEF' in given ? given.DEF : given;
    const open = (this.#rule.OR as Ways[])[occurrence]![this.LA(1).tokenTypeIdx];
    if (open !== undefined) {
      for (const way of open) {
        const alternative = alternatives[way]!;
        if (alternative.GATE === undefined || alternative.GATE()) return alternative.ALT();
      }
    }
    throw new NoViableAltException();
  }

  protected option<T>(occurrence: number, part: Part<T>): T | undefined {
    return this.#enters('OPTION', occurrence, part) ? run(part) : undefined;
  }

  protected many(occurrence: number, part: Part<unknown>): void {
    while (this.#enters('MANY', occurrence, part) && this.#advances(part));
  }

  protected atLeastOne(occurrence: number, part: Part<unknown>): void {
    if (!this.#enters('AT_LEAST_ONE', occurrence, part)) throw new EarlyExitException();
    while (this.#advances(part) && this.#enters('AT_LEAST_ONE', occurrence, part));
  }

  #enters(method: 'OPTION' | 'MANY' | 'AT_LEAST_ONE', occurrence: number, part: Part<unknown>): boolean {
    if (typeof part !== 'function' && part.GATE !== undefined && !part.GATE()) return false;
    return (this.#rule[method] as Entering[])[occurrence]![this.LA(1).tokenTypeIdx] === true;
  }

  #advances(part: Part<unknown>): boolean {
    const before = this.#at;
    run(part);
    return this.#at > before;
  }

  #separated(method: 'MANY_SEP' | 'AT_LEAST_ONE_SEP', { SEP, DEF }: Separated): boolean {
    if ((this.#rule[method] as Entering[])[0]![this.LA(1).tokenTypeIdx] !== true) return false;
    DEF();
    while ((SEP as Kind).members[this.LA(1).tokenTypeIdx] === true) {
      this.#at += 1;
      DEF();
    }
    return true;
  }

  protected MANY_SEP(part: Separated): void {
    this.#separated('MANY_SEP', part);
  }

  protected AT_LEAST_ONE_SEP(part: Separated): void {
    if (!this.#separated('AT_LEAST_ONE_SEP', part)) throw new EarlyExitException();
  }

  // Several of one kind in a rule have numbers, by which chevrotain tells them apart.

  protected OR<T>(given: Alternatives<T>): T {
    return this.or(0, given);
  }
  protected OR2<T>(given: Alternatives<T>): T {
    return this.or(2, given);
  }
  protected OR3<T>(given: Alternatives<T>): T {
    return this.or(3, given);
  }
  protected OPTION<T>(part: Part<T>): T | undefined {
    return this.option(0, part);
  }
  protected OPTION2<T>(part: Part<T>): T | undefined {
    return this.option(2, part);
  }
  protected OPTION3<T>(part: Part<T>): T | undefined {
    return this.option(3, part);
  }
  protected OPTION4<T>(part: Part<T>): T | undefined {
    return this.option(4, part);
  }
  protected MANY(part: Part<unknown>): void {
    this.many(0, part);
  }
  protected AT_LEAST_ONE(part: Part<unknown>): void {
    this.atLeastOne(0, part);
  }
  protected CONSUME2(type: TokenType): IToken {
    return this.consume(2, type);
  }
  protected SUBRULE2<A extends unknown[], R>(rule: (...args: A) => R, given?: Arguments<A>): R {
    return this.SUBRULE(rule, given);
  }
  protected SUBRULE3<A extends unknown[], R>(rule: (...args: A) => R, given?: Arguments<A>): R {
    return this.SUBRULE(rule, given);
  }
  protected SUBRULE4<A extends unknown[], R>(rule: (...args: A) => R, given?: Arguments<A>): R {
    return this.SUBRULE(rule, given);
  }
  protected SUBRULE5<A extends unknown[], R>(rule: (...args: A) => R, given?: Arguments<A>): R {
    return this.SUBRULE(rule, given);
  }
}

function run<T>(part: Part<T>): T {
  return typeof part === 'function' ? part() : part.DEF();
}

function entering(tokens: readonly number[]): Entering {
  const list: boolean[] = [];
  for (const i of tokens) list[i] = true;
  return list;
}

/** Alternatives in their order, by the token that they begin with. */
function ways(alternatives: readonly (readonly number[])[]): Ways {
  const list: number[][] = [];
  alternatives.forEach((tokens, way) => {
    for (const i of tokens) {
      list[i] ??= [];
      list[i].push(way);
    }
  });
  return list;
}
