/** What a Perl-compatible regular expression (PCRE 8) is made of, after parsing. Bytes, no UTF. */
import type { ByteSet } from '../../runtime/regex/charset.js';

export type Place =
  /** `^`, `\A`, `\G` */
  | 'start'
  /** `^` with flag m: behind each newline but a last one. */
  | 'line-start'
  /** `\z` */
  | 'end'
  /** `$`, `\Z`: at the end and before a last newline. */
  | 'end-or-newline'
  /** `$` with flag m. */
  | 'line-end'
  | 'word-edge'
  | 'no-word-edge';

/** A group by number; by name the lowest that has it and took part. */
export type GroupRef = number | string;

export type Condition =
  | { readonly kind: 'group'; readonly ref: GroupRef }
  /** `(?(R)…)`: inside any recursion, or inside that of one group. */
  | { readonly kind: 'recursion'; readonly ref: GroupRef | null }
  | { readonly kind: 'look'; readonly look: Look }
  | { readonly kind: 'never' };

export interface Look {
  readonly kind: 'look';
  readonly behind: boolean;
  readonly negative: boolean;
  readonly body: PcreNode;
}

export type PcreNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'fail' }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'place'; readonly what: Place }
  | { readonly kind: 'cat'; readonly parts: readonly PcreNode[] }
  | { readonly kind: 'alt'; readonly branches: readonly PcreNode[] }
  | { readonly kind: 'group'; readonly index: number; readonly body: PcreNode }
  | { readonly kind: 'atomic'; readonly body: PcreNode }
  | Look
  | {
      readonly kind: 'repeat';
      readonly body: PcreNode;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    }
  | { readonly kind: 'backref'; readonly ref: GroupRef; readonly ignoreCase: boolean }
  /** `(?1)`, `(?R)` (0), `(?&name)`. */
  | { readonly kind: 'call'; readonly ref: GroupRef }
  | { readonly kind: 'conditional'; readonly test: Condition; readonly yes: PcreNode; readonly no: PcreNode };

export interface PcreFlags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
  readonly ungreedy: boolean;
}

export interface ParsedPcre {
  readonly root: PcreNode;
  readonly groupCount: number;
  /** Numbers of the groups of a name. */
  readonly names: ReadonlyMap<string, readonly number[]>;
}

/** Length of every match; undefined: it varies or cannot be told. */
export function fixedLength(node: PcreNode): number | undefined {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'cat':
      return node.parts.map(fixedLength).reduce(sum, 0);
    case 'alt': {
      const lengths = node.branches.map(fixedLength);
      return lengths.every((l) => l === lengths[0]) ? lengths[0] : undefined;
    }
    case 'group':
    case 'atomic':
      return fixedLength(node.body);
    case 'repeat': {
      const one = fixedLength(node.body);
      return one === undefined || node.min !== node.max ? undefined : one * node.min;
    }
    case 'backref':
    case 'call':
    case 'conditional':
      return undefined;
    default:
      return 0;
  }
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
