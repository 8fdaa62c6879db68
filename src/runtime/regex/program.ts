/** A regular expression as a small program for the engines that run in linear time, and for the one that counts its steps. */
import type { ByteSet } from './charset.js';
import { type AssertionKind, nullable, type RegexNode } from './node.js';

export const OP = { SET: 0, SPLIT: 1, JUMP: 2, SAVE: 3, ASSERT: 4, MATCH: 5, PROGRESS: 6, BACKREF: 7 } as const;

/** Parallel arrays, one entry an instruction; `a` is preferred to `b` in a SPLIT. */
export interface RegexProgram {
  readonly op: number[];
  /** SET, SAVE, ASSERT: the next instruction; SPLIT: the preferred one; JUMP: the target. */
  readonly a: number[];
  /** SPLIT: the other one; SAVE, PROGRESS: the slot; BACKREF: the group; ASSERT: ASSERTION_CODE. */
  readonly b: number[];
  readonly sets: (ByteSet | null)[];
  /** Two a group, the whole match first; then one a loop whose body can be empty. */
  readonly slots: number;
  readonly groupCount: number;
}

export const ASSERTION_CODE: Readonly<Record<AssertionKind, number>> = {
  'line-start': 0,
  'line-end': 1,
  'text-start': 2,
  'text-end': 3,
  'word-edge': 4,
  'no-word-edge': 5,
  'word-start': 6,
  'word-end': 7,
};

/** Instructions: repeats are written out, so a small pattern can be a large program. */
const MAX_SIZE = 100_000;

/** undefined: too large. */
export function compileProgram(root: RegexNode, groupCount: number): RegexProgram | undefined {
  const builder = new Builder(2 * (groupCount + 1));
  if (!builder.emit({ kind: 'group', index: 0, body: root })) return undefined;
  builder.add(OP.MATCH);
  return { ...builder.program, slots: builder.slots, groupCount };
}

class Builder {
  readonly program: { op: number[]; a: number[]; b: number[]; sets: (ByteSet | null)[] } = {
    op: [],
    a: [],
    b: [],
    sets: [],
  };
  slots: number;

  constructor(slots: number) {
    this.slots = slots;
  }

  /** Adds an instruction that goes on with the one after it. */
  add(op: number, b = 0, set: ByteSet | null = null): number {
    const at = this.program.op.length;
    this.program.op.push(op);
    this.program.a.push(at + 1);
    this.program.b.push(b);
    this.program.sets.push(set);
    return at;
  }

  get #next(): number {
    return this.program.op.length;
  }

  emit(node: RegexNode): boolean {
    if (this.#next > MAX_SIZE) return false;
    switch (node.kind) {
      case 'empty':
        return true;
      case 'set':
        this.add(OP.SET, 0, node.set);
        return true;
      case 'assert':
        this.add(OP.ASSERT, ASSERTION_CODE[node.what]);
        return true;
      case 'group':
        this.add(OP.SAVE, 2 * node.index);
        if (!this.emit(node.body)) return false;
        this.add(OP.SAVE, 2 * node.index + 1);
        return true;
      case 'cat':
        return node.parts.every((part) => this.emit(part));
      case 'alt':
        return this.#alternatives(node.branches);
      case 'repeat':
        return this.#repeat(node.body, node.min, node.max);
      case 'backref':
        this.add(OP.BACKREF, node.index);
        return true;
    }
  }

  #alternatives(branches: readonly RegexNode[]): boolean {
    const jumps: number[] = [];
    for (const [i, branch] of branches.entries()) {
      const last = i === branches.length - 1;
      const split = last ? -1 : this.add(OP.SPLIT);
      if (!this.emit(branch)) return false;
      if (last) break;
      jumps.push(this.add(OP.JUMP));
      this.program.b[split] = this.#next;
    }
    for (const jump of jumps) this.program.a[jump] = this.#next;
    return true;
  }

  #repeat(body: RegexNode, min: number, max: number): boolean {
    for (let i = 0; i < min; i++) if (!this.emit(body)) return false;
    if (max === Infinity) return nullable(body) ? this.#emptyStar(body, min === 0) : this.#star(body);
    return this.#options(body, max - min, min > 0 && nullable(body));
  }

  /** `count` more turns, each within the one before. `progress`: none of them may be empty (glibc, when one went before). */
  #options(body: RegexNode, count: number, progress: boolean): boolean {
    const splits: number[] = [];
    for (let i = 0; i < count; i++) {
      splits.push(this.add(OP.SPLIT));
      const slot = progress ? this.slots++ : 0;
      if (progress) this.add(OP.SAVE, slot);
      if (!this.emit(body)) return false;
      if (progress) this.add(OP.PROGRESS, slot);
    }
    for (const split of splits) this.program.b[split] = this.#next;
    return true;
  }

  #star(body: RegexNode): boolean {
    const split = this.add(OP.SPLIT);
    if (!this.emit(body)) return false;
    this.program.a[this.add(OP.JUMP)] = split;
    this.program.b[split] = this.#next;
    return true;
  }

  /**
   * A body that can be empty: entered once even so when it is the first turn, for that is how glibc sets its groups;
   * a later turn must consume something.
   */
  #emptyStar(body: RegexNode, first: boolean): boolean {
    const slot = this.slots++;
    const enter = this.add(OP.SPLIT);
    if (!first) this.add(OP.SAVE, slot);
    const begin = this.#next;
    if (!this.emit(body)) return false;
    this.add(OP.PROGRESS, slot);
    const again = this.add(OP.SPLIT);
    this.program.a[again] = this.add(OP.SAVE, slot);
    this.program.a[this.add(OP.JUMP)] = begin;
    this.program.b[enter] = this.program.b[again] = this.#next;
    return true;
  }
}

// ------------------------------------------------------------------- contexts

/** What stands on one side of a place: the edge of the text, a newline, a character of a word, or another one. */
export const SIDE = { EDGE: 0, EDGE_NOT_LINE: 1, NEWLINE: 2, WORD: 3, OTHER: 4 } as const;

/** Does an assertion hold between two sides? `newline`: lines count (REG_NEWLINE). */
export function holds(code: number, before: number, after: number, newline: boolean): boolean {
  const wordBefore = before === SIDE.WORD;
  const wordAfter = after === SIDE.WORD;
  switch (code) {
    case 0:
      return before === SIDE.EDGE || (newline && before === SIDE.NEWLINE);
    case 1:
      return after === SIDE.EDGE || (newline && after === SIDE.NEWLINE);
    case 2:
      return before === SIDE.EDGE || before === SIDE.EDGE_NOT_LINE;
    case 3:
      return after === SIDE.EDGE;
    case 4:
      return wordBefore !== wordAfter;
    case 5:
      return wordBefore === wordAfter;
    case 6:
      return !wordBefore && wordAfter;
    default:
      return wordBefore && !wordAfter;
  }
}
