/** Text to tokens, with the preprocessor at work in between (language.md, sections 2 and 3). */
import type { TokenType } from './chevrotain.js';
import type { Directives } from './directives.js';
import type { Problem, Span } from './problem.js';
import { parseProblem } from './problems.js';
import type { Reader } from './reader.js';
import { blockComment, lineComment } from './scan-comment.js';
import { ScanOutput } from './scan-output.js';
import { doubleQuoted, singleQuoted } from './scan-string.js';
import { variable } from './scan-variable.js';
import type { ParseOptions } from './source.js';
import { BLANK, CLASS, COLON_WORDS, EVENT_NAME, SELECT, SYMBOL_TABLE, WORD } from './symbols.js';
import { KEYWORDS, T, type Token } from './tokens.js';
import type { Comment, Compat } from './tree.js';
import { IPV6, numberValue } from './words.js';

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

/** No name of an event is near as long. */
const MAX_EVENT_NAME = 1000;

export class Scanner {
  readonly #out: ScanOutput;
  readonly #r: Reader;
  readonly #directives: Directives;
  readonly #compat: { order: number; mode: Compat }[] = [];
  #expansions = 0;
  /** Defines of which it has been said that they lead back to themselves. */
  readonly #endless = new Set<string>();

  constructor(options: ParseOptions) {
    this.#out = new ScanOutput(options);
    this.#r = this.#out.reader;
    this.#directives = this.#out.directives;
  }

  scan(file: string): Scan {
    const directives = this.#directives;
    directives.start(file);
    for (;;) {
      while (this.#r.pos < this.#r.text.length) this.#next();
      const inFile = !this.#r.isDefine;
      if (inFile) this.#out.last = this.#out.unclosed?.span ?? this.#endOfText();
      if (!this.#r.pop()) break;
      directives.goOnSkipping();
    }
    directives.finish();
    return {
      tokens: this.#out.tokens,
      comments: this.#out.comments,
      problems: this.#out.problems,
      end: this.#out.last as Span,
      compat: this.#compat,
      defines: directives.defines,
      sources: directives.sources,
      unclosed: this.#out.unclosed,
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
        this.#out.firstOnLine = true;
        return;
      case 34: // "
        doubleQuoted(this.#out, pos);
        return;
      case 39: // '
        singleQuoted(this.#out, pos);
        return;
      case 36: // $
        variable(this.#out, pos);
        return;
      case 35: // #
        if (!this.#directive(pos)) lineComment(this.#out, pos);
        return;
      case 33: // !
        if (text.charCodeAt(pos + 1) === 33 && this.#directive(pos)) return;
        break;
      case 47: // /
        if (text.charCodeAt(pos + 1) === 47) {
          if (!this.#marker(pos)) lineComment(this.#out, pos);
          return;
        }
        if (text.charCodeAt(pos + 1) === 42) {
          blockComment(this.#out, pos);
          return;
        }
        break;
      case 64: // @
        SELECT.lastIndex = pos;
        if (SELECT.test(text)) {
          this.#out.emit(T.Select, pos, SELECT.lastIndex);
          return;
        }
        this.#out.emit(T.Bad, pos, pos + 1);
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
        this.#out.emit(type, pos, pos + symbol.length, symbol);
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
    if (this.#out.problems.length < 1000) this.#out.problems.push(parseProblem('stray-character', { what }, r.span()));
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
          this.#out.emit(type, pos, end + rest.length);
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
      this.#out.push(value === undefined ? T.NumId : T.Number, word, value ?? word);
      return;
    }
    const define = this.#directives.defines.get(word);
    if (define === undefined) this.#out.emit(T.Id, pos, end, word);
    else this.#expand(word, define, pos, end);
  }

  #keyword({ type, value }: { type: TokenType; value?: number }, word: string, pos: number, end: number): void {
    const r = this.#r;
    if (word === 'uri' && r.text.charCodeAt(end) === 58) {
      for (const [rest, other] of COLON_WORDS.get('uri') ?? []) {
        if (r.text.startsWith(rest, end)) {
          this.#out.emit(other, pos, end + rest.length);
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
    this.#out.push(type, word, value ?? word);
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
    if (!this.#endless.has(word)) this.#problem('endless-define', { name: word }, pos);
    this.#endless.add(word);
  }

  /** Takes an IPv6 address at `pos` if it is longer than `least`. */
  #ipv6(pos: number, least: number): boolean {
    IPV6.lastIndex = pos;
    const { text } = this.#r;
    const match = IPV6.exec(text)?.[0] ?? '';
    if (match.length <= least) return false;
    this.#out.emit(T.Ipv6, pos, pos + match.length, match);
    return true;
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
    this.#out.emit(T.LBracket, r.pos, r.pos + 1);
    const close = r.text.indexOf(']', r.pos);
    const end = close < 0 ? r.text.length : close;
    const inside = r.text.slice(r.pos, end);
    if (close < 0 || inside.length > MAX_EVENT_NAME || inside.includes('{')) return;
    const from = r.pos;
    let count = 0;
    for (const match of inside.matchAll(EVENT_NAME)) {
      const at = from + match.index;
      r.newlines(r.pos, at);
      this.#out.emit(T.EventName, at, at + match[0].length);
      count += 1;
    }
    if (count === 0 && inside.trim() !== '') this.#out.emit(T.Bad, from, end);
    r.newlines(r.pos, end);
    r.pos = end;
  }

  #directive(pos: number): boolean {
    if (this.#marker(pos)) return true;
    const type = this.#directives.read(pos);
    if (type === 'none') return false;
    if (type === 'subst') this.#out.emit(T.Subst, pos, this.#r.pos);
    else this.#out.firstOnLine = true;
    return true;
  }

  #marker(pos: number): boolean {
    const mode = this.#directives.marker(pos);
    if (!mode) return false;
    this.#out.mode = mode;
    this.#compat.push({ order: this.#r.order, mode });
    this.#out.firstOnLine = true;
    return true;
  }

  #problem(code: 'endless-define' | 'too-many-expansions', values: Record<string, string>, pos: number): void {
    const r = this.#r;
    r.begin(pos);
    r.mark();
    this.#out.problems.push(parseProblem(code, values, r.span()));
  }

  /** The last thing before the end: a newline reaches into the line behind it. */
  #endOfText(): Span {
    const r = this.#r;
    const { text } = r;
    const last = this.#out.tokens.at(-1);
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
