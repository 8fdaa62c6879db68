/** POSIX extended regular expressions with glibc's additions (regcomp, REG_EXTENDED), and its errors. */
import {
  ANY,
  ANY_BUT_NEWLINE,
  addAll,
  type ByteSet,
  classSet,
  complement,
  emptySet,
  folded,
  NEWLINE,
  SPACE,
  upper,
  WORD,
} from './charset.js';
import type { AssertionKind, ParsedRegex, RegexNode } from './node.js';

/** Texts of regerror(3). */
export const REGEX_ERRORS = {
  pattern: 'Invalid regular expression',
  collation: 'Invalid collation character',
  class: 'Invalid character class name',
  escape: 'Trailing backslash',
  backref: 'Invalid back reference',
  bracket: 'Unmatched [, [^, [:, [., or [=',
  paren: 'Unmatched ( or \\(',
  brace: 'Unmatched \\{',
  interval: 'Invalid content of \\{\\}',
  range: 'Invalid range end',
  size: 'Regular expression too big',
  repeat: 'Invalid preceding regular expression',
} as const;

export interface ParseFlags {
  readonly ignoreCase: boolean;
  readonly newline: boolean;
}

class Refusal extends Error {}

function refuse(code: keyof typeof REGEX_ERRORS): never {
  throw new Refusal(REGEX_ERRORS[code]);
}

export function parseRegex(source: string, flags: ParseFlags): ParsedRegex | { readonly error: string } {
  try {
    return new Parser(source, flags).parse();
  } catch (e) {
    if (e instanceof Refusal) return { error: e.message };
    throw e;
  }
}

const MAX_REPEAT = 32767;
/** Nested parentheses; a deeper pattern is refused rather than let to exhaust the stack. */
const MAX_DEPTH = 250;
const REPEATS = '*+?{';

const ASSERTIONS: Readonly<Record<string, AssertionKind>> = {
  b: 'word-edge',
  B: 'no-word-edge',
  '<': 'word-start',
  '>': 'word-end',
  '`': 'text-start',
  "'": 'text-end',
};

const bound = (digits: string | undefined) => Math.min(Number(digits), MAX_REPEAT + 1);

/** A wrong beginning is noticed before the end of the pattern is. */
function unclosedInterval(text: string): 'interval' | 'brace' {
  const parts = text.split(',');
  const wrong = parts.length > 2 || (parts.length === 2 && !/^\d*$/.test(parts[0] ?? ''));
  return wrong ? 'interval' : 'brace';
}

class Parser {
  readonly #source: string;
  readonly #flags: ParseFlags;
  #at = 0;
  #groups = 0;
  #depth = 0;
  #hasBackrefs = false;
  readonly #complete = new Set<number>();

  constructor(source: string, flags: ParseFlags) {
    this.#source = source;
    this.#flags = flags;
  }

  parse(): ParsedRegex {
    const root = this.#alternatives();
    return { root, groupCount: this.#groups, hasBackrefs: this.#hasBackrefs };
  }

  #peek(): string {
    return this.#source[this.#at] ?? '';
  }

  #alternatives(): RegexNode {
    const branches = [this.#branch()];
    while (this.#peek() === '|') {
      this.#at++;
      branches.push(this.#branch());
    }
    return branches.length === 1 ? branches[0]! : { kind: 'alt', branches };
  }

  #branch(): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      const c = this.#peek();
      // A `)` that closes nothing is an ordinary character.
      if (c === '' || c === '|' || (c === ')' && this.#depth > 0)) break;
      parts.push(this.#piece());
    }
    if (parts.length === 0) return { kind: 'empty' };
    return parts.length === 1 ? parts[0]! : { kind: 'cat', parts };
  }

  #piece(): RegexNode {
    let node = this.#atom();
    while (this.#peek() !== '' && REPEATS.includes(this.#peek())) {
      if (node.kind === 'assert') refuse('repeat');
      const [min, max] = this.#repeat();
      node = { kind: 'repeat', body: node, min, max };
    }
    return node;
  }

  #repeat(): [number, number] {
    const c = this.#peek();
    this.#at++;
    if (c === '*') return [0, Infinity];
    if (c === '+') return [1, Infinity];
    if (c === '?') return [0, 1];
    return this.#interval();
  }

