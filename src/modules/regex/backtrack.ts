/**
 * Matches what no automaton can: look-around, references, atomic groups, recursion. Backtracking, with a bound on the steps,
 * as PCRE has its match limit: past it there is no match.
 */
import { WORD } from '../../runtime/regex/charset.js';
import { type Condition, fixedLength, type GroupRef, type ParsedPcre, type PcreNode, type Place } from './node.js';

const MAX_STEPS = 500_000;
/** Frames of JavaScript's stack that nesting may take. */
const MAX_NESTING = 1500;

/** What a match in progress knows. */
interface Run {
  readonly text: string;
  /** Start and end by group, -1 unset. */
  ends: number[];
  steps: number;
  nesting: number;
  /** The group whose recursion runs; -1 none. */
  recursion: number;
  /** A bound was passed: whatever comes out is no match. */
  failed: boolean;
}

type Next = (at: number) => boolean;
type Matcher = (run: Run, at: number, next: Next) => boolean;

/** Finds the first match of the pattern: start and end by group, the match itself being group 0. */
export function backtracker(parsed: ParsedPcre): (text: string) => readonly number[] | undefined {
  const compiler = new Compiler(parsed);
  const match = compiler.compile(parsed.root);
  const slots = 2 * (parsed.groupCount + 1);
  return (text) => {
    const run: Run = { text, ends: [], steps: 0, nesting: 0, recursion: -1, failed: false };
    let end = -1;
    const done = (to: number) => {
      end = to;
      return true;
    };
    for (let at = 0; at <= text.length && !run.failed; at++) {
      run.ends = new Array<number>(slots).fill(-1);
      if (!withinStack(run, () => match(run, at, done)) || run.failed) continue;
      run.ends[0] = at;
      run.ends[1] = end;
      return run.ends;
    }
    return undefined;
  };
}

/** The stack of JavaScript is a bound as well: how much of it is left depends on who calls. */
function withinStack(run: Run, match: () => boolean): boolean {
  try {
    return match();
  } catch (e) {
    if (!(e instanceof RangeError)) throw e;
    run.failed = true;
    return false;
  }
}

class Compiler {
  readonly #parsed: ParsedPcre;
  /** Bodies of groups for calls, made when all are known. */
  readonly #groups = new Map<number, Matcher>();

  constructor(parsed: ParsedPcre) {
    this.#parsed = parsed;
  }

  compile(node: PcreNode): Matcher {
    switch (node.kind) {
      case 'empty':
        return (_run, at, next) => next(at);
      case 'fail':
        return () => false;
      case 'set':
        return (run, at, next) => node.set[run.text.charCodeAt(at)] === 1 && next(at + 1);
      case 'place':
        return (run, at, next) => isAt(node.what, run.text, at) && next(at);
      case 'cat':
        return sequence(node.parts.map((p) => this.compile(p)));
      case 'alt': {
        const branches = node.branches.map((b) => this.compile(b));
        return (run, at, next) => branches.some((b) => b(run, at, next));
      }
      case 'group':
        return this.#group(node.index, node.body);
      case 'atomic':
        return atomic(this.compile(node.body));
      case 'look':
        return this.#look(node.behind, node.negative, node.body);
      case 'repeat':
        return this.#repeat(node.body, node.min, node.max, node.lazy);
      case 'backref':
        return this.#backref(node.ref, node.ignoreCase);
      case 'call':
        return this.#call(node.ref);
      case 'conditional':
        return this.#conditional(node.test, this.compile(node.yes), this.compile(node.no));
    }
  }

  #numbers(ref: GroupRef): readonly number[] {
    return typeof ref === 'number' ? [ref] : (this.#parsed.names.get(ref) ?? []);
  }

  #group(index: number, body: PcreNode): Matcher {
    const inner = this.compile(body);
    const match: Matcher = (run, at, next) => {
      const before = [run.ends[2 * index]!, run.ends[2 * index + 1]!] as const;
      const found = inner(run, at, (end) => {
        const previous = [run.ends[2 * index]!, run.ends[2 * index + 1]!] as const;
        run.ends[2 * index] = at;
        run.ends[2 * index + 1] = end;
        if (next(end)) return true;
        [run.ends[2 * index], run.ends[2 * index + 1]] = previous;
        return false;
      });
      if (!found) [run.ends[2 * index], run.ends[2 * index + 1]] = before;
      return found;
    };
    if (!this.#groups.has(index)) this.#groups.set(index, match);
    return match;
  }

