/**
 * Regular expressions as POSIX extended ones mean them (regcomp of glibc, REG_EXTENDED), compiled once.
 *
 * JavaScript's engine answers where it is sure to be quick; of its match only the start is taken on trust, because POSIX
 * wants the longest one: a small automaton measures that, and where it disagrees a machine that follows all ways at once
 * gives the match. The same two take over where backtracking could run away, so that no text can hold the server up.
 * Only back-references are left to JavaScript alone (first match in the pattern's order, no bound on time).
 */
import type { BindResult } from './module.js';
import { Dfa } from './regex/dfa.js';
import { endsAtEnd, hasLoopedGroup, isAnchored, type LineStart, nativeLimit, nativeSource } from './regex/native.js';
import type { ParsedRegex } from './regex/node.js';
import { parseRegex } from './regex/parse.js';
import { PikeMachine } from './regex/pike.js';
import { compileProgram, type RegexProgram } from './regex/program.js';

export interface RegexFlags {
  /** REG_ICASE. */
  readonly ignoreCase?: boolean;
  /** REG_NEWLINE: `.` and `[^x]` do not match a newline, `^` and `$` match at lines. */
  readonly newline?: boolean;
}

/** Offsets of one match. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** [start, end] by number: 0 is the whole match, -1 where a group took no part. */
  readonly groups: readonly (readonly [number, number])[];
}

export interface Regex {
  readonly source: string;
  readonly groupCount: number;
  test(text: string): boolean;
  /**
   * Leftmost-longest match at or after `from`; what stands before `from` is not seen. `notBol`: `from` is not the
   * beginning of a line (REG_NOTBOL).
   */
  exec(text: string, from?: number, notBol?: boolean): RegexMatch | undefined;
}

/** Compiles a pattern; an error is the text of regerror(3). A NUL ends pattern and subject, as in C. */
export function compileRegex(source: string, flags: RegexFlags): BindResult<Regex> {
  const newline = flags.newline ?? false;
  const parsed = parseRegex(untilNul(source), { ignoreCase: flags.ignoreCase ?? false, newline });
  if ('error' in parsed) return parsed;
  if (parsed.hasBackrefs) return { ok: new NativeRegex(source, parsed, flags) };
  const program = compileProgram(parsed.root, parsed.groupCount);
  if (program === undefined) return { error: 'Regular expression too big' };
  return { ok: new PosixRegex(source, parsed, program, newline) };
}

function untilNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** A pattern without back-references. Engines are made when first needed. */
class PosixRegex implements Regex {
  readonly source: string;
  readonly groupCount: number;
  readonly #parsed: ParsedRegex;
  readonly #program: RegexProgram;
  readonly #newline: boolean;
  /** Texts up to this length go to JavaScript's engine. */
  readonly #limit: number;
  /** JavaScript's match is the longest by the pattern's form. */
  readonly #sureEnd: boolean;
  readonly #sureGroups: boolean;
  readonly #test: RegExp;
  #exec: RegExp | undefined;
  #execNotBol: RegExp | undefined;
  #search: Dfa | undefined;
  #measure: Dfa | undefined;
  #pike: PikeMachine | undefined;

  constructor(source: string, parsed: ParsedRegex, program: RegexProgram, newline: boolean) {
    this.source = source;
    this.groupCount = parsed.groupCount;
    this.#parsed = parsed;
    this.#program = program;
    this.#newline = newline;
    this.#limit = nativeLimit(parsed.root, !newline && isAnchored(parsed.root));
    this.#sureEnd = !newline && endsAtEnd(parsed.root);
    this.#sureGroups = !hasLoopedGroup(parsed.root);
    this.#test = this.#limit >= 0 ? new RegExp(nativeSource(parsed.root, newline ? 'lines' : 'text')) : /(?!)/;
  }

  test(text: string): boolean {
    const subject = untilNul(text);
    return subject.length <= this.#limit ? this.#test.test(subject) : this.#searcher.test(subject, false);
  }

