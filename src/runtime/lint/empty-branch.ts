/** Nothing stands in the braces of an if, an else or a while. */
import type { Body } from '../../parser/tree.js';
import { defineRule } from './rule.js';

function isEmpty(body: Body): boolean {
  return body.statements.every((s) => s.kind === 'empty');
}

export const emptyBranch = defineRule({
  code: 'empty-branch',
  severity: 'info',
  doc: 'Nothing stands in the braces of an if, an else or a while.',
  example: 'if ($rm == "ACK") { ; }',
  *check(on) {
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        if (node.kind === 'if' && isEmpty(node.then)) yield { span: node.span, message: 'the if has no statement' };
        if (node.kind === 'if' && node.otherwise && isEmpty(node.otherwise))
          yield { span: node.span, message: 'the else has no statement' };
        if (node.kind === 'while' && isEmpty(node.body))
          yield { span: node.span, message: 'the while has no statement' };
      }
    }
  },
});
