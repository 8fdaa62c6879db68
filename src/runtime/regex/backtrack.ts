/**
 * Finds the groups of a match by trying one way after the other, and remembers where no way leads on: each instruction
 * runs at most once a place, so that the time is bounded by the text's length times the program's. Patterns with
 * back-references cannot be remembered like that; for them the steps are counted, and past the bound there is no match.
 */
import { sideOf } from './pike.js';
import { holds, OP, type RegexProgram, SIDE } from './program.js';

/** Steps that a pattern with back-references may take, some ten milliseconds. */
const MAX_STEPS = 1_000_000;
/** Bits that may be kept of where no way leads on: 8 MB. */
const MAX_BITS = 1 << 26;
/** A byte compared costs less than a step. */
const BYTES_A_STEP = 16;

/** What to do at the end of the pattern. */
type Accept = (end: number) => boolean;

export class Backtracker {
  readonly #program: RegexProgram;
  readonly #newline: boolean;
  readonly #ignoreCase: boolean;
  readonly #counted: boolean;
  #slots: number[] = [];
  #seen = new Uint32Array(0);
  #steps = 0;

  constructor(program: RegexProgram, newline: boolean, ignoreCase: boolean) {
    this.#program = program;
    this.#newline = newline;
    this.#ignoreCase = ignoreCase;
    this.#counted = program.op.includes(OP.BACKREF);
  }

  /** Is what it remembers of a text so long small enough? */
  fits(length: number): boolean {
    return this.#program.op.length * (length + 1) <= MAX_BITS;
  }

  /** Start of the leftmost match; -1: none. */
  start(text: string, notBol: boolean): number {
    this.#forget(text);
    for (let at = 0; at <= text.length; at++) if (this.#try(text, at, notBol, () => true)) return at;
    return -1;
  }

  /** Slots of the first way, by the order of the pattern, from `start` to `end`. */
  between(text: string, start: number, end: number, notBol: boolean): readonly number[] | undefined {
    this.#forget(text);
    return this.#try(text, start, notBol, (at) => at === end) ? this.#found() : undefined;
  }

  /** For patterns with back-references: the leftmost match, of its ways the longest that the bound lets it see. */
  counted(text: string, notBol: boolean): readonly number[] | undefined {
    this.#steps = 0;
    let best: readonly number[] | undefined;
    for (let at = 0; at <= text.length && best === undefined && this.#steps <= MAX_STEPS; at++) {
      let longest = -1;
      this.#try(text, at, notBol, (end) => {
        if (end > longest) {
          longest = end;
          best = this.#found();
        }
        return end === text.length;
      });
    }
    return best;
  }

  /** Is there a match at all, for patterns with back-references? */
  countedTest(text: string): boolean {
    this.#steps = 0;
    for (let at = 0; at <= text.length && this.#steps <= MAX_STEPS; at++) {
      if (this.#try(text, at, false, () => true)) return true;
    }
    return false;
  }

  #found(): readonly number[] {
    return this.#slots.slice(0, 2 * (this.#program.groupCount + 1));
  }

  #forget(text: string): void {
    this.#seen = new Uint32Array((this.#program.op.length * (text.length + 1) + 31) >>> 5);
  }

  /** Follows the ways from one start; a way left to try is an instruction and a place, a slot to restore is ~slot and its value. */
  #try(text: string, from: number, notBol: boolean, accept: Accept): boolean {
    const { op, a, b, sets } = this.#program;
    const size = op.length;
    const seen = this.#seen;
    const counted = this.#counted;
    this.#slots = new Array<number>(this.#program.slots).fill(-1);
    const slots = this.#slots;
    const stack: number[] = [0, from];
    while (stack.length > 0) {
      let at = stack.pop()!;
      let pc = stack.pop()!;
      if (pc < 0) {
        slots[~pc] = at;
        continue;
      }
      for (;;) {
        if (counted) {
          if (++this.#steps > MAX_STEPS) return false;
        } else {
          const bit = at * size + pc;
          const mask = 1 << (bit & 31);
          if ((seen[bit >>> 5]! & mask) !== 0) break;
          seen[bit >>> 5]! |= mask;
        }
        const code = op[pc];
        if (code === OP.SET) {
          if (at >= text.length || sets[pc]![text.charCodeAt(at) & 255] !== 1) break;
          at++;
        } else if (code === OP.SPLIT) stack.push(b[pc]!, at);
        else if (code === OP.SAVE) {
          const slot = b[pc]!;
          stack.push(~slot, slots[slot]!);
          slots[slot] = at;
        } else if (code === OP.PROGRESS) {
          if (slots[b[pc]!] === at) break;
        } else if (code === OP.ASSERT) {
          if (!holds(b[pc]!, before(text, at, notBol), after(text, at), this.#newline)) break;
        } else if (code === OP.BACKREF) {
          const length = this.#referred(text, at, b[pc]!);
          if (length < 0) break;
          at += length;
        } else if (code === OP.MATCH) {
          if (accept(at)) return true;
          break;
        }
        pc = a[pc]!;
      }
    }
    return false;
  }

  /** Length of what the group took when it stands here too, else -1: also where the group took no part (POSIX). */
  #referred(text: string, at: number, group: number): number {
    const start = this.#slots[2 * group]!;
    const end = this.#slots[2 * group + 1]!;
    if (start < 0 || end < start) return -1;
    const length = end - start;
    this.#steps += Math.floor(length / BYTES_A_STEP);
    for (let i = 0; i < length; i++) {
      const x = text.charCodeAt(start + i);
      const y = text.charCodeAt(at + i);
      if (x !== y && !(this.#ignoreCase && lower(x) === lower(y))) return -1;
    }
    return length;
  }
}

const lower = (c: number) => (c >= 65 && c <= 90 ? c + 32 : c);

function before(text: string, at: number, notBol: boolean): number {
  if (at === 0) return notBol ? SIDE.EDGE_NOT_LINE : SIDE.EDGE;
  return sideOf(text.charCodeAt(at - 1) & 255);
}

function after(text: string, at: number): number {
  return at < text.length ? sideOf(text.charCodeAt(at) & 255) : SIDE.EDGE;
}