  #look(behind: boolean, negative: boolean, body: PcreNode): Matcher {
    const branches = behind && body.kind === 'alt' ? body.branches : [body];
    const tests = branches.map((b) => ({ match: this.compile(b), back: behind ? (fixedLength(b) ?? 0) : 0 }));
    return (run, at, next) => {
      const before = run.ends.slice();
      const found = tests.some(
        ({ match, back }) => at >= back && match(run, at - back, (end) => !behind || end === at),
      );
      if (found === negative) {
        run.ends = before;
        return false;
      }
      if (negative) run.ends = before;
      if (next(at)) return true;
      run.ends = before;
      return false;
    };
  }

  #repeat(body: PcreNode, min: number, max: number, lazy: boolean): Matcher {
    if (body.kind === 'set') return repeatSet(body.set, min, max, lazy);
    const inner = this.compile(body);
    const turn = (run: Run, at: number, count: number, next: Next): boolean => {
      if (isSpent(run)) return false;
      const again = () => {
        run.nesting++;
        // A turn that took nothing ends the loop.
        const found = inner(run, at, (end) => (end === at && count >= min ? false : turn(run, end, count + 1, next)));
        run.nesting--;
        return found;
      };
      if (count < min) return again();
      if (lazy) return next(at) || (count < max && again());
      return (count < max && again()) || next(at);
    };
    return (run, at, next) => turn(run, at, 0, next);
  }

  #backref(ref: GroupRef, ignoreCase: boolean): Matcher {
    const numbers = this.#numbers(ref);
    return (run, at, next) => {
      const index = numbers.find((n) => run.ends[2 * n + 1]! >= 0);
      if (index === undefined) return false;
      const want = run.text.slice(run.ends[2 * index], run.ends[2 * index + 1]);
      const have = run.text.slice(at, at + want.length);
      const same = ignoreCase ? lower(have) === lower(want) : have === want;
      return same && next(at + want.length);
    };
  }

  /** A call is atomic and leaves the groups as they were (PCRE 8). */
  #call(ref: GroupRef): Matcher {
    const index = this.#numbers(ref)[0] ?? 0;
    let whole: Matcher | undefined;
    return (run, at, next) => {
      if (isSpent(run)) return false;
      whole ??= index === 0 ? this.compile(this.#parsed.root) : this.#groups.get(index);
      const { ends, recursion } = run;
      run.ends = ends.slice();
      run.recursion = index;
      run.nesting += 3;
      let end = -1;
      const found = whole?.(run, at, (to) => {
        end = to;
        return true;
      });
      run.nesting -= 3;
      run.ends = ends;
      run.recursion = recursion;
      return found === true && next(end);
    };
  }

  #conditional(test: Condition, yes: Matcher, no: Matcher): Matcher {
    const holds = this.#condition(test);
    return (run, at, next) => (holds(run, at) ? yes(run, at, next) : no(run, at, next));
  }

  #condition(test: Condition): (run: Run, at: number) => boolean {
    if (test.kind === 'never') return () => false;
    if (test.kind === 'look') {
      const look = this.compile(test.look);
      return (run, at) => look(run, at, () => true);
    }
    const numbers = test.ref === null ? [] : this.#numbers(test.ref);
    if (test.kind === 'group') return (run) => numbers.some((n) => run.ends[2 * n + 1]! >= 0);
    return (run) => (test.ref === null ? run.recursion >= 0 : numbers.includes(run.recursion));
  }
}

/** Counts a step; true when a bound is passed. */
function isSpent(run: Run): boolean {
  if (++run.steps > MAX_STEPS || run.nesting > MAX_NESTING) run.failed = true;
  return run.failed;
}

function sequence(parts: readonly Matcher[]): Matcher {
  const from = (run: Run, i: number, at: number, next: Next): boolean => {
    const part = parts[i];
    if (part === undefined) return next(at);
    return !isSpent(run) && part(run, at, (end) => from(run, i + 1, end, next));
  };
  return (run, at, next) => from(run, 0, at, next);
}

function atomic(inner: Matcher): Matcher {
  return (run, at, next) => {
    const before = run.ends.slice();
    let end = -1;
    const found = inner(run, at, (to) => {
      end = to;
      return true;
    });
    if (found && next(end)) return true;
    run.ends = before;
    return false;
  };
}

/** Repeats of one set need no nesting. */
function repeatSet(set: Uint8Array, min: number, max: number, lazy: boolean): Matcher {
  return (run, at, next) => {
    const { text } = run;
    const limit = Math.min(text.length, at + max);
    let most = at;
    while (most < limit && set[text.charCodeAt(most)] === 1) most++;
    run.steps += (most - at) >> 3;
    const least = at + min;
    if (lazy) {
      for (let to = least; to <= most; to++) if (isSpent(run) || next(to)) return !run.failed;
      return false;
    }
    for (let to = most; to >= least; to--) if (isSpent(run) || next(to)) return !run.failed;
    return false;
  };
}

const isWord = (text: string, at: number) => WORD[text.charCodeAt(at)] === 1;
const NEWLINE = 10;

function isAt(what: Place, text: string, at: number): boolean {
  const end = text.length;
  switch (what) {
    case 'start':
      return at === 0;
    case 'line-start':
      return at === 0 || (at < end && text.charCodeAt(at - 1) === NEWLINE);
    case 'end':
      return at === end;
    case 'end-or-newline':
      return at === end || (at === end - 1 && text.charCodeAt(at) === NEWLINE);
    case 'line-end':
      return at === end || text.charCodeAt(at) === NEWLINE;
    case 'word-edge':
      return isWord(text, at - 1) !== isWord(text, at);
    case 'no-word-edge':
      return isWord(text, at - 1) === isWord(text, at);
  }
}

function lower(text: string): string {
  return text.replace(/[A-Z]+/g, (s) => s.toLowerCase());
}
