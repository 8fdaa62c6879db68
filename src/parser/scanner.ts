/** Text to tokens, with the preprocessor at work in between (language.md, sections 2 and 3). */
import type { TokenType } from './chevrotain.js';
import { Directives } from './directives.js';
import type { Problem, Span } from './problem.js';
import { parseProblem } from './problems.js';
import { Reader } from './reader.js';
import type { ParseOptions } from './source.js';
import {
  ATTRIBUTE,
  ATTRIBUTE_CLASS,
  BLANK,
  CLASS,
  COLON_WORDS,
  COMMENT_MARK,
  EVENT_NAME,
  SELECT,
  SYMBOL_TABLE,
  VARIABLE_NAME,
  WORD,
} from './symbols.js';
import { KEYWORDS, T, type Token } from './tokens.js';
import type { Comment, Compat } from './tree.js';
import { IPV6, numberValue, resolveEscapes } from './words.js';

export interface Scan {
  readonly tokens: Token[];
  readonly comments: Comment[];
  readonly problems: Problem[];
  /** Where the text ends: the last thing read before the end, as Kamailio gives it. */
  readonly end: Span;
  readonly compat: { readonly order: number; readonly mode: Compat }[];
  readonly defines: ReadonlyMap<string, string>;
  readonly sources: ReadonlyMap<string, string>;
  /** A string that reaches to the end of the script: an error only if something is missing there. */
  readonly unclosed: Problem | undefined;
}

/** Enough for any script a person or a generator writes, and an end for defines that double each other. */
const MAX_EXPANSIONS = 100_000;

export class Scanner {
  readonly #r = new Reader();
  readonly #tokens: Token[] = [];
  readonly #comments: Comment[] = [];
  readonly #problems: Problem[] = [];
  readonly #compat: { order: number; mode: Compat }[] = [];
  readonly #directives: Directives;
  #mode: Compat = 'MAXCOMPAT';
  #unclosed: Problem | undefined;
  #expansions = 0;
  #firstOnLine = true;
  /** The last thing read, blanks and comments included. */
  #last: Span | undefined;

  constructor(options: ParseOptions) {
    this.#directives = new Directives(options, this.#r, this.#problems);
  }

