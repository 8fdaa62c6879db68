/** A prefix tree: values at the ends of prefixes, found by the longest one (mtree.c). */
import { parseInt32 } from '../../runtime/values.js';

/** What the values of a tree are. */
export const TREE = { TEXT: 0, WEIGHTS: 1, NUMBER: 2 } as const;
export type TreeType = (typeof TREE)[keyof typeof TREE];

/** `id=weight`: one destination of a tree of weights. */
export interface Destination {
  readonly id: number;
  readonly weight: number;
}

export type TreeValue = string | number;

interface Node {
  readonly children: Map<string, Node>;
  /** The newest first. */
  values: TreeValue[];
  /** Of the newest value, the last written first; in a tree of weights. */
  destinations: readonly Destination[];
}

/** What a tree does when a prefix comes again. */
export type Duplicates = 'refuse' | 'ignore' | 'keep';

const MAX_DEPTH = 64;
/** Bytes of a node for each character of the list, as the reference counts them. */
const NODE_BYTES = 24;
/** Destinations beyond these are not looked at. */
const MAX_DESTINATIONS = 64;

const node = (): Node => ({ children: new Map(), values: [], destinations: [] });

export interface Match {
  readonly value: TreeValue;
  /** Characters walked over, those after the prefix too. */
  readonly walked: number;
}

export class PrefixTree {
  readonly type: TreeType;
  /** Characters that prefixes consist of. */
  readonly characters: string;
  readonly #root = node();
  readonly #inner = new Set<Node>();
  #textBytes = 0;
  #texts = 0;

  constructor(type: TreeType, characters: string) {
    this.type = type;
    this.characters = characters;
  }

  /** Adds a value; a text when it cannot be. */
  add(prefix: string, text: string, duplicates: Duplicates): string | undefined {
    if (prefix.length >= MAX_DEPTH) return 'max prefix len exceeded';
    const value = this.type === TREE.NUMBER ? parseInt32(text) : text;
    if (value === undefined) return `bad integer string <${text}>`;
    const strange = this.#strange(prefix);
    if (strange >= 0) return `invalid char at ${strange} in [${prefix}]`;
    let at = this.#root;
    for (const c of prefix) {
      this.#inner.add(at);
      let child = at.children.get(c);
      if (child === undefined) {
        child = node();
        at.children.set(c, child);
      }
      at = child;
    }
    if (at.values.length > 0 && duplicates !== 'keep')
      return duplicates === 'ignore' ? undefined : `prefix already allocated [${prefix}/${text}]`;
    at.values.unshift(value);
    if (typeof value === 'string') {
      this.#textBytes += value.length + 1;
      this.#texts++;
    }
    if (this.type === TREE.WEIGHTS) at.destinations = parseDestinations(text);
    return undefined;
  }

  /** Place of the first character that is not in the list, or -1. */
  #strange(text: string): number {
    for (let i = 0; i < text.length; i++) if (!this.characters.includes(text.charAt(i))) return i;
    return -1;
  }

  /** Ends of prefixes of `text` that have values, the shortest first; undefined at a character that is not in the list. */
  #ends(text: string): { readonly ends: { node: Node; length: number }[]; readonly walked: number } | undefined {
    const ends: { node: Node; length: number }[] = [];
    let at = this.#root;
    let walked = 0;
    while (at.children.size > 0 && walked < text.length && walked < MAX_DEPTH) {
      const c = text.charAt(walked);
      if (!this.characters.includes(c)) return undefined;
      walked++;
      const next = at.children.get(c);
      if (next === undefined) break;
      if (next.values.length > 0) ends.push({ node: next, length: walked });
      at = next;
    }
    return { ends, walked };
  }

  /** The value of the longest prefix. */
  longest(text: string): Match | undefined {
    const found = this.#ends(text);
    const value = found?.ends.at(-1)?.node.values[0];
    return value === undefined ? undefined : { value, walked: found!.walked };
  }

  /** Values of all prefixes, the shortest first. */
  all(text: string): { readonly prefix: string; readonly value: TreeValue }[] {
    const ends = this.#ends(text)?.ends ?? [];
    return ends.flatMap(({ node: { values }, length }) =>
      values.map((value) => ({ prefix: text.slice(0, length), value })),
    );
  }

  /** Destinations of all prefixes, greatest weight first; of two with one id that of the longer prefix stays. */
  destinations(text: string): { readonly found: number; readonly list: Destination[]; readonly prefix: string } {
    const ends = this.#ends(text)?.ends ?? [];
    const all = ends.flatMap(({ node: { destinations } }) => destinations).slice(0, MAX_DESTINATIONS);
    const list = all.filter((d, i) => d.id !== 0 && !all.slice(i + 1).some((later) => later.id === d.id));
    list.sort((a, b) => b.weight - a.weight);
    return { found: all.length, list, prefix: text.slice(0, ends.at(-1)?.length ?? 0) };
  }

  /** All prefixes with their values, in the order of the list of characters. */
  *entries(): Generator<{ readonly prefix: string; readonly values: readonly TreeValue[] }> {
    yield* this.#below(this.#root, '');
  }

  *#below(at: Node, prefix: string): Generator<{ prefix: string; values: readonly TreeValue[] }> {
    for (const c of this.characters) {
      const child = at.children.get(c);
      if (child === undefined) continue;
      if (child.values.length > 0) yield { prefix: prefix + c, values: child.values };
      yield* this.#below(child, prefix + c);
    }
  }

  /** Figures as the reference counts them. */
  get figures(): { readonly memsize: number; readonly nrnodes: number; readonly nritems: number } {
    const nrnodes = this.#inner.size;
    return {
      memsize: nrnodes * this.characters.length * NODE_BYTES + this.#textBytes,
      nrnodes,
      nritems: this.#texts,
    };
  }
}

/** `id=weight;id=weight`. */
function parseDestinations(text: string): Destination[] {
  const out: Destination[] = [];
  for (const part of text.split(';')) {
    const [id = '', weight = ''] = part.split('=').map((p) => p.trim());
    if (id !== '') out.unshift({ id: unsigned(id), weight: unsigned(weight) });
  }
  return out;
}

const unsigned = (text: string) => (/^\d+$/.test(text) ? Number(text) >>> 0 : 0);