  exec(text: string, from = 0, notBol = false): RegexMatch | undefined {
    const whole = untilNul(text);
    const subject = from === 0 ? whole : whole.slice(from);
    if (from > whole.length) return undefined;
    const slots = subject.length <= this.#limit ? this.#quick(subject, notBol) : this.#linear(subject, notBol);
    return slots === undefined ? undefined : matchOf(slots, from);
  }

  get #searcher(): Dfa {
    this.#search ??= new Dfa(this.#program, this.#newline, true);
    return this.#search;
  }

  get #machine(): PikeMachine {
    this.#pike ??= new PikeMachine(this.#program, this.#newline);
    return this.#pike;
  }

  #native(notBol: boolean): RegExp {
    const flags = this.groupCount > 0 ? 'd' : '';
    const made = (lines: LineStart) => new RegExp(nativeSource(this.#parsed.root, lines), flags);
    if (notBol) {
      this.#execNotBol ??= made(this.#newline ? 'inner-lines' : 'never');
      return this.#execNotBol;
    }
    this.#exec ??= made(this.#newline ? 'lines' : 'text');
    return this.#exec;
  }

  #quick(text: string, notBol: boolean): readonly number[] | undefined {
    const found = this.#native(notBol).exec(text);
    if (found === null) return undefined;
    const slots = slotsOf(found);
    if (this.#sureGroups && (this.#sureEnd || this.#isLongest(text, slots, notBol))) return slots;
    return this.#machine.run(text, 0, notBol);
  }

  #isLongest(text: string, slots: readonly number[], notBol: boolean): boolean {
    this.#measure ??= new Dfa(this.#program, this.#newline, false);
    return this.#measure.longest(text, slots[0] ?? 0, notBol) === slots[1];
  }

  #linear(text: string, notBol: boolean): readonly number[] | undefined {
    return this.#searcher.test(text, notBol) ? this.#machine.run(text, 0, notBol) : undefined;
  }
}

/** A pattern with back-references: JavaScript's engine alone knows them. */
class NativeRegex implements Regex {
  readonly source: string;
  readonly groupCount: number;
  readonly #bol: RegExp;
  readonly #notBol: RegExp;

  constructor(source: string, parsed: ParsedRegex, flags: RegexFlags) {
    this.source = source;
    this.groupCount = parsed.groupCount;
    const options = flags.ignoreCase ? 'di' : 'd';
    this.#bol = new RegExp(nativeSource(parsed.root, flags.newline ? 'lines' : 'text'), options);
    this.#notBol = new RegExp(nativeSource(parsed.root, flags.newline ? 'inner-lines' : 'never'), options);
  }

  test(text: string): boolean {
    return this.#bol.test(untilNul(text));
  }

  exec(text: string, from = 0, notBol = false): RegexMatch | undefined {
    const whole = untilNul(text);
    if (from > whole.length) return undefined;
    const found = (notBol ? this.#notBol : this.#bol).exec(from === 0 ? whole : whole.slice(from));
    return found === null ? undefined : matchOf(slotsOf(found), from);
  }
}

function slotsOf(found: RegExpExecArray): number[] {
  const { indices } = found;
  if (indices === undefined) return [found.index, found.index + found[0].length];
  const out: number[] = [];
  for (let i = 0; i < indices.length; i++) {
    const pair = indices[i];
    if (pair === undefined) out.push(-1, -1);
    else out.push(pair[0], pair[1]);
  }
  return out;
}

function matchOf(slots: readonly number[], offset: number): RegexMatch {
  const groups: [number, number][] = [];
  for (let i = 0; i < slots.length; i += 2) {
    const start = slots[i]!;
    groups.push(start < 0 ? [-1, -1] : [start + offset, slots[i + 1]! + offset]);
  }
  return { start: groups[0]![0], end: groups[0]![1], groups };
}
