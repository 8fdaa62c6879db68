/** What a regular expression is made of, after parsing. */
import type { ByteSet } from './charset.js';

export type AssertionKind =
  | 'line-start'
  | 'line-end'
  | 'text-start'
  | 'text-end'
  | 'word-edge'
  | 'no-word-edge'
  | 'word-start'
  | 'word-end';

export type RegexNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'assert'; readonly what: AssertionKind }
  | { readonly kind: 'group'; readonly index: number; readonly body: RegexNode }
  | { readonly kind: 'cat'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'alt'; readonly branches: readonly RegexNode[] }
  /** `max` Infinity: no bound. */
  | { readonly kind: 'repeat'; readonly body: RegexNode; readonly min: number; readonly max: number }
  | { readonly kind: 'backref'; readonly index: number };

export interface ParsedRegex {
  readonly root: RegexNode;
  readonly groupCount: number;
  readonly hasBackrefs: boolean;
}

/** Can it match the empty text? */
export function nullable(node: RegexNode): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'group':
      return nullable(node.body);
    case 'cat':
      return node.parts.every(nullable);
    case 'alt':
      return node.branches.some(nullable);
    case 'repeat':
      return node.min === 0 || nullable(node.body);
    default:
      return true;
  }
}
