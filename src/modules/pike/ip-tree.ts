/**
 * Pike's tree of addresses: a node a byte, deeper only where enough requests come from, so that a flood from many
 * addresses costs little memory. Counts are of the current and of the previous period.
 */

const CURRENT = 0;
const PREVIOUS = 1;

export class IpNode {
  readonly byte: number;
  readonly parent: IpNode | undefined;
  readonly kids = new Map<number, IpNode>();
  /** Of requests that got no further than this node, and of those whose address ends here. */
  readonly hits: [number, number] = [0, 0];
  readonly leafHits: [number, number] = [0, 0];
  /** A whole address. */
  isLeaf = false;
  /** Blocked. */
  isRed = false;
  /** Second at which it goes; Infinity while it has kids. */
  expires = Number.POSITIVE_INFINITY;

  constructor(byte: number, parent: IpNode | undefined) {
    this.byte = byte;
    this.parent = parent;
  }

  /** The bytes from the root down. */
  get path(): number[] {
    return this.parent === undefined ? [this.byte] : [...this.parent.path, this.byte];
  }
}

export const PASSES = 1;
export const BLOCKED = -1;
export const NEWLY_BLOCKED = -2;

const reaches = ([now, before]: readonly [number, number], limit: number): boolean =>
  now >= limit || before >= limit || (now + before) >> 1 >= limit;

export class IpTree {
  readonly roots = new Map<number, IpNode>();
  /** Requests in a period from which on an address is blocked. */
  maxHits: number;

  constructor(maxHits: number) {
    this.maxHits = maxHits;
  }

  /** Counts one request from `ip`; nodes that live on do so until `expires`. */
  mark(ip: readonly number[], expires: number): number {
    let node = this.roots.get(ip[0]!);
    if (node === undefined) {
      const root = new IpNode(ip[0]!, undefined);
      root.hits[CURRENT] = 1;
      root.expires = expires;
      this.roots.set(root.byte, root);
      return PASSES;
    }
    let depth = 1;
    for (let kid = node.kids.get(ip[depth] ?? -1); kid !== undefined && depth < ip.length; ) {
      node = kid;
      depth++;
      kid = node.kids.get(ip[depth] ?? -1);
    }
    return depth === ip.length ? this.#markLeaf(node, expires) : this.#markInner(node, ip[depth]!, expires);
  }

  #markLeaf(node: IpNode, expires: number): number {
    node.isLeaf = true;
    node.leafHits[CURRENT]++;
    node.expires = expires;
    if (node.isRed) return BLOCKED;
    if (!this.isHot(node)) return PASSES;
    node.isRed = true;
    return NEWLY_BLOCKED;
  }

  #markInner(node: IpNode, next: number, expires: number): number {
    node.hits[CURRENT]++;
    if (reaches(node.hits, this.maxHits >> 2)) {
      const kid = new IpNode(next, node);
      kid.hits[CURRENT] = Math.max(node.hits[CURRENT] - 1, 0);
      kid.expires = expires;
      node.kids.set(next, kid);
      if (!node.isLeaf) node.expires = Number.POSITIVE_INFINITY;
    } else if (this.isWarm(node) && node.kids.size === 0) node.expires = expires;
    return PASSES;
  }

  isHot(node: IpNode): boolean {
    return reaches(node.leafHits, this.maxHits);
  }

  isWarm(node: IpNode): boolean {
    return node.hits[CURRENT] >= this.maxHits >> 2;
  }

  *nodes(from: Iterable<IpNode> = this.roots.values()): IterableIterator<IpNode> {
    for (const node of from) {
      yield node;
      yield* this.nodes(node.kids.values());
    }
  }

  /** Begins a period. `onUnblock` gets those that are let through again. */
  swap(onUnblock: (node: IpNode) => void): void {
    for (const node of this.nodes()) {
      for (const counts of [node.hits, node.leafHits]) {
        counts[PREVIOUS] = counts[CURRENT];
        counts[CURRENT] = 0;
      }
      if (!node.isRed || this.isHot(node)) continue;
      node.isRed = false;
      onUnblock(node);
    }
  }

  /** Takes off what nothing came from until second `now`; a parent that is left alone lives until `expires`. */
  clean(now: number, expires: number): void {
    for (const node of [...this.nodes()]) {
      if (node.expires > now) continue;
      if (node.kids.size > 0) {
        node.isLeaf = false;
        node.leafHits[CURRENT] = 0;
        node.expires = Number.POSITIVE_INFINITY;
        continue;
      }
      if (node.parent === undefined) this.roots.delete(node.byte);
      else {
        node.parent.kids.delete(node.byte);
        if (node.parent.kids.size === 0 && !node.parent.isLeaf) node.parent.expires = expires;
      }
    }
  }
}
