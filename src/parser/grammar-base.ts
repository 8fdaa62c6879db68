/** What all grammar rules share: looking ahead, reporting, and going on after an error. */
import {
  EarlyExitException,
  EmbeddedActionsParser,
  EOF,
  type IParserErrorMessageProvider,
  NoViableAltException,
  type TokenType,
} from './chevrotain.js';
import { hintFor, type Notice } from './explain.js';
import { type Lookahead, type LookaheadTable, lookaheads } from './lookahead.js';
import { join, NOWHERE, type Problem, type Span } from './problem.js';
import { type ParseProblemCode, parseProblem } from './problems.js';
import { T, TOKEN_TYPES, type Token } from './tokens.js';
import type { BlockKind } from './tree.js';

/** Leaves the rules up to the one that knows how to go on; the problem has been reported. */
export class Panic extends Error {}

const SILENT: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: () => '',
  buildNotAllInputParsedMessage: () => '',
  buildNoViableAltMessage: () => '',
  buildEarlyExitMessage: () => '',
};

/** More than this many errors in one script say nothing new. */
const MAX_ERRORS = 100;
/** Blocks and parentheses within each other; each costs some stack. */
const MAX_DEPTH = 200;

export abstract class GrammarBase extends EmbeddedActionsParser {
  problems: Problem[] = [];
  /** Where the text ends. */
  end: Span = NOWHERE;
  /** The kind of block that is being read. */
  protected blockKind: BlockKind | undefined;
  protected callDepth = 0;
  /** How many switch statements are open in this block. */
  protected inSwitch = 0;
  /** First token of the statement that is being read. */
  protected statementStart: Token | undefined;
  #depth = 0;
  #errors = 0;
  #lastError: unknown;

  // Chevrotain's own, which its types do not name.
  declare protected fullRuleNameToShort: Record<string, number>;
  declare protected lookAheadFuncsCache: Map<number, Lookahead>;
  declare protected selfAnalysisDone: boolean;

  /** `validate`: look for mistakes in the grammar itself; slow, for the tests. */
  constructor(validate = false) {
    super(TOKEN_TYPES, {
      maxLookahead: 1,
      recoveryEnabled: false,
      skipValidations: !validate,
      errorMessageProvider: SILENT,
    });
  }

  /** In place of `performSelfAnalysis`, for rules whose analysis is in a table. */
  protected takeAnalysis(table: LookaheadTable): void {
    const types = [...TOKEN_TYPES, EOF];
    for (const [key, ask] of lookaheads(table, this.fullRuleNameToShort, types)) this.lookAheadFuncsCache.set(key, ask);
    this.selfAnalysisDone = true;
  }

  // Chevrotain's look at the rules for the texts of these errors; nobody reads them here, and after `takeAnalysis` there
  // is nothing to look at.
  protected raiseNoAltException(): never {
    throw new NoViableAltException('', this.LA(1), this.LA(0));
  }

  protected raiseEarlyExitException(): never {
    throw new EarlyExitException('', this.LA(1), this.LA(0));
  }

  start(tokens: Token[], end: Span, problems: Problem[]): void {
    this.input = tokens;
    this.end = end;
    this.problems = problems;
    this.blockKind = undefined;
    this.statementStart = undefined;
    this.callDepth = 0;
    this.inSwitch = 0;
    this.#depth = 0;
    this.#errors = 0;
    this.#lastError = undefined;
  }

  protected type(ahead: number): TokenType {
    return this.LA(ahead).tokenType;
  }

  protected token(ahead: number): Token | undefined {
    const token = this.LA(ahead);
    return 'span' in token ? (token as Token) : undefined;
  }

  protected spanAt(ahead: number): Span {
    return this.token(ahead)?.span ?? this.end;
  }

  /** From `start` to the last token read. */
  protected from(start: Span): Span {
    return join(start, this.spanAt(0));
  }

  protected get atEnd(): boolean {
    return this.token(1) === undefined;
  }

  // -------------------------------------------------------------- reporting

