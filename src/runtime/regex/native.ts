/** The same pattern for JavaScript's own engine, and how long a text it may be given. */
import type { ByteSet } from './charset.js';
import { type AssertionKind, nullable, type RegexNode } from './node.js';

/** What `^` means: at the start of a text that begins a line, in lines (REG_NEWLINE), or when it begins none. */
export type LineStart = 'text' | 'lines' | 'never' | 'inner-lines';

const LINE_START: Readonly<Record<LineStart, string>> = {
  text: '^',
  lines: '(?<![^\\n])',
  never: '(?!)',
  'inner-lines': '(?<=\\n)',
};

const ASSERTIONS: Readonly<Record<Exclude<AssertionKind, 'line-start' | 'line-end'>, string>> = {
  'text-start': '^',
  'text-end': '$',
  'word-edge': '\\b',
  'no-word-edge': '\\B',
  'word-start': '\\b(?=\\w)',
  'word-end': '\\b(?<=\\w)',
};

/** JavaScript source; no flag is needed to read it. */
export function nativeSource(node: RegexNode, lineStart: LineStart): string {
  switch (node.kind) {
    case 'empty':
      return '';
    case 'set':
      return setSource(node.set);
    case 'assert':
      if (node.what === 'line-start') return LINE_START[lineStart];
      if (node.what === 'line-end') return lineStart.endsWith('lines') ? '(?![^\\n])' : '$';
      return ASSERTIONS[node.what];
    case 'group':
      return `(${nativeSource(node.body, lineStart)})`;
    case 'cat':
      return node.parts.map((part) => nativeSource(part, lineStart)).join('');
    case 'alt':
      return `(?:${node.branches.map((branch) => nativeSource(branch, lineStart)).join('|')})`;
    case 'repeat':
      return `(?:${nativeSource(node.body, lineStart)})${quantifier(node.min, node.max)}`;
    case 'backref':
      return `(?:\\${node.index})`;
  }
}

function quantifier(min: number, max: number): string {
  if (min === 0 && max === 1) return '?';
  if (max !== Infinity) return `{${min},${max}}`;
  return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
}

const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;

function setSource(set: ByteSet): string {
  const parts: string[] = [];
  for (let byte = 0; byte < 256; byte++) {
    if (set[byte] !== 1) continue;
    const low = byte;
    while (byte < 255 && set[byte + 1] === 1) byte++;
    parts.push(low === byte ? hex(low) : `${hex(low)}-${hex(byte)}`);
  }
  if (parts.length === 0) return '(?!)';
  if (parts[0] === '\\x00-\\xff') return '[^]';
  return parts.length === 1 && parts[0]?.length === 4 ? parts[0] : `[${parts.join('')}]`;
}

// ----------------------------------------------------------------------- cost

/** A backtracking engine may try `factor * length ** loops` ways. */
interface Cost {
  readonly loops: number;
  readonly factor: number;
}

/** Steps that one match may take at most, some milliseconds. */
const MAX_STEPS = 2_000_000;

/** Length of the longest text that backtracking is sure to be done with soon; -1 where any could hold it up. */
export function nativeLimit(root: RegexNode, anchored: boolean): number {
  const { loops, factor } = costOf(root);
  const degree = loops + (anchored ? 0 : 1);
  if (!Number.isFinite(degree) || factor > MAX_STEPS) return -1;
  return degree === 0 ? Infinity : Math.floor((MAX_STEPS / factor) ** (1 / degree));
}

function costOf(node: RegexNode): Cost {
  switch (node.kind) {
    case 'group':
      return costOf(node.body);
    case 'cat':
      return node.parts.map(costOf).reduce((x, y) => ({ loops: x.loops + y.loops, factor: x.factor * y.factor }));
    case 'alt':
      return node.branches
        .map(costOf)
        .reduce((x, y) => ({ loops: Math.max(x.loops, y.loops), factor: x.factor + y.factor }));
    case 'repeat':
      return repeatCost(costOf(node.body), node.min, node.max);
    case 'backref':
      return { loops: 1, factor: 1 };
    default:
      return { loops: 0, factor: 1 };
  }
}

function repeatCost({ loops, factor }: Cost, min: number, max: number): Cost {
  const fixed = loops === 0 && factor === 1;
  if (max === Infinity) return fixed ? { loops: 1, factor: 1 } : { loops: Infinity, factor: Infinity };
  if (fixed) return { loops: 0, factor: max - min + 1 };
  return { loops: loops * max, factor: factor ** max * (max - min + 1) };
}

/** Does every match begin at the start of the text? */
export function isAnchored(node: RegexNode): boolean {
  switch (node.kind) {
    case 'assert':
      return node.what === 'line-start' || node.what === 'text-start';
    case 'group':
      return isAnchored(node.body);
    case 'cat':
      return node.parts.some((part, i) => isAnchored(part) && node.parts.slice(0, i).every((p) => p.kind === 'assert'));
    case 'alt':
      return node.branches.every(isAnchored);
    default:
      return false;
  }
}

/** Is a group inside what is repeated? JavaScript forgets it at each turn, POSIX does not. */
export function hasLoopedGroup(node: RegexNode, looped = false): boolean {
  switch (node.kind) {
    case 'group':
      return looped || hasLoopedGroup(node.body, looped);
    case 'cat':
      return node.parts.some((part) => hasLoopedGroup(part, looped));
    case 'alt':
      return node.branches.some((branch) => hasLoopedGroup(branch, looped));
    case 'repeat':
      return hasLoopedGroup(node.body, looped || node.max > 1 || nullable(node.body));
    default:
      return false;
  }
}
