/** A single = in a condition writes the variable and does not compare. */
import { walk } from '../../parser/walk.js';
import { defineRule } from './rule.js';

export const assignmentInCondition = defineRule({
  code: 'assignment-in-condition',
  severity: 'warning',
  doc: 'A single = in a condition writes the variable and does not compare.',
  example: 'if ($var(x) = 1) exit;',
  *check(on) {
    for (const condition of on.conditions()) {
      for (const node of walk(condition)) {
        if (node.kind === 'assign')
          yield { span: node.span, message: 'a single = writes the variable', hint: 'write == to compare' };
      }
    }
  },
});