  scan(file: string): Scan {
    const directives = this.#directives;
    directives.start(file);
    for (;;) {
      while (this.#r.pos < this.#r.text.length) this.#next();
      const inFile = !this.#r.isDefine;
      if (inFile) this.#last = this.#unclosed?.span ?? this.#endOfText();
      if (!this.#r.pop()) break;
      directives.goOnSkipping();
    }
    directives.finish();
    return {
      tokens: this.#tokens,
      comments: this.#comments,
      problems: this.#problems,
      end: this.#last as Span,
      compat: this.#compat,
      defines: directives.defines,
      sources: directives.sources,
      unclosed: this.#unclosed,
    };
  }

  /** Reads one token, comment, directive or run of blanks. */
  #next(): void {
    const r = this.#r;
    const { text, pos } = r;
    const code = text.charCodeAt(pos);
    switch (CLASS[code]) {
      case BLANK:
        r.pos = pos + 1;
        return;
      case WORD:
        this.#word(pos);
        return;
      default:
    }
    switch (code) {
      case 10:
        r.newline(pos);
        r.pos = pos + 1;
        this.#firstOnLine = true;
        return;
      case 34: // "
        this.#doubleQuoted(pos);
        return;
      case 39: // '
        this.#singleQuoted(pos);
        return;
      case 36: // $
        this.#variable(pos);
        return;
      case 35: // #
        if (!this.#directive(pos)) this.#lineComment(pos);
        return;
      case 33: // !
        if (text.charCodeAt(pos + 1) === 33 && this.#directive(pos)) return;
        break;
      case 47: // /
        if (text.charCodeAt(pos + 1) === 47) {
          if (!this.#marker(pos)) this.#lineComment(pos);
          return;
        }
        if (text.charCodeAt(pos + 1) === 42) {
          this.#blockComment(pos);
          return;
        }
        break;
      case 64: // @
        SELECT.lastIndex = pos;
        if (SELECT.test(text)) {
          this.#emit(T.Select, pos, SELECT.lastIndex);
          return;
        }
        this.#emit(T.Bad, pos, pos + 1);
        return;
      case 58: // :
        if (this.#ipv6(pos, 0)) return;
        break;
      case 92: // backslash
        if (text.charCodeAt(pos + 1) === 10) {
          r.newline(pos + 1);
          r.pos = pos + 2;
          return;
        }
        break;
      default:
    }
    this.#symbol(pos, code);
  }

  #symbol(pos: number, code: number): void {
    const { text } = this.#r;
    for (const [symbol, type] of SYMBOL_TABLE[code] ?? []) {
      if (symbol.length === 1 || text.startsWith(symbol, pos)) {
        this.#emit(type, pos, pos + symbol.length, symbol);
        return;
      }
    }
    this.#stray(pos);
  }

  /** Kamailio prints a character that begins no token, and goes on. */
  #stray(pos: number): void {
    const r = this.#r;
    r.begin(pos);
    let end = pos + 1;
    // High bytes come in groups: one letter of UTF-8 is one problem.
    if (r.text.charCodeAt(pos) > 127) while (end < r.text.length && r.text.charCodeAt(end) > 127) end += 1;
    r.pos = end;
    r.mark();
    const what = JSON.stringify(r.text.slice(pos, end));
    if (this.#problems.length < 1000) this.#problems.push(parseProblem('stray-character', { what }, r.span()));
  }

  #emit(type: TokenType, start: number, end: number, image = this.#r.text.slice(start, end)): void {
    const r = this.#r;
    r.begin(start);
    r.pos = end;
    r.mark();
    this.#push(type, image, image);
  }

  /** Appends a token whose place has been marked. */
  #push(type: TokenType, image: string, value: number | string): void {
    const span = this.#r.span();
    const wrong = type === T.String ? this.#directives.string(String(value), span) : undefined;
    this.#tokens.push({
      tokenType: type,
      tokenTypeIdx: type.tokenTypeIdx as number,
      image,
      startOffset: span.order,
      span,
      value,
      firstOnLine: this.#firstOnLine,
      wrong,
    });
    this.#firstOnLine = false;
    if (type !== T.String) this.#directives.token(type, image);
  }

  #word(pos: number): void {
    const r = this.#r;
    const { text } = r;
    let end = pos + 1;
    while (CLASS[text.charCodeAt(end)] === WORD) end += 1;
    const next = text.charCodeAt(end);
    if (next === 58 && end - pos <= 4 && this.#ipv6(pos, end - pos)) return;
    const word = text.slice(pos, end);
    const keyword = KEYWORDS.get(word);
    if (keyword) {
      this.#keyword(keyword, word, pos, end);
      return;
    }
    if (next === 58) {
      for (const [rest, type] of COLON_WORDS.get(word) ?? []) {
        if (text.startsWith(rest, end)) {
          this.#emit(type, pos, end + rest.length);
          return;
        }
      }
    }
    const first = text.charCodeAt(pos);
    if (first >= 48 && first <= 57) {
      const value = numberValue(word);
      r.begin(pos);
      r.pos = end;
      r.mark();
      this.#push(value === undefined ? T.NumId : T.Number, word, value ?? word);
      return;
    }
    const define = this.#directives.defines.get(word);
    if (define === undefined) this.#emit(T.Id, pos, end, word);
    else this.#expand(word, define, pos, end);
  }

