/** Sets of destinations by their number, in the order in which Kamailio walks its balanced tree: leaves first. */

interface Node<T> {
  readonly id: number;
  readonly value: T;
  readonly left: Node<T> | undefined;
  readonly right: Node<T> | undefined;
  readonly height: number;
}

type Tree<T> = Node<T> | undefined;

const height = (node: Tree<unknown>): number => node?.height ?? 0;

function node<T>(of: { readonly id: number; readonly value: T }, left: Tree<T>, right: Tree<T>): Node<T> {
  return { id: of.id, value: of.value, left, right, height: 1 + Math.max(height(left), height(right)) };
}

/** The tree with the node in its place, balanced again (AVL). */
function insert<T>(tree: Tree<T>, id: number, value: T): Node<T> {
  if (tree === undefined) return { id, value, left: undefined, right: undefined, height: 1 };
  return id < tree.id
    ? balance(node(tree, insert(tree.left, id, value), tree.right))
    : balance(node(tree, tree.left, insert(tree.right, id, value)));
}

function balance<T>(top: Node<T>): Node<T> {
  const lean = height(top.left) - height(top.right);
  if (lean > 1) {
    const left = top.left!;
    return turnRight(height(left.left) >= height(left.right) ? top : node(top, turnLeft(left), top.right));
  }
  if (lean < -1) {
    const right = top.right!;
    return turnLeft(height(right.right) >= height(right.left) ? top : node(top, top.left, turnRight(right)));
  }
  return top;
}

function turnRight<T>(top: Node<T>): Node<T> {
  const left = top.left!;
  return node(left, left.left, node(top, left.right, top.right));
}

function turnLeft<T>(top: Node<T>): Node<T> {
  const right = top.right!;
  return node(right, node(top, top.left, right.left), right.right);
}

function* leavesFirst<T>(tree: Tree<T>): Generator<T> {
  if (tree === undefined) return;
  yield* leavesFirst(tree.left);
  yield* leavesFirst(tree.right);
  yield tree.value;
}

export class SetTree<T> {
  #root: Tree<T>;
  readonly #byId = new Map<number, T>();
  #order: readonly T[] | undefined;

  get(id: number): T | undefined {
    return this.#byId.get(id);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The value of that number, made when it is not there. */
  getOrAdd(id: number, make: (id: number) => T): T {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const value = make(id);
    this.#root = insert(this.#root, id, value);
    this.#byId.set(id, value);
    this.#order = undefined;
    return value;
  }

  /** In Kamailio's order. */
  values(): readonly T[] {
    this.#order ??= [...leavesFirst(this.#root)];
    return this.#order;
  }
}