  protected problem(
    code: ParseProblemCode,
    values: Readonly<Record<string, string | number>>,
    span: Span,
    extra: { hint?: string; cause?: Problem['cause'] } = {},
  ): void {
    // What is found late stands behind what was found before it, wherever it points.
    const order = Math.max(span.order, this.token(0)?.span.order ?? 0);
    const problem = parseProblem(code, values, order === span.order ? span : { ...span, order }, extra);
    if (this.#errors > MAX_ERRORS) return;
    this.problems.push(problem);
    if (problem.severity !== 'error') return;
    this.#errors += 1;
    if (this.#errors <= MAX_ERRORS) return;
    this.problems.push(parseProblem('too-many-errors', {}, problem.span));
    this.skipAll();
  }

  private skipAll(): void {
    while (!this.atEnd) this.SKIP_TOKEN();
  }

  /** Reports the next token, once; `text` is what the rule says. */
  protected syntaxError(text: string, notice: Omit<Notice, 'previous' | 'at' | 'next' | 'text'> = {}): void {
    const at = this.LA(1);
    if (at === this.#lastError) return;
    this.#lastError = at;
    const { hint, cause } = hintFor({
      start: this.statementStart,
      previous: this.token(0),
      at: this.token(1),
      next: this.token(2),
      tokens: this.input as Token[],
      text,
      ...notice,
    });
    this.problem('syntax-error', { text: text === '' ? '' : `: ${text}` }, this.spanAt(1), {
      ...(hint === undefined ? {} : { hint }),
      ...(cause === undefined ? {} : { cause }),
    });
  }

  /** Reports a token that has been read already. */
  protected errorAt(token: Token, text: string, hint: string): void {
    if (token === this.#lastError) return;
    this.#lastError = token;
    this.problem('syntax-error', { text: text === '' ? '' : `: ${text}` }, token.span, hint === '' ? {} : { hint });
  }

  protected panic(text: string, notice: Omit<Notice, 'previous' | 'at' | 'next' | 'text'> = {}): never {
    this.syntaxError(text, notice);
    throw new Panic();
  }

  /** Consumes a token of this type; anything else is an error of the rule. */
  protected need(index: number, type: TokenType, text: string, notice?: Parameters<GrammarBase['panic']>[1]): Token {
    if (!this.RECORDING_PHASE && this.type(1) !== type) this.panic(text, notice);
    return this.consume(index, type) as Token;
  }

  /** After an exception of a rule: reports it if nobody has. Anything but an error of the grammar goes on upwards. */
  protected caught(error: unknown, text: string): void {
    if (error instanceof Panic) return;
    if (!isGrammarError(error)) throw error;
    this.syntaxError(text);
  }

  /** A level deeper; too many of them end the parse before they end the stack. */
  protected nested<R>(run: () => R): R {
    if (this.RECORDING_PHASE) return run();
    if (this.#depth >= MAX_DEPTH) {
      this.problem('too-deep', { limit: MAX_DEPTH }, this.spanAt(1));
      this.skipAll();
      this.#lastError = this.LA(1);
      throw new Panic();
    }
    this.#depth += 1;
    try {
      return run();
    } finally {
      this.#depth -= 1;
    }
  }

  // --------------------------------------------------------------- going on

  /** Whether a route block begins here: then whatever was open before is not closed. */
  protected get atBlock(): boolean {
    const token = this.token(1);
    if (!token?.firstOnLine || !ROUTE_WORDS.has(token.tokenType)) return false;
    const next = this.type(2);
    if (next === T.LBrace) return true;
    return next === T.LBracket && (this.type(5) === T.LBrace || token.tokenType !== T.Route);
  }

  /** Skips the rest of a statement that could not be read, `;` included. */
  protected skipStatement(): void {
    let parens = 0;
    let braces = 0;
    for (let first = true; !this.atEnd; first = false) {
      const type = this.type(1);
      if (this.atBlock) return;
      if (braces === 0) {
        if (type === T.RBrace || (type === T.Case && this.inSwitch > 0)) return;
        if (type === T.Semicolon && parens <= 0) {
          this.SKIP_TOKEN();
          return;
        }
        if (!first && parens <= 0 && this.token(1)?.firstOnLine && this.#beginsStatement()) return;
      }
      if (type === T.LParen) parens += 1;
      else if (type === T.RParen) parens -= 1;
      else if (type === T.LBrace) braces += 1;
      this.SKIP_TOKEN();
      if (type === T.RBrace) {
        braces -= 1;
        if (braces === 0 && this.type(1) !== T.Else) return;
      }
    }
  }

  #beginsStatement(): boolean {
    const type = this.type(1);
    const next = this.type(2);
    if (type === T.Variable) return next === T.Equal;
    if (type === T.Id || type === T.CoreStatement || type === T.Route) return next === T.LParen;
    return STATEMENT_WORDS.has(type);
  }

  /** Whether what follows can only be a statement of its own, on a line of its own. */
  protected get atNewStatement(): boolean {
    return this.token(1)?.firstOnLine === true && this.#beginsStatement();
  }

  /** Skips what could not be read at the top level of the file. */
  protected skipItem(): void {
    let braces = 0;
    for (let first = true; !this.atEnd; first = false) {
      const type = this.type(1);
      if (this.atBlock) return;
      if (braces === 0 && !first) {
        if (type === T.Semicolon) {
          this.SKIP_TOKEN();
          return;
        }
        if (this.token(1)?.firstOnLine && this.#beginsItem()) return;
      }
      if (type === T.LBrace) braces += 1;
      this.SKIP_TOKEN();
      if (type === T.Semicolon && first) return;
      if (type === T.RBrace) {
        braces -= 1;
        if (braces <= 0) return;
      }
    }
  }

  #beginsItem(): boolean {
    const type = this.type(1);
    const next = this.type(2);
    if (type === T.CoreParam || type === T.ParamAndStatement || type === T.Listen) return next === T.Equal;
    if (type === T.Id) return next === T.Dot || next === T.Equal;
    return ITEM_WORDS.has(type);
  }
}

const STATEMENT_WORDS: ReadonlySet<TokenType> = new Set([T.If, T.While, T.Switch, T.Leave, T.Break]);
const ITEM_WORDS: ReadonlySet<TokenType> = new Set([
  T.LoadModule,
  T.LoadPath,
  T.CfgEngine,
  T.ModParam,
  T.Flags,
  T.AvpFlags,
  T.Kemi,
  T.Subst,
]);

const ROUTE_WORDS: ReadonlySet<TokenType> = new Set([T.Route, T.MainRoute, T.NamedRoute, T.EventRoute]);

const GRAMMAR_ERRORS = new Set([
  'MismatchedTokenException',
  'NoViableAltException',
  'EarlyExitException',
  'NotAllInputParsedException',
]);

function isGrammarError(error: unknown): error is Error {
  return error instanceof Error && GRAMMAR_ERRORS.has(error.name);
}
