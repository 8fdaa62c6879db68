/**
 * Regular expressions as POSIX extended ones mean them (regcomp of glibc, REG_EXTENDED), compiled once.
 *
 * JavaScript's engine answers where it is sure to be quick; of its match only the start is taken on trust, because POSIX
 * wants the longest one: a small automaton measures that, and where it disagrees a machine that follows all ways at once
 * gives the match. The same two take over where backtracking could run away, so that no text can hold the server up.
 * Patterns with back-references, which nothing matches in linear time, have a bound on their steps: past it, no match.
 */
import type { BindResult } from './module.js';
import { isGreedyLongest } from './regex/ambiguity.js';
import { Backtracker } from './regex/backtrack.js';
import { Dfa } from './regex/dfa.js';
import { hasLoopedGroup, isAnchored, type LineStart, nativeLimit, nativeSource } from './regex/native.js';
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
  const program = compileProgram(parsed.root, parsed.groupCount);
  if (program === undefined) return { error: 'Regular expression too big' };
  if (parsed.hasBackrefs) return { ok: new CountedRegex(source, program, newline, flags.ignoreCase ?? false) };
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
  /** Finds whether and where a match begins; the second one where `^` does not match at the start. */
  readonly #find: RegExp;
  #findNotBol: RegExp | undefined;
  /** The same with the offsets of groups. */
  #groups: RegExp | undefined;
  #groupsNotBol: RegExp | undefined;
  #search: Dfa | undefined;
  #measure: Dfa | undefined;
  #pike: PikeMachine | undefined;
  #ways: Backtracker | undefined;

  constructor(source: string, parsed: ParsedRegex, program: RegexProgram, newline: boolean) {
    this.source = source;
    this.groupCount = parsed.groupCount;
    this.#parsed = parsed;
    this.#program = program;
    this.#newline = newline;
    this.#limit = nativeLimit(parsed.root, !newline && isAnchored(parsed.root));
    this.#sureEnd = isGreedyLongest(parsed.root, newline);
    this.#sureGroups = !hasLoopedGroup(parsed.root);
    this.#find = this.#limit >= 0 ? this.#native(false, '') : /(?!)/;
  }

  test(text: string): boolean {
    const subject = untilNul(text);
    return subject.length <= this.#limit ? this.#find.test(subject) : this.#searcher.test(subject, false);
  }

  exec(text: string, from = 0, notBol = false): RegexMatch | undefined {
    const whole = untilNul(text);
    if (from > whole.length) return undefined;
    const subject = from === 0 ? whole : whole.slice(from);
    return subject.length <= this.#limit ? this.#quick(subject, from, notBol) : this.#linear(subject, from, notBol);
  }

  get #searcher(): Dfa {
    this.#search ??= new Dfa(this.#program, this.#newline, true);
    return this.#search;
  }

  get #machine(): PikeMachine {
    this.#pike ??= new PikeMachine(this.#program, this.#newline);
    return this.#pike;
  }

  #native(notBol: boolean, flags: string): RegExp {
    const starts: LineStart = notBol ? (this.#newline ? 'inner-lines' : 'never') : this.#newline ? 'lines' : 'text';
    return new RegExp(nativeSource(this.#parsed.root, starts), flags);
  }

  #quick(text: string, offset: number, notBol: boolean): RegexMatch | undefined {
    if (notBol) this.#findNotBol ??= this.#native(true, '');
    const found = (notBol ? this.#findNotBol! : this.#find).exec(text);
    if (found === null) return undefined;
    const start = found.index;
    const end = start + found[0].length;
    if (!this.#sureEnd && !this.#isLongest(text, start, end, notBol)) return this.#followed(text, offset, notBol);
    return new Match(start, end, offset, () => this.#slots(text, notBol));
  }

  /** Offsets of the groups of the match that JavaScript found. */
  #slots(text: string, notBol: boolean): readonly number[] {
    if (!this.#sureGroups) return this.#machine.run(text, 0, notBol) ?? [];
    if (notBol) this.#groupsNotBol ??= this.#native(true, 'd');
    else this.#groups ??= this.#native(false, 'd');
    const found = (notBol ? this.#groupsNotBol! : this.#groups!).exec(text);
    return found === null ? [] : slotsOf(found);
  }

  #isLongest(text: string, start: number, end: number, notBol: boolean): boolean {
    this.#measure ??= new Dfa(this.#program, this.#newline, false);
    return this.#measure.longest(text, start, notBol) === end;
  }

  #linear(text: string, offset: number, notBol: boolean): RegexMatch | undefined {
    return this.#searcher.test(text, notBol) ? this.#followed(text, offset, notBol) : undefined;
  }

  #followed(text: string, offset: number, notBol: boolean): RegexMatch | undefined {
    this.#ways ??= new Backtracker(this.#program, this.#newline, false);
    if (!this.#ways.fits(text.length)) {
      const slots = this.#machine.run(text, 0, notBol);
      return slots === undefined ? undefined : matchOf(slots, offset);
    }
    const ways = this.#ways;
    const start = ways.start(text, notBol);
    if (start < 0) return undefined;
    this.#measure ??= new Dfa(this.#program, this.#newline, false);
    const end = this.#measure.longest(text, start, notBol);
    return new Match(start, end, offset, () => ways.between(text, start, end, notBol) ?? [start, end]);
  }
}

/** A pattern with back-references: no automaton knows them. */
class CountedRegex implements Regex {
  readonly source: string;
  readonly groupCount: number;
  readonly #machine: Backtracker;

  constructor(source: string, program: RegexProgram, newline: boolean, ignoreCase: boolean) {
    this.source = source;
    this.groupCount = program.groupCount;
    this.#machine = new Backtracker(program, newline, ignoreCase);
  }

  test(text: string): boolean {
    return this.#machine.countedTest(untilNul(text));
  }

  exec(text: string, from = 0, notBol = false): RegexMatch | undefined {
    const whole = untilNul(text);
    if (from > whole.length) return undefined;
    const slots = this.#machine.counted(from === 0 ? whole : whole.slice(from), notBol);
    return slots === undefined ? undefined : matchOf(slots, from);
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
  return new Match(slots[0]!, slots[1]!, offset, () => slots);
}

/** A match whose groups are worked out when they are asked for. */
class Match implements RegexMatch {
  readonly start: number;
  readonly end: number;
  readonly #offset: number;
  readonly #slots: () => readonly number[];
  #groups: (readonly [number, number])[] | undefined;

  constructor(start: number, end: number, offset: number, slots: () => readonly number[]) {
    this.start = start + offset;
    this.end = end + offset;
    this.#offset = offset;
    this.#slots = slots;
  }

  get groups(): readonly (readonly [number, number])[] {
    this.#groups ??= this.#read();
    return this.#groups;
  }

  #read(): (readonly [number, number])[] {
    const slots = this.#slots();
    const out: (readonly [number, number])[] = [];
    for (let i = 0; i < slots.length; i += 2) {
      const start = slots[i]!;
      out.push(start < 0 ? [-1, -1] : [start + this.#offset, slots[i + 1]! + this.#offset]);
    }
    return out;
  }
}