  /** After the `{`. */
  #interval(): [number, number] {
    const end = this.#source.indexOf('}', this.#at);
    if (end < 0) refuse(unclosedInterval(this.#source.slice(this.#at)));
    const text = this.#source.slice(this.#at, end);
    const m = /^(\d*)(?:(,)(\d*))?$/.exec(text);
    if (m === null || text === '') refuse('interval');
    const min = m[1] === '' ? 0 : bound(m[1]);
    const max = m[2] === undefined ? min : m[3] === '' ? Infinity : bound(m[3]);
    if (min > max) refuse('interval');
    if ((max === Infinity ? min : max) > MAX_REPEAT) refuse('size');
    this.#at = end + 1;
    return [min, max];
  }

  #atom(): RegexNode {
    const c = this.#peek();
    if (REPEATS.includes(c)) refuse('repeat');
    this.#at++;
    switch (c) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'set', set: this.#bracket() };
      case '.':
        return { kind: 'set', set: this.#flags.newline ? ANY_BUT_NEWLINE : ANY };
      case '^':
        return { kind: 'assert', what: 'line-start' };
      case '$':
        return { kind: 'assert', what: 'line-end' };
      case '\\':
        return this.#escape();
      default:
        return { kind: 'set', set: this.#literal(c) };
    }
  }

  #group(): RegexNode {
    const index = ++this.#groups;
    if (++this.#depth > MAX_DEPTH) refuse('size');
    const body = this.#alternatives();
    if (this.#peek() !== ')') refuse('paren');
    this.#at++;
    this.#depth--;
    this.#complete.add(index);
    return { kind: 'group', index, body };
  }

  #escape(): RegexNode {
    const c = this.#peek();
    if (c === '') refuse('escape');
    this.#at++;
    if (c >= '1' && c <= '9') return this.#backref(Number(c));
    const what = Object.hasOwn(ASSERTIONS, c) ? ASSERTIONS[c] : undefined;
    if (what !== undefined) return { kind: 'assert', what };
    switch (c) {
      case 'w':
        return { kind: 'set', set: WORD };
      case 'W':
        return { kind: 'set', set: complement(WORD) };
      case 's':
        return { kind: 'set', set: SPACE };
      case 'S':
        return { kind: 'set', set: complement(SPACE) };
      default:
        return { kind: 'set', set: this.#escaped(c) };
    }
  }

  #backref(index: number): RegexNode {
    if (!this.#complete.has(index)) refuse('backref');
    this.#hasBackrefs = true;
    return { kind: 'backref', index };
  }

  #literal(c: string): ByteSet {
    const set = emptySet();
    set[this.#code(c)] = 1;
    return this.#flags.ignoreCase ? folded(set) : set;
  }

  /** An escaped character is not folded while the subject is: a small letter then never matches (glibc). */
  #escaped(c: string): ByteSet {
    const set = emptySet();
    set[c.charCodeAt(0) & 255] = 1;
    return this.#flags.ignoreCase ? folded(set) : set;
  }

  #code(c: string): number {
    const code = c.charCodeAt(0) & 255;
    return this.#flags.ignoreCase ? upper(code) : code;
  }

  #outside(set: ByteSet): ByteSet {
    const out = complement(set);
    if (this.#flags.newline) out[NEWLINE] = 0;
    return out;
  }

  // -------------------------------------------------------- bracket expressions

  /** After the `[`. */
  #bracket(): ByteSet {
    const negated = this.#peek() === '^';
    if (negated) this.#at++;
    if (this.#peek() === '') refuse('pattern');
    const set = emptySet();
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#peek() === '') refuse('bracket');
      this.#element(set, first);
    }
    this.#at++;
    const found = this.#flags.ignoreCase ? folded(set) : set;
    return negated ? this.#outside(found) : found;
  }

  #element(set: ByteSet, first: boolean): void {
    const start = this.#member(first);
    if (typeof start !== 'number') {
      addAll(set, start);
      return;
    }
    if (this.#peek() === '') refuse('bracket');
    if (this.#peek() !== '-' || this.#source[this.#at + 1] === ']') {
      set[start] = 1;
      return;
    }
    this.#at++;
    if (this.#peek() === '') refuse('bracket');
    const end = this.#member(true);
    if (typeof end !== 'number' || start > end) refuse('range');
    for (let byte = start; byte <= end; byte++) set[byte] = 1;
  }

  /** One character (a number), or a class. */
  #member(hyphen: boolean): number | ByteSet {
    const c = this.#peek();
    const next = this.#source[this.#at + 1];
    if (c === '[' && (next === ':' || next === '.' || next === '=')) return this.#named(next);
    if (c === '-' && !hyphen && next !== ']') refuse(next === undefined ? 'bracket' : 'range');
    this.#at++;
    return this.#code(c);
  }

  #named(mark: string): number | ByteSet {
    const end = this.#source.indexOf(`${mark}]`, this.#at + 2);
    if (end < 0 || end - this.#at - 2 >= 32) refuse('bracket');
    const name = this.#source.slice(this.#at + 2, end);
    this.#at = end + 2;
    if (mark === ':') return this.#class(name);
    if (name.length !== 1) refuse('collation');
    const code = this.#code(name);
    if (mark === '.') return code;
    const set = emptySet();
    set[code] = 1;
    return set;
  }

  #class(name: string): ByteSet {
    const letters = this.#flags.ignoreCase && (name === 'upper' || name === 'lower');
    return classSet(letters ? 'alpha' : name) ?? refuse('class');
  }
}
