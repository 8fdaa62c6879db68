/** What the parts of the scanner share: where they read and where tokens, comments and problems go. */
import type { TokenType } from './chevrotain.js';
import { Directives } from './directives.js';
import type { Problem, Span } from './problem.js';
import { Reader } from './reader.js';
import type { ParseOptions } from './source.js';
import { T, type Token } from './tokens.js';
import type { Comment, Compat } from './tree.js';

export class ScanOutput {
  readonly reader = new Reader();
  readonly tokens: Token[] = [];
  readonly comments: Comment[] = [];
  readonly problems: Problem[] = [];
  readonly directives: Directives;
  /** By the last marker. */
  mode: Compat = 'MAXCOMPAT';
  /** The string that reaches to the end of the script. */
  unclosed: Problem | undefined;
  /** The last thing read before the end, blanks and comments included. */
  last: Span | undefined;
  /** Whether the next token is the first on its line. */
  firstOnLine = true;
  /** Whether the blanks behind a string held a newline. */
  pendingNewline = false;

  constructor(options: ParseOptions) {
    this.directives = new Directives(options, this.reader, this.problems);
  }

  emit(type: TokenType, start: number, end: number, image = this.reader.text.slice(start, end)): void {
    const r = this.reader;
    r.begin(start);
    r.pos = end;
    r.mark();
    this.push(type, image, image);
  }

  /** Appends a token whose place has been marked. */
  push(type: TokenType, image: string, value: number | string): void {
    const span = this.reader.span();
    const wrong = type === T.String ? this.directives.string(String(value), span) : undefined;
    this.tokens.push({
      tokenType: type,
      tokenTypeIdx: type.tokenTypeIdx as number,
      image,
      startOffset: span.order,
      span,
      value,
      firstOnLine: this.firstOnLine,
      wrong,
    });
    this.firstOnLine = false;
    if (type !== T.String) this.directives.token(type, image);
  }
}
