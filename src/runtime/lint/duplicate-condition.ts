/** An else if asks what an if before it has asked: its statements never run. */
import type { Expr, IfStatement } from '../../parser/tree.js';
import { walk } from '../../parser/walk.js';
import { defineRule, sameTree } from './rule.js';

function elseIf(s: IfStatement): IfStatement | undefined {
  const only = s.otherwise?.statements;
  return only?.length === 1 && only[0]!.kind === 'if' ? only[0] : undefined;
}

/** A function may answer otherwise the second time. */
function hasCall(e: Expr): boolean {
  return [...walk(e)].some((n) => n.kind === 'call' || n.kind === 'core' || n.kind === 'route');
}

export const duplicateCondition = defineRule({
  code: 'duplicate-condition',
  severity: 'warning',
  doc: 'An else if asks what an if before it has asked: its statements never run.',
  example: 'if ($rm == "INVITE") { … } else if ($rm == "INVITE") { … }',
  *check(on) {
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        if (node.kind !== 'if') continue;
        for (let next = elseIf(node); next !== undefined; next = elseIf(next)) {
          if (!hasCall(next.condition) && sameTree(node.condition, next.condition)) {
            yield { span: next.condition.span, message: `the same was asked in line ${node.span.line}` };
            break;
          }
        }
      }
    }
  },
});
