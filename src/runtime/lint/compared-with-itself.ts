/** Both sides of a comparison, or of an assignment, are the same. */
import { defineRule, sameTree } from './rule.js';

/** Variables that are another at each read. */
const CHANGES = /^\$\(?(?:uuid|RANDOM|T)/;
const COMPARES: ReadonlySet<string> = new Set(['==', '!=', '<', '>', '<=', '>=', 'eq', 'ne', 'ieq', 'ine']);

export const comparedWithItself = defineRule({
  code: 'compared-with-itself',
  severity: 'warning',
  doc: 'Both sides of a comparison, or of an assignment, are the same.',
  example: 'if ($rU == $rU) exit;',
  *check(on) {
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        if (
          node.kind === 'binary' &&
          COMPARES.has(node.op) &&
          node.left.kind === 'variable' &&
          !CHANGES.test(node.left.text) &&
          sameTree(node.left, node.right)
        )
          yield { span: node.span, message: 'both sides are the same' };
        if (node.kind === 'assign' && sameTree(node.target, node.value))
          yield { span: node.span, message: 'the variable gets its own value' };
      }
    }
  },
});
