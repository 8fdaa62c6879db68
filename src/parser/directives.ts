/** The preprocessor's directives as they stand in the text (language.md, section 3). */
import type { TokenType } from './chevrotain.js';
import { nearMissHint } from './near-miss.js';
import { type DefineMode, LIMITS, Preprocessor } from './preprocessor.js';
import type { Problem, Span } from './problem.js';
import { type ParseProblemCode, parseProblem } from './problems.js';
import type { Reader } from './reader.js';
import type { ParseOptions } from './source.js';
import { parseSubst } from './subst.js';
import { T } from './tokens.js';
import type { Compat } from './tree.js';

const B = String.raw`[ \t\b\r]`;
const DIRECTIVE = new RegExp(
  `(?:#!|!!)(?:(?<define>def|define|trydefine|trydef|redefine|redef)${B}+|(?<ifdef>ifn?def)${B}+` +
    String.raw`|(?<else>else|endif)${B}*\n|(?<subst>substdefs|substdef|subst)|(?<include>include_file|import_file)` +
    `|(?<env>trydefenvs|trydefenv|defenvs|defenv))`,
  'y',
);
const SKIP_TO = new RegExp(
  String.raw`(?:#!|!!)(?:(?<ifdef>ifn?def)${B}+|(?<else>else|endif)${B}*\n)|#!(?:else|endif)\b`,
  'g',
);
const MARKER = /(?:#|\/\/)!(SER|KAMAILIO|OPENSER|MAXCOMPAT|ALL)\n/y;
const MODES: Readonly<Record<string, Compat>> = {
  SER: 'SER',
  KAMAILIO: 'KAMAILIO',
  OPENSER: 'KAMAILIO',
  MAXCOMPAT: 'MAXCOMPAT',
  ALL: 'MAXCOMPAT',
};
const ID = /[A-Za-z_][A-Za-z0-9_]*/g;
const NEXT_WORD = /[^ \t\r\n]+/g;
const COMMENTED = /#!([A-Za-z_]+)([^\n]{0,200})/y;

const DEFINE_MODES: Readonly<Record<string, DefineMode>> = {
  def: 'define',
  define: 'define',
  trydef: 'try',
  trydefine: 'try',
  redef: 're',
  redefine: 're',
};

/** Files read in one parse; far more than any script has. */
const MAX_INCLUDED = 10_000;

export const SUBST_HINT = 'write it as "/expression/replacement/flags", with any separator';

type SubstWord = 'subst' | 'substdef' | 'substdefs';

export class Directives {
  readonly #options: ParseOptions;
  readonly #r: Reader;
  readonly #problems: Problem[];
  readonly #state = new Preprocessor();
  readonly #sources = new Map<string, string>();
  /** The next string belongs to this directive or statement. */
  #awaiting: SubstWord | 'loadmodule' | 'loadmodulex' | undefined;
  /** Lines that look like an else or endif and are comments: the likely reason of an unbalanced file. */
  readonly #nearMisses: Span[] = [];

  constructor(options: ParseOptions, reader: Reader, problems: Problem[]) {
    this.#options = options;
    this.#r = reader;
    this.#problems = problems;
  }

  get defines(): ReadonlyMap<string, string> {
    return this.#state.defines;
  }

  get sources(): ReadonlyMap<string, string> {
    return this.#sources;
  }

  substitute(text: string): string {
    return this.#state.substitute(text);
  }

  /** Opens the script and applies the command line's definitions. */
  start(file: string): void {
    const text = this.#options.readFile(file);
    const { defines, substs } = this.#options;
    this.#sources.set(file, text ?? '');
    this.#r.openFile(file, text ?? '');
    const here = this.#span(0, 0);
    if (text === undefined) this.#problem('include-not-found', { name: file }, here);
    for (const [name, value] of defines ?? []) this.#define(name, value ?? '', 'define', here);
    for (const [word, rule] of substs ?? []) {
      const why = this.#subst(word, rule, here);
      if (why) this.#problem('bad-subst', { why }, here, SUBST_HINT);
    }
  }

  /** At the end of the text: whether ifdefs and endifs match. */
  finish(): void {
    const { balance, openIfdef } = this.#state;
    if (balance === 0) return;
    const what = balance > 0 ? `${balance} more #!if[n]def as #!endif` : `${-balance} more #!endif as #!if[n]def`;
    const miss = this.#nearMisses.at(-1);
    const span = (balance > 0 ? openIfdef : this.#strayEndif) ?? this.#span(this.#r.pos, this.#r.pos);
    const opened = balance > 0 ? `the #!ifdef of line ${span.line} is not closed` : 'remove this #!endif';
    const hint = miss
      ? `line ${miss.line} is a comment: nothing but blanks may follow #!else and #!endif, and the line must end`
      : opened;
    this.#problem('unbalanced-directives', { what }, { ...span, order: this.#r.next() }, hint);
  }
  #strayEndif: Span | undefined;

  /** The mode of a compatibility marker at `pos`, which is read. */
  marker(pos: number): Compat | undefined {
    const r = this.#r;
    MARKER.lastIndex = pos;
    const word = MARKER.exec(r.text)?.[1];
    if (word === undefined) return undefined;
    r.pos = MARKER.lastIndex;
    r.newline(r.pos - 1);
    return MODES[word];
  }

  /** Reads the directive at `pos`; for a subst only its word, since its string is a token. */
  read(pos: number): 'none' | 'done' | 'subst' {
    const r = this.#r;
    DIRECTIVE.lastIndex = pos;
    const groups = DIRECTIVE.exec(r.text)?.groups;
    if (!groups) return 'none';
    // What belongs to the directive may stand behind the text of a define.
    r.extend();
    const span = this.#span(pos, DIRECTIVE.lastIndex);
    r.pos = DIRECTIVE.lastIndex;
    if (groups.define !== undefined) this.#readDefine(DEFINE_MODES[groups.define] ?? 'define');
    else if (groups.ifdef !== undefined) this.#readIfdef(groups.ifdef === 'ifdef', span);
    else if (groups.else !== undefined) this.#readElse(groups.else, span);
    else if (groups.include !== undefined) this.include(groups.include === 'import_file');
    else if (groups.env !== undefined) this.#readEnv(groups.env, span);
    else {
      this.#awaiting = groups.subst as SubstWord;
      return 'subst';
    }
    return 'done';
  }

  /** A token that is no string has been read. */
  token(type: TokenType, image: string): void {
    if (type === T.Subst) return;
    this.#awaiting = type === T.LoadModule ? (image as 'loadmodule' | 'loadmodulex') : undefined;
  }

  /** A string has been read: the rule of a subst, or the name of a module. Says what is wrong with the rule. */
  string(value: string, span: Span): string | undefined {
    const awaiting = this.#awaiting;
    this.#awaiting = undefined;
    if (awaiting === undefined) return undefined;
    if (awaiting === 'loadmodule') this.#loaded(value);
    else if (awaiting === 'loadmodulex') this.#loaded(this.#evaluate(value));
    else return this.#subst(awaiting, value, span);
    return undefined;
  }

  #loaded(path: string): void {
    const name = `MOD_${moduleName(path)}`;
    if (!this.#state.defines.has(name)) this.#state.define(name, '', 'define');
  }

  #evaluate(text: string): string {
    return text.includes('$') ? (this.#options.evaluate?.(text) ?? text) : text;
  }

  #subst(word: SubstWord, text: string, span: Span): string | undefined {
    const rule = parseSubst(text, this.#options.evaluate);
    if ('error' in rule) return rule.error;
    this.#state.addRule(rule);
    if (word === 'subst') return undefined;
    const value = this.#evaluate(rule.value);
    this.#define(rule.name, word === 'substdefs' ? `"${value}"` : value, 'define', span);
    return undefined;
  }

  #define(name: string, value: string, mode: DefineMode, span: Span): void {
    const result = this.#state.define(name, value, mode);
    if (result === 'taken') {
      const hint = `#!trydef ${name} keeps the value it has, #!redef ${name} replaces it`;
      this.#problem('already-defined', { name }, span, hint);
    } else if (result === 'full') this.#problem('too-many-defines', { limit: LIMITS.defines }, span);
  }

  /** The name, then the rest of the line; a backslash joins the next line. */
  #readDefine(mode: DefineMode): void {
    const name = this.#readName();
    if (!name) return;
    const r = this.#r;
    const { text } = r;
    let i = r.pos;
    while (i < text.length && /[ \t\b\r]/.test(text.charAt(i))) i += 1;
    let end = text.indexOf('\n', i);
    while (end > i && text.charAt(end - 1) === '\\') end = text.indexOf('\n', end + 1);
    if (end < 0) end = text.length;
    r.newlines(r.pos, end + 1);
    r.pos = Math.min(end + 1, text.length);
    this.#define(name.text, text.slice(i, end).replaceAll('\\\n', ''), mode, name.span);
  }

  /** The next identifier; anything before it is passed over, even newlines. */
  #readName(): { text: string; span: Span } | undefined {
    const r = this.#r;
    ID.lastIndex = r.pos;
    const match = ID.exec(r.text);
    const start = match ? match.index : r.text.length;
    r.newlines(r.pos, start);
    r.pos = match ? ID.lastIndex : r.text.length;
    if (!match) return undefined;
    const span = this.#span(start, r.pos);
    if (r.text.charAt(r.pos) === '-') {
      this.#problem('dash-in-define', {}, span, 'names of defines have letters, digits and underscores only');
    }
    return { text: match[0], span };
  }

  #readIfdef(wanted: boolean, span: Span): void {
    this.#openIfdef(wanted, span);
    if (this.#state.skipping) this.#skip();
  }

  /** The name; what else is on the line doesn't matter. */
  #openIfdef(wanted: boolean, span: Span): void {
    const r = this.#r;
    const name = this.#readName();
    const lf = r.text.indexOf('\n', r.pos);
    if (lf >= 0) r.newline(lf);
    r.pos = lf < 0 ? r.text.length : lf + 1;
    const active = name !== undefined && this.#state.defines.has(name.text) === wanted;
    if (!this.#state.ifdef(active, span)) this.#problem('too-many-ifdefs', { limit: LIMITS.ifdefs }, span);
  }

  #readElse(word: string, span: Span): void {
    this.#r.newline(this.#r.pos - 1);
    this.#elseOrEndif(word, span);
    if (this.#state.skipping) this.#skip();
  }

  #elseOrEndif(word: string, span: Span): void {
    if (word === 'else' ? this.#state.else() : this.#state.endif()) return;
    if (word === 'endif') this.#strayEndif ??= span;
    this.#problem('directive-position', { name: word }, span, `no #!ifdef is open here`);
  }

  /** Behind the end of a file: what an ifdef in it skips goes on. */
  goOnSkipping(): void {
    if (this.#state.skipping) this.#skip();
  }

  /** Passes over text up to the directive that ends the skipping; nothing in it is looked at. */
  #skip(): void {
    const r = this.#r;
    while (this.#state.skipping) {
      SKIP_TO.lastIndex = r.pos;
      const match = SKIP_TO.exec(r.text);
      const start = match ? match.index : r.text.length;
      r.newlines(r.pos, start);
      r.pos = start;
      if (!match) {
        if (r.isDefine && r.pop()) continue;
        return;
      }
      const end = SKIP_TO.lastIndex;
      const { groups } = match;
      const span = this.#span(start, end);
      if (groups?.ifdef !== undefined) {
        r.pos = end;
        this.#openIfdef(groups.ifdef === 'ifdef', span);
      } else if (groups?.else !== undefined) {
        r.pos = end;
        r.newline(end - 1);
        this.#elseOrEndif(groups.else, span);
      } else {
        this.nearMiss(start);
        r.pos = start + 2;
      }
    }
  }

  #readEnv(word: string, span: Span): void {
    const r = this.#r;
    const argument = this.#nextWord();
    if (!argument) return;
    const equals = argument.text.indexOf('=');
    const name = equals < 0 ? argument.text : argument.text.slice(0, equals);
    const variable = argument.text.slice(equals + 1);
    const env = this.#options.env ?? {};
    const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
    if (value === undefined) {
      if (word.startsWith('try') && variable !== '') return;
      const hint = variable === '' ? undefined : `set ${variable}, or use #!try${word}`;
      this.#problem('env-not-defined', { name: argument.text }, join(span, argument.span, r), hint);
      return;
    }
    this.#define(name, word.endsWith('s') ? `"${value}"` : value, 'define', argument.span);
  }

  /** The next word up to a blank, newlines before it passed over. */
  #nextWord(): { text: string; span: Span } | undefined {
    const r = this.#r;
    const from = r.pos;
    NEXT_WORD.lastIndex = from;
    const match = NEXT_WORD.exec(r.text);
    const start = match ? match.index : r.text.length;
    r.newlines(from, start);
    r.pos = match ? NEXT_WORD.lastIndex : r.text.length;
    return match ? { text: match[0], span: this.#span(start, r.pos) } : undefined;
  }

  /** Reads the file name at the current position and enters the file. */
  include(optional: boolean): void {
    const r = this.#r;
    r.extend();
    const word = this.#nextWord();
    if (!word) return;
    const quoted = this.#state.substitute(word.text);
    const wrong =
      quoted.length > LIMITS.includeName
        ? 'included file name too long'
        : quoted.length < 2 || !quoted.startsWith('"') || !quoted.endsWith('"')
          ? 'included file name must be between quotes'
          : quoted.length === 2
            ? 'invalid included file name'
            : undefined;
    this.#included += 1;
    // A file that includes itself several times would be read without end: after the first error there is no other.
    if (this.#included > MAX_INCLUDED) return;
    if (r.depth >= LIMITS.includes) {
      this.#included = MAX_INCLUDED;
      this.#problem('include-depth', { limit: LIMITS.includes }, word.span, 'does a file include itself?');
    } else if (wrong) {
      this.#problem('include-name', { why: wrong, name: quoted }, word.span, 'write it as "file.cfg", without blanks');
    } else this.#open(fileName(quoted), optional, word.span);
  }

  #included = 0;

  #open(name: string, optional: boolean, span: Span): void {
    const r = this.#r;
    const slash = r.file.lastIndexOf('/');
    const beside = name.startsWith('/') || slash < 0 ? undefined : `${r.file.slice(0, slash)}/${name}`;
    for (const path of beside === undefined ? [name] : [name, beside]) {
      const text = this.#options.readFile(path);
      if (text === undefined) continue;
      this.#sources.set(path, text);
      r.openFile(path, text);
      return;
    }
    if (optional) return;
    const tried = beside === undefined ? name : `${name} (${beside})`;
    this.#problem('include-not-found', { name: tried }, span, 'import_file leaves out a file that does not exist');
  }

  /** Notes a comment at `pos` that was probably meant as a directive. */
  nearMiss(pos: number): void {
    const r = this.#r;
    if (!r.text.startsWith('#!', pos)) return;
    COMMENTED.lastIndex = pos;
    const match = COMMENTED.exec(r.text);
    if (!match) return;
    const word = match[1] ?? '';
    const end = COMMENTED.lastIndex;
    const hint = nearMissHint(word, end >= r.text.length);
    if (hint === undefined) return;
    const span = this.#span(pos, end);
    if (word === 'else' || word === 'endif') this.#nearMisses.push(span);
    this.#problem('not-a-directive', { line: JSON.stringify(match[0].trimEnd()) }, span, hint);
  }

  #span(start: number, end: number): Span {
    const r = this.#r;
    const { pos } = r;
    r.begin(start);
    r.pos = end;
    r.mark();
    r.pos = pos;
    return r.span();
  }

  #problem(code: ParseProblemCode, values: Record<string, string | number>, span: Span, hint?: string): void {
    if (this.#problems.length < 1000) this.#problems.push(parseProblem(code, values, span, hint ? { hint } : {}));
  }
}

/** `textops` of `/usr/lib/…/textops.so`. */
export function moduleName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.so$/, '');
}

const NAME_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

function fileName(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(.)/gs, (_, c: string) => NAME_ESCAPES[c] ?? c);
}

function join(a: Span, b: Span, r: Reader): Span {
  return { ...a, endLine: b.endLine, endColumn: b.endColumn, order: r.next() };
}
