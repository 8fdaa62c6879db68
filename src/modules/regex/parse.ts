/** Reads Perl-compatible regular expressions (pcrepattern(3) of PCRE 8). */
import { type ByteSet, complement, emptySet } from '../../runtime/regex/charset.js';
import { ANY, anyCase, byteSet, CONTROL, escapedSet, NOT_NEWLINE, posixSet, propertySet } from './classes.js';
import {
  type Condition,
  fixedLength,
  type GroupRef,
  type Look,
  type ParsedPcre,
  type PcreFlags,
  type PcreNode,
  type Place,
} from './node.js';

/** `unsupported`: PCRE takes it, this reader does not. */
export type PcreProblem = { readonly error: string; readonly unsupported: boolean };
export type PcreResult = { readonly ok: ParsedPcre } | PcreProblem;

/** Leaves the reader; caught in `parsePcre` alone. */
class Refused extends Error {
  readonly unsupported: boolean;
  constructor(text: string, unsupported = false) {
    super(text);
    this.unsupported = unsupported;
  }
}

const MAX_REPEAT = 65535;
const MAX_DEPTH = 250;

export function parsePcre(source: string, flags: PcreFlags): PcreResult {
  const nul = source.indexOf('\0');
  const reader = new Reader(nul < 0 ? source : source.slice(0, nul), flags);
  try {
    return { ok: reader.pattern() };
  } catch (error) {
    if (error instanceof Refused) return { error: error.message, unsupported: error.unsupported };
    throw error;
  }
}

const EMPTY: PcreNode = { kind: 'empty' };
const place = (what: Place): PcreNode => ({ kind: 'place', what });

/** Escapes that stand for a place. */
const PLACES: Readonly<Record<string, Place>> = {
  A: 'start',
  G: 'start',
  z: 'end',
  Z: 'end-or-newline',
  b: 'word-edge',
  B: 'no-word-edge',
};

const FLAG_NAMES: Readonly<Record<string, keyof PcreFlags | ''>> = {
  i: 'ignoreCase',
  m: 'multiline',
  s: 'dotAll',
  x: 'extended',
  U: 'ungreedy',
  J: '',
  X: '',
};

class Reader {
  readonly #text: string;
  #at = 0;
  #flags: PcreFlags;
  #groups = 0;
  #depth = 0;
  /** Flag J: a name may come twice. */
  #sameNames = false;
  readonly #names = new Map<string, number[]>();
  /** Groups that calls and references name, checked at the end. */
  readonly #wanted: GroupRef[] = [];

  constructor(text: string, flags: PcreFlags) {
    this.#text = text;
    this.#flags = flags;
  }

