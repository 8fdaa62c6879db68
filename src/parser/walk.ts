/** Ways through a syntax tree, for what looks at scripts without running them. */
import type { Body, Expr, Statement } from './tree.js';

export type TreeNode = Statement | Expr;

/** What stands directly within a node, in the order of the text. */
export function childrenOf(node: TreeNode): readonly TreeNode[] {
  switch (node.kind) {
    case 'if':
      return [node.condition, ...node.then.statements, ...(node.otherwise?.statements ?? [])];
    case 'while':
      return [node.condition, ...node.body.statements];
    case 'switch':
      return [node.value, ...node.labels.flatMap((l) => [...(l.value ? [l.value] : []), ...l.statements])];
    case 'return':
    case 'exit':
    case 'drop':
    case 'break':
      return node.value ? [node.value] : [];
    case 'call':
      return node.args;
    case 'core':
      return node.expr ? [node.expr] : [];
    case 'route':
      return node.target ? [node.target] : [];
    case 'operand':
      return node.right.kind === 'expr' ? [node.right.expr] : [];
    case 'unary':
    case 'strlen':
    case 'strempty':
    case 'defined':
    case '(int)':
    case '(str)':
      return [node.operand];
    case 'binary':
      return [node.left, node.right];
    case 'selval':
      return [node.condition, node.then, node.otherwise];
    case 'group':
      return [node.inner];
    case 'assign':
      return [node.target, node.value];
    case 'block':
      return node.body.statements;
    default:
      return [];
  }
}

/** A node and all within it, each before what it holds. */
export function* walk(node: TreeNode): Generator<TreeNode> {
  yield node;
  for (const child of childrenOf(node)) yield* walk(child);
}

/** All nodes of a block's body. */
export function* walkBody(body: Body): Generator<TreeNode> {
  for (const s of body.statements) yield* walk(s);
}

/** The lists of statements within a body, its own first: then, else, loop bodies, labels, `{ … }` as a value. */
export function* statementLists(body: Body): Generator<readonly Statement[]> {
  yield body.statements;
  for (const node of walkBody(body)) {
    if (node.kind === 'if') {
      yield node.then.statements;
      if (node.otherwise) yield node.otherwise.statements;
    } else if (node.kind === 'while') yield node.body.statements;
    else if (node.kind === 'switch') for (const label of node.labels) yield label.statements;
    else if (node.kind === 'block') yield node.body.statements;
  }
}