  #keyword({ type, value }: { type: TokenType; value?: number }, word: string, pos: number, end: number): void {
    const r = this.#r;
    if (word === 'uri' && r.text.charCodeAt(end) === 58) {
      for (const [rest, other] of COLON_WORDS.get('uri') ?? []) {
        if (r.text.startsWith(rest, end)) {
          this.#emit(other, pos, end + rest.length);
          return;
        }
      }
    }
    if (type === T.Keyword && (word === 'include_file' || word === 'import_file')) {
      r.pos = end;
      this.#directives.include(word === 'import_file');
      return;
    }
    r.begin(pos);
    r.pos = end;
    r.mark();
    this.#push(type, word, value ?? word);
    if (type === T.EventRoute) this.#eventName();
  }

  #expand(word: string, value: string, pos: number, end: number): void {
    const r = this.#r;
    r.pos = end;
    this.#expansions += 1;
    if (this.#expansions > MAX_EXPANSIONS) {
      if (this.#expansions === MAX_EXPANSIONS + 1) this.#problem('too-many-expansions', {}, pos);
      return;
    }
    if (value === '' || r.expand(word, value, pos)) return;
    this.#problem('endless-define', { name: word }, pos);
  }

  /** Takes an IPv6 address at `pos` if it is longer than `least`. */
  #ipv6(pos: number, least: number): boolean {
    IPV6.lastIndex = pos;
    const { text } = this.#r;
    const match = IPV6.exec(text)?.[0] ?? '';
    if (match.length <= least) return false;
    this.#emit(T.Ipv6, pos, pos + match.length, match);
    return true;
  }

  #doubleQuoted(pos: number): void {
    const r = this.#r;
    r.begin(pos);
    let value = '';
    let start = pos;
    for (;;) {
      const end = this.#closingQuote(start + 1);
      if (end < 0) {
        if (r.extend()) continue;
        this.#unclosedString(pos);
        return;
      }
      const raw = r.text.slice(start + 1, end);
      value += raw.includes('\\') ? resolveEscapes(raw) : raw;
      r.newlines(start, end);
      r.pos = end + 1;
      r.mark();
      start = this.#nextPiece();
      if (start < 0) break;
    }
    this.#string('"', value);
  }

  /** Offset of the quote that ends a string, or -1. */
  #closingQuote(from: number): number {
    const { text } = this.#r;
    for (let i = from; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      if (code === 34) return i;
      if (code === 92) i += 1;
    }
    return -1;
  }

  /** Goes over blanks and newlines to another piece of the same string; -1 when something else follows. */
  #nextPiece(): number {
    const r = this.#r;
    for (;;) {
      while (r.pos < r.text.length) {
        const code = r.text.charCodeAt(r.pos);
        if (code === 10) {
          r.newline(r.pos);
          this.#pendingNewline = true;
        } else if (CLASS[code] !== BLANK) break;
        r.pos += 1;
      }
      if (r.pos < r.text.length) return r.text.charCodeAt(r.pos) === 34 ? r.pos : -1;
      if (!r.isDefine || !r.pop()) return -1;
    }
  }
  /** Whether the blanks behind a string held a newline. */
  #pendingNewline = false;

  #singleQuoted(pos: number): void {
    const r = this.#r;
    r.begin(pos);
    let end = r.text.indexOf("'", pos + 1);
    while (end < 0 && r.extend()) end = r.text.indexOf("'", pos + 1);
    if (end < 0) {
      this.#unclosedString(pos);
      return;
    }
    r.newlines(pos, end);
    r.pos = end + 1;
    r.mark();
    this.#string("'", r.text.slice(pos + 1, end));
  }

  /** A NUL byte ends the value, as in C. */
  #string(quote: string, value: string): void {
    const nul = value.indexOf('\0');
    this.#push(T.String, quote, this.#directives.substitute(nul < 0 ? value : value.slice(0, nul)));
    this.#firstOnLine = this.#pendingNewline;
    this.#pendingNewline = false;
  }

  #unclosedString(pos: number): void {
    const r = this.#r;
    r.newlines(pos, r.text.length);
    r.pos = r.text.length;
    r.mark();
    const hint = 'the string that begins here has no closing quote';
    const problem = parseProblem('unclosed-string', {}, r.span(), { hint });
    if (r.depth === 0) this.#unclosed = problem;
    else this.#problems.push(problem);
  }

  #variable(pos: number): void {
    const r = this.#r;
    const { text } = r;
    const next = text.charCodeAt(pos + 1);
    if (next === 40) {
      this.#variableInParens(pos, pos + 1);
      return;
    }
    const fixed =
      next === 63 ? '$?' : text.startsWith('$retcode', pos) ? '$retcode' : text.startsWith('$rc', pos) && '$rc';
    if (fixed) {
      this.#emit(T.Variable, pos, pos + fixed.length, fixed);
      return;
    }
    ATTRIBUTE_CLASS.lastIndex = pos + 1;
    const isClass = this.#mode !== 'KAMAILIO' && ATTRIBUTE_CLASS.test(text);
    VARIABLE_NAME.lastIndex = pos + 1;
    if (!VARIABLE_NAME.test(text)) {
      this.#emit(T.Bad, pos, pos + 1);
      return;
    }
    let end = VARIABLE_NAME.lastIndex;
    if (isClass || (this.#mode !== 'KAMAILIO' && text.charCodeAt(end) === 91)) {
      ATTRIBUTE.lastIndex = pos + 1;
      ATTRIBUTE.test(text);
      end = ATTRIBUTE.lastIndex;
    } else if (text.charCodeAt(end) === 40) {
      this.#variableInParens(pos, end);
      return;
    }
    r.begin(pos);
    r.pos = end;
    r.mark();
    const image = text.slice(pos, end);
    this.#push(T.Variable, image, this.#directives.substitute(image));
  }

  /** `$…(` up to the matching parenthesis, which must be on the same line. */
  #variableInParens(pos: number, from: number): void {
    const r = this.#r;
    r.begin(pos);
    let open = 0;
    let i = from;
    for (; i < r.text.length || r.extend(); i += 1) {
      const code = r.text.charCodeAt(i);
      if (code === 40) open += 1;
      else if (code === 41) {
        open -= 1;
        if (open === 0) break;
      } else if (code === 10) break;
    }
    const closed = open === 0 && i < r.text.length;
    r.pos = closed ? i + 1 : this.#endOfBroken(from, i);
    r.mark();
    const image = r.text.slice(pos, r.pos);
    if (closed) {
      this.#push(T.Variable, image, this.#directives.substitute(image));
      return;
    }
    const hint = `the parenthesis of ${image} is not closed on its line`;
    this.#problems.push(parseProblem('unclosed-variable', { open }, r.span(), { hint }));
    this.#push(T.Variable, image, `${image}${')'.repeat(open)}`);
  }

  /** Where a variable without closing parenthesis probably ends: behind the word in it. */
  #endOfBroken(from: number, lineEnd: number): number {
    const { text } = this.#r;
    let i = from + 1;
    while (i < lineEnd && /[\w$(.:-]/.test(text.charAt(i))) i += 1;
    return i;
  }

  #eventName(): void {
    const r = this.#r;
    for (;;) {
      while (r.pos < r.text.length && (CLASS[r.text.charCodeAt(r.pos)] === BLANK || r.text.charCodeAt(r.pos) === 10)) {
        if (r.text.charCodeAt(r.pos) === 10) r.newline(r.pos);
        r.pos += 1;
      }
      if (r.pos < r.text.length || !r.isDefine || !r.pop()) break;
    }
    if (r.text.charCodeAt(r.pos) !== 91) return;
    this.#emit(T.LBracket, r.pos, r.pos + 1);
    const close = r.text.indexOf(']', r.pos);
    const end = close < 0 ? r.text.length : close;
    const inside = r.text.slice(r.pos, end);
    if (inside.includes('{') || close < 0) return;
    const from = r.pos;
    let count = 0;
    for (const match of inside.matchAll(EVENT_NAME)) {
      const at = from + match.index;
      r.newlines(r.pos, at);
      this.#emit(T.EventName, at, at + match[0].length);
      count += 1;
    }
    if (count === 0 && inside.trim() !== '') this.#emit(T.Bad, from, end);
    r.newlines(r.pos, end);
    r.pos = end;
  }

  #directive(pos: number): boolean {
    if (this.#marker(pos)) return true;
    const type = this.#directives.read(pos);
    if (type === 'none') return false;
    if (type === 'subst') this.#emit(T.Subst, pos, this.#r.pos);
    else this.#firstOnLine = true;
    return true;
  }

  #marker(pos: number): boolean {
    const mode = this.#directives.marker(pos);
    if (!mode) return false;
    this.#mode = mode;
    this.#compat.push({ order: this.#r.order, mode });
    this.#firstOnLine = true;
    return true;
  }

  #lineComment(pos: number): void {
    const r = this.#r;
    this.#directives.nearMiss(pos);
    r.begin(pos);
    const lf = r.text.indexOf('\n', pos);
    r.pos = lf < 0 ? r.text.length : lf;
    r.mark();
    this.#comments.push({ text: r.text.slice(pos, r.pos), span: r.span() });
  }

  #blockComment(pos: number): void {
    const r = this.#r;
    r.begin(pos);
    let depth = 0;
    /** The depth at `start`: more than 0 when the comment was opened in an include. */
    let outer = 0;
    COMMENT_MARK.lastIndex = pos;
    let start = pos;
    for (;;) {
      const mark = COMMENT_MARK.exec(r.text);
      if (mark) {
        depth += mark[0] === '/*' ? 1 : -1;
        if (depth > 0) continue;
        r.newlines(start, COMMENT_MARK.lastIndex);
        r.pos = COMMENT_MARK.lastIndex;
        r.mark();
        this.#comments.push({ text: r.text.slice(start, r.pos), span: r.span() });
        return;
      }
      if (r.extend()) {
        // Marks may join over the seam; begin again.
        depth = outer;
        COMMENT_MARK.lastIndex = start;
        continue;
      }
      r.newlines(start, r.text.length);
      r.pos = r.text.length;
      r.mark();
      const span = r.span();
      this.#comments.push({ text: r.text.slice(start), span });
      this.#problems.push(
        parseProblem('unclosed-comment', { depth }, span, { hint: 'block comments nest: each /* needs its own */' }),
      );
      this.#last = span;
      // An unclosed comment in an include goes on behind it.
      if (!r.pop()) return;
      outer = depth;
      start = r.pos;
      r.begin(start);
      COMMENT_MARK.lastIndex = start;
    }
  }

  #problem(code: 'endless-define' | 'too-many-expansions', values: Record<string, string>, pos: number): void {
    const r = this.#r;
    r.begin(pos);
    r.mark();
    this.#problems.push(parseProblem(code, values, r.span()));
  }

  /** The last thing before the end: a newline reaches into the line behind it. */
  #endOfText(): Span {
    const r = this.#r;
    const { text } = r;
    const last = this.#tokens.at(-1);
    if (text.endsWith('\n')) {
      const lines = r.line;
      const start = text.lastIndexOf('\n', text.length - 2) + 1;
      return {
        file: r.file,
        line: lines - 1,
        column: text.length - start,
        endLine: lines,
        endColumn: 0,
        order: r.next(),
      };
    }
    if (
      last?.span.file === r.file &&
      last.span.endLine === r.line &&
      last.span.endColumn >= text.length - r.lineStart
    ) {
      return { ...last.span, order: r.next() };
    }
    r.begin(Math.max(0, text.length - 1));
    r.pos = text.length;
    r.mark();
    return r.span();
  }
}
