/**
 * Is a greedy match the longest one by the form of a pattern alone? JavaScript takes the first way that succeeds, POSIX
 * the longest: where at most one way is open at each byte (Glushkov's automaton is deterministic) they are the same.
 */
import { ANY, type ByteSet } from './charset.js';
import { nullable, type RegexNode } from './node.js';

/** Sets in a pattern with its repeats written out; larger ones are measured at each match instead. */
const MAX_POSITIONS = 120;

class TooLarge extends Error {}

interface Part {
  readonly empty: boolean;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

const EMPTY: Part = { empty: true, first: [], last: [] };

class Automaton {
  readonly sets: ByteSet[] = [];
  readonly follow: Set<number>[] = [];

  part(node: RegexNode): Part {
    switch (node.kind) {
      case 'set':
        return this.#position(node.set);
      case 'group':
        return this.part(node.body);
      case 'cat':
        return node.parts.map((p) => this.part(p)).reduce((a, b) => this.#joined(a, b));
      case 'alt':
        return node.branches.map((b) => this.part(b)).reduce(either);
      case 'repeat':
        return this.#repeat(node.body, node.min, node.max);
      default:
        return EMPTY;
    }
  }

  #position(set: ByteSet): Part {
    if (this.sets.length >= MAX_POSITIONS) throw new TooLarge();
    const at = this.sets.length;
    this.sets.push(set);
    this.follow.push(new Set());
    return { empty: false, first: [at], last: [at] };
  }

  #link(from: readonly number[], to: readonly number[]): void {
    for (const at of from) for (const next of to) this.follow[at]?.add(next);
  }

  #joined(a: Part, b: Part): Part {
    this.#link(a.last, b.first);
    return {
      empty: a.empty && b.empty,
      first: a.empty ? [...a.first, ...b.first] : a.first,
      last: b.empty ? [...a.last, ...b.last] : b.last,
    };
  }

  #repeat(body: RegexNode, min: number, max: number): Part {
    if (max !== Infinity) return this.#counted(body, min, max);
    let out = EMPTY;
    for (let i = 0; i < Math.max(min, 1); i++) {
      const one = this.part(body);
      if (i >= min - 1) this.#link(one.last, one.first);
      out = i === 0 ? one : this.#joined(out, one);
    }
    return min === 0 ? { ...out, empty: true } : out;
  }

  #counted(body: RegexNode, min: number, max: number): Part {
    let out = EMPTY;
    for (let i = 0; i < max; i++) {
      const one = this.part(body);
      out = this.#joined(out, i < min ? one : { ...one, empty: true });
    }
    return out;
  }
}

function either(a: Part, b: Part): Part {
  return { empty: a.empty || b.empty, first: [...a.first, ...b.first], last: [...a.last, ...b.last] };
}

function overlap(a: ByteSet, b: ByteSet): boolean {
  for (let byte = 0; byte < 256; byte++) if (a[byte] === 1 && b[byte] === 1) return true;
  return false;
}

function isApart(positions: Iterable<number>, sets: readonly ByteSet[]): boolean {
  const all = [...new Set(positions)];
  return all.every((a, i) => all.slice(i + 1).every((b) => !overlap(sets[a]!, sets[b]!)));
}

/** An empty branch before another one is taken first, however long the other is. */
function hasEarlyEmptyBranch(node: RegexNode): boolean {
  switch (node.kind) {
    case 'group':
    case 'repeat':
      return hasEarlyEmptyBranch(node.body);
    case 'cat':
      return node.parts.some(hasEarlyEmptyBranch);
    case 'alt':
      return node.branches.slice(0, -1).some(nullable) || node.branches.some(hasEarlyEmptyBranch);
    default:
      return false;
  }
}

function isDeterministic(root: RegexNode): boolean {
  const automaton = new Automaton();
  try {
    const { first } = automaton.part(root);
    return [first, ...automaton.follow].every((positions) => isApart(positions, automaton.sets));
  } catch (e) {
    if (e instanceof TooLarge) return false;
    throw e;
  }
}

/** Does every match end at the end of the text, or take all of it at last (`.*`)? */
function endsAtEnd(node: RegexNode): boolean {
  switch (node.kind) {
    case 'assert':
      return node.what === 'line-end' || node.what === 'text-end';
    case 'group':
      return endsAtEnd(node.body);
    case 'cat':
      return endsAtEnd(node.parts[node.parts.length - 1]!);
    case 'alt':
      return node.branches.every(endsAtEnd);
    case 'repeat':
      return node.max === Infinity && node.body.kind === 'set' && node.body.set === ANY;
    default:
      return false;
  }
}

/** `lines`: `$` matches before a newline too. */
export function isGreedyLongest(root: RegexNode, lines: boolean): boolean {
  return (!lines && endsAtEnd(root)) || (!hasEarlyEmptyBranch(root) && isDeterministic(root));
}