  pattern(): ParsedPcre {
    const root = this.#alternatives();
    if (this.#at < this.#text.length) throw new Refused('unmatched parentheses');
    for (const ref of this.#wanted) {
      const known = typeof ref === 'number' ? ref <= this.#groups : this.#names.has(ref);
      if (!known) throw new Refused('reference to non-existent subpattern');
    }
    return { root, groupCount: this.#groups, names: this.#names };
  }

  #eat(text: string): boolean {
    const found = this.#text.startsWith(text, this.#at);
    if (found) this.#at += text.length;
    return found;
  }

  #match(re: RegExp): RegExpExecArray | null {
    const m = re.exec(this.#text.slice(this.#at));
    if (m !== null) this.#at += m[0].length;
    return m;
  }

  // ------------------------------------------------------------- structure

  /** Branches up to `)` or the end; flags set inside hold to the end of the group. */
  #alternatives(): PcreNode {
    if (++this.#depth > MAX_DEPTH) throw new Refused('parentheses are too deeply nested');
    const flags = this.#flags;
    const branches = [this.#sequence()];
    while (this.#eat('|')) branches.push(this.#sequence());
    this.#flags = flags;
    this.#depth--;
    return branches.length === 1 ? branches[0]! : { kind: 'alt', branches };
  }

  #sequence(): PcreNode {
    const parts: PcreNode[] = [];
    for (;;) {
      this.#skipExtended();
      const c = this.#text[this.#at];
      if (c === undefined || c === '|' || c === ')') break;
      const atom = this.#atom();
      if (atom !== undefined) parts.push(this.#quantified(atom));
    }
    return parts.length === 1 ? parts[0]! : parts.length === 0 ? EMPTY : { kind: 'cat', parts };
  }

  #skipExtended(): void {
    if (this.#flags.extended) this.#match(/^(?:[ \t\n\v\f\r]|#[^\n]*(?:\n|$))+/);
  }

  /** The atom with the quantifier behind it; a place takes none, and there is but one. */
  #quantified(atom: PcreNode): PcreNode {
    this.#skipExtended();
    const m = atom.kind === 'place' ? null : this.#match(/^(?:([*+?])|\{(\d+)(,(\d*))?\})([+?]?)/);
    if (m === null) {
      if (atom.kind === 'place' && /^(?:[*+?]|\{\d+(?:,\d*)?\})/.test(this.#text.slice(this.#at)))
        throw new Refused('nothing to repeat');
      return atom;
    }
    const [min, max] = bounds(m);
    if (min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT))
      throw new Refused('number too big in {} quantifier');
    if (max < min) throw new Refused('numbers out of order in {} quantifier');
    this.#skipExtended();
    if (/^\{\d+(?:,\d*)?\}/.test(this.#text.slice(this.#at))) throw new Refused('nothing to repeat');
    const lazy = (m[5] === '?') !== (this.#flags.ungreedy && m[5] !== '+');
    const node: PcreNode = { kind: 'repeat', body: atom, min, max, lazy };
    return m[5] === '+' ? { kind: 'atomic', body: node } : node;
  }

  /** One thing that a quantifier may follow; undefined: something without effect. */
  #atom(): PcreNode | undefined {
    const c = this.#text[this.#at++]!;
    switch (c) {
      case '(':
        return this.#parenthesis();
      case '[':
        return this.#set(this.#class());
      case '.':
        return { kind: 'set', set: this.#flags.dotAll ? ANY : NOT_NEWLINE };
      case '^':
        return place(this.#flags.multiline ? 'line-start' : 'start');
      case '$':
        return place(this.#flags.multiline ? 'line-end' : 'end-or-newline');
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw new Refused('nothing to repeat');
      case '{':
        if (/^\d+(?:,\d*)?\}/.test(this.#text.slice(this.#at))) throw new Refused('nothing to repeat');
        return this.#set(byteSet(c.charCodeAt(0)));
      default:
        return this.#set(byteSet(c.charCodeAt(0)));
    }
  }

  #set(set: ByteSet): PcreNode {
    return { kind: 'set', set: this.#flags.ignoreCase ? anyCase(set) : set };
  }

  // ----------------------------------------------------------- parentheses

  #close(): void {
    if (!this.#eat(')')) throw new Refused('missing )');
  }

  #body(): PcreNode {
    const body = this.#alternatives();
    this.#close();
    return body;
  }

  #capture(name?: string): PcreNode {
    const index = ++this.#groups;
    if (name !== undefined) {
      const known = this.#names.get(name) ?? [];
      if (known.length > 0 && !this.#sameNames && !known.includes(index))
        throw new Refused('two named subpatterns have the same name');
      this.#names.set(name, [...known, index]);
    }
    return { kind: 'group', index, body: this.#body() };
  }

  #parenthesis(): PcreNode | undefined {
    if (this.#eat('*')) return this.#verb();
    if (!this.#eat('?')) return this.#capture();
    if (this.#eat('#')) {
      if (this.#match(/^[^)]*\)/) === null) throw new Refused('missing ) after comment');
      return undefined;
    }
    if (this.#eat(':')) return this.#body();
    if (this.#eat('|')) return this.#branchReset();
    if (this.#eat('>')) return { kind: 'atomic', body: this.#body() };
    const look = this.#look();
    if (look !== undefined) return look;
    if (this.#eat('(')) return this.#conditional();
    const name = this.#match(/^(?:P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')/);
    if (name !== null) return this.#capture(name[1] ?? name[2]);
    const back = this.#match(/^P=(\w+)\)/);
    if (back !== null) return this.#backref(back[1]!);
    const call = this.#match(/^(?:(R)|([-+]?\d+)|&(\w+)|P>(\w+))\)/);
    if (call !== null) return this.#call(call[1] ? 0 : call[2] ? this.#relative(call[2], true) : (call[3] ?? call[4])!);
    if (this.#match(/^C\d*\)/) !== null) return undefined;
    return this.#inlineFlags();
  }

  #look(): Look | undefined {
    const m = this.#match(/^(<?)([=!])/);
    if (m === null) return undefined;
    const look: Look = { kind: 'look', behind: m[1] === '<', negative: m[2] === '!', body: this.#body() };
    if (look.behind && branchesOf(look.body).some((b) => fixedLength(b) === undefined))
      throw new Refused('lookbehind assertion is not fixed length');
    return look;
  }

  /** `(?|…)`: the groups of each branch count from the same number. */
  #branchReset(): PcreNode {
    const flags = this.#flags;
    const first = this.#groups;
    let most = first;
    const branches: PcreNode[] = [];
    do {
      this.#groups = first;
      branches.push(this.#sequence());
      most = Math.max(most, this.#groups);
    } while (this.#eat('|'));
    this.#groups = most;
    this.#flags = flags;
    this.#close();
    return { kind: 'alt', branches };
  }

  #inlineFlags(): PcreNode | undefined {
    const m = this.#match(/^([imsxUJX]*)(?:-([imsxUJX]*))?([:)])/);
    if (m === null) throw new Refused('unrecognized character after (?');
    const before = this.#flags;
    const changed: { -readonly [K in keyof PcreFlags]: boolean } = { ...before };
    for (const [letters, on] of [
      [m[1] ?? '', true],
      [m[2] ?? '', false],
    ] as const) {
      for (const letter of letters) {
        const name = FLAG_NAMES[letter];
        if (letter === 'J') this.#sameNames = on;
        if (name) changed[name] = on;
      }
    }
    this.#flags = changed;
    if (m[3] === ')') return undefined;
    const body = this.#body();
    this.#flags = before;
    return body;
  }

  #conditional(): PcreNode {
    const test = this.#condition();
    const branches = branchesOf(this.#body());
    if (branches.length > 2) throw new Refused('conditional group contains more than two branches');
    return { kind: 'conditional', test, yes: branches[0]!, no: branches[1] ?? EMPTY };
  }

  /** What stands in `(?(…)`; the parenthesis is open. */
  #condition(): Condition {
    if (this.#eat('?')) {
      const look = this.#look();
      if (look === undefined) throw new Refused('assertion expected after (?(');
      return { kind: 'look', look };
    }
    const m = this.#match(/^(?:([-+]?\d+)|(R)(\d+)?|R&(\w+)|DEFINE|<(\w+)>|'(\w+)'|(\w+))\)/);
    if (m === null) throw new Refused('malformed number or name after (?(');
    if (m[0] === 'DEFINE)') return { kind: 'never' };
    if (m[2]) return { kind: 'recursion', ref: m[3] ? this.#want(Number(m[3])) : null };
    if (m[4]) return { kind: 'recursion', ref: this.#want(m[4]) };
    const ref = m[1] ? this.#relative(m[1], false) : (m[5] ?? m[6] ?? m[7])!;
    return { kind: 'group', ref: this.#want(ref) };
  }

  #verb(): PcreNode {
    const m = this.#match(/^([A-Z0-9_]*)(?::[^)]*)?(?:=\w*)?\)/);
    if (m?.[1] === 'F' || m?.[1] === 'FAIL') return { kind: 'fail' };
    throw new Refused(`(*${m?.[1] ?? ''}) is not supported`, m !== null);
  }

  // --------------------------------------------------------------- references

  #want<T extends GroupRef>(ref: T): T {
    this.#wanted.push(ref);
    return ref;
  }

  /** `-1` is the group opened last; of a call `+1` is the next. */
  #relative(text: string, call: boolean): number {
    const n = Number(text);
    if (text[0] === '-') {
      if (-n > this.#groups) throw new Refused('reference to non-existent subpattern');
      return this.#groups + 1 + n;
    }
    return text[0] === '+' && call ? this.#groups + n : n;
  }

  #backref(ref: GroupRef): PcreNode {
    return { kind: 'backref', ref: this.#want(ref), ignoreCase: this.#flags.ignoreCase };
  }

  #call(ref: GroupRef): PcreNode {
    return { kind: 'call', ref: ref === 0 ? 0 : this.#want(ref) };
  }

  // ------------------------------------------------------------------ escapes

  #escape(): PcreNode | undefined {
    const c = this.#text[this.#at];
    if (c === undefined) throw new Refused('\\ at end of pattern');
    if (Object.hasOwn(PLACES, c)) {
      this.#at++;
      return place(PLACES[c]!);
    }
    const set = escapedSet(c);
    if (set !== undefined) {
      this.#at++;
      return this.#set(set);
    }
    if (c === 'Q') return this.#quoted();
    if (c === 'E' || c === 'K') {
      // \K moves the start of the match; only whether there is one counts here.
      this.#at++;
      return undefined;
    }
    if (c === 'N') {
      this.#at++;
      return { kind: 'set', set: NOT_NEWLINE };
    }
    if (c === 'R') {
      this.#at++;
      return newlineSequence();
    }
    if (c === 'X') {
      this.#at++;
      return grapheme();
    }
    const property = this.#property();
    if (property !== undefined) return { kind: 'set', set: property };
    const reference = this.#reference();
    return reference ?? this.#set(byteSet(this.#byte()));
  }

  /** `\Q…\E`; undefined when there is nothing in it. */
  #quoted(): PcreNode | undefined {
    const m = this.#match(/^Q([\s\S]*?)(?:\\E|$)/);
    const literal = m?.[1] ?? '';
    const last = literal.length - 1;
    if (last < 0) return undefined;
    const parts = [...literal].map((c) => this.#set(byteSet(c.charCodeAt(0))));
    // A quantifier behind \E belongs to the last character.
    parts[last] = this.#quantified(parts[last]!);
    return { kind: 'cat', parts };
  }

  #reference(): PcreNode | undefined {
    const named = this.#match(/^k(?:<(\w+)>|'(\w+)'|\{(\w+)\})/) ?? this.#match(/^g\{([A-Za-z_]\w*)\}/);
    if (named !== null) return this.#backref((named[1] ?? named[2] ?? named[3])!);
    const call = this.#match(/^g(?:<([-+]?\d+|\w+)>|'([-+]?\d+|\w+)')/);
    if (call !== null) {
      const text = (call[1] ?? call[2])!;
      return this.#call(/^[-+]?\d+$/.test(text) ? this.#relative(text, true) : text);
    }
    const numbered = this.#match(/^g(?:\{(-?\d+)\}|(-?\d+))/);
    if (numbered !== null) return this.#backref(this.#relative((numbered[1] ?? numbered[2])!, false));
    // Below 8 it always refers; above, if there are so many groups up to here. Else it is octal, or 8 or 9 itself.
    const digits = /^[1-9]\d*/.exec(this.#text.slice(this.#at))?.[0];
    if (digits === undefined || (Number(digits) > 7 && Number(digits) > this.#groups)) return undefined;
    this.#at += digits.length;
    return this.#backref(Number(digits));
  }

  /** Byte that an escape stands for. */
  #byte(): number {
    const hex = this.#match(/^x(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{0,2}))/);
    if (hex !== null) return byte(Number.parseInt((hex[1] ?? hex[2]) || '0', 16));
    const octal = this.#match(/^(?:o\{([0-7]+)\}|([0-7]{1,3}))/);
    if (octal !== null) return octal[1] ? byte(Number.parseInt(octal[1], 8)) : Number.parseInt(octal[2]!, 8) & 255;
    const control = this.#match(/^c([\x20-\x7e])/);
    if (control !== null) return control[1]!.toUpperCase().charCodeAt(0) ^ 64;
    const c = this.#text[this.#at++];
    if (c === undefined) throw new Refused('\\ at end of pattern');
    if (Object.hasOwn(CONTROL, c)) return CONTROL[c]!;
    if (/[cgko]/.test(c)) throw new Refused(`\\${c} is not followed by what it needs`);
    if (/[LlUu]/.test(c)) throw new Refused('PCRE does not support \\L, \\l, \\N{name}, \\U, or \\u');
    return c.charCodeAt(0);
  }

  // ------------------------------------------------------------------ classes

  #class(): ByteSet {
    const negated = this.#eat('^');
    const set = emptySet();
    let quoting = false;
    for (let first = true; ; first = false) {
      const c = this.#text[this.#at];
      if (c === undefined) throw new Refused('missing terminating ] for character class');
      if (c === ']' && !first && !quoting) break;
      if (this.#eat(quoting ? '\\E' : '\\Q')) {
        quoting = !quoting;
        first = false;
        continue;
      }
      this.#classItem(set, quoting);
    }
    this.#at++;
    const full = this.#flags.ignoreCase ? anyCase(set) : set;
    return negated ? complement(full) : full;
  }

  /** Adds a character, a range or a named set. */
  #classItem(set: ByteSet, quoting: boolean): void {
    const named = quoting ? undefined : this.#namedSet();
    if (named !== undefined) {
      for (let b = 0; b < 256; b++) if (named[b] === 1) set[b] = 1;
      return;
    }
    const low = this.#classByte(quoting);
    let high = low;
    const rest = this.#text.slice(this.#at, this.#at + 2);
    if (
      !quoting &&
      rest[0] === '-' &&
      rest.length === 2 &&
      rest[1] !== ']' &&
      !/^-(?:\\[dDwWsShHvV]|\[:)/.test(this.#text.slice(this.#at))
    ) {
      this.#at++;
      high = this.#classByte(false);
      if (high < low) throw new Refused('range out of order in character class');
    }
    for (let b = low; b <= high; b++) set[b] = 1;
  }

  #namedSet(): ByteSet | undefined {
    const posix = /^\[:(\^?[a-z]+):\]/.exec(this.#text.slice(this.#at));
    if (posix !== null) {
      const set = posixSet(posix[1]!);
      if (set === undefined) throw new Refused('unknown POSIX class name');
      this.#at += posix[0].length;
      return set;
    }
    if (this.#text[this.#at] !== '\\') return undefined;
    const letter = this.#text[this.#at + 1] ?? '';
    const set = escapedSet(letter);
    if (set !== undefined) this.#at += 2;
    if (set !== undefined || !/[pP]/.test(letter)) return set;
    this.#at++;
    return this.#property();
  }

  /** `pL`, `P{^Lu}`: the letter of the escape stands next. */
  #property(): ByteSet | undefined {
    const m = this.#match(/^([pP])(?:\{(\^?)([A-Za-z_&]+)\}|([A-Za-z]))/);
    if (m === null) {
      if (/^[pP]/.test(this.#text.slice(this.#at))) throw new Refused('malformed \\P or \\p sequence');
      return undefined;
    }
    const set = propertySet((m[3] ?? m[4])!);
    if (set === undefined) throw new Refused('unknown property name after \\P or \\p');
    return (m[1] === 'P') !== (m[2] === '^') ? complement(set) : set;
  }

  #classByte(quoting: boolean): number {
    const c = this.#text[this.#at++]!;
    if (c !== '\\' || quoting) return c.charCodeAt(0);
    if (this.#eat('b')) return 8;
    if (/^[NRXB]/.test(this.#text.slice(this.#at, this.#at + 1)))
      throw new Refused('escape sequence is invalid in character class');
    return this.#byte();
  }
}

function byte(n: number): number {
  if (n > 255) throw new Refused('character value in \\x{} or \\o{} is too large');
  return n;
}

function bounds(m: RegExpExecArray): [number, number] {
  if (m[1] === '*') return [0, Infinity];
  if (m[1] === '+') return [1, Infinity];
  if (m[1] === '?') return [0, 1];
  const min = Number(m[2]);
  if (m[3] === undefined) return [min, min];
  return [min, m[4] === '' ? Infinity : Number(m[4])];
}

function branchesOf(node: PcreNode): readonly PcreNode[] {
  return node.kind === 'alt' ? node.branches : [node];
}

/** `\X`: without UTF a CRLF or one byte. */
function grapheme(): PcreNode {
  const one = (code: number): PcreNode => ({ kind: 'set', set: byteSet(code) });
  const crlf: PcreNode = { kind: 'cat', parts: [one(13), one(10)] };
  return { kind: 'atomic', body: { kind: 'alt', branches: [crlf, { kind: 'set', set: ANY }] } };
}

/** `\R`: CRLF as one, or one of the vertical blanks. */
function newlineSequence(): PcreNode {
  const one = (code: number): PcreNode => ({ kind: 'set', set: byteSet(code) });
  const crlf: PcreNode = { kind: 'cat', parts: [one(13), one(10)] };
  const vertical: PcreNode = { kind: 'set', set: escapedSet('v')! };
  return { kind: 'atomic', body: { kind: 'alt', branches: [crlf, vertical] } };
}
