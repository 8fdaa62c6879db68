/** The condition is a constant, or a function that needs its (): what follows always runs, or never. */
import { constantValue } from '../compile/constant.js';
import { defineRule } from './rule.js';

export const constantCondition = defineRule({
  code: 'constant-condition',
  severity: 'warning',
  doc: 'The condition of an if is a constant: what follows always runs, or never.',
  example: 'if (0) route(OLD);',
  *check(on) {
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        if (node.kind !== 'if') continue;
        const value = constantValue(node.condition);
        if (value === undefined) continue;
        const always = value !== 0 && value !== '';
        yield { span: node.condition.span, message: always ? 'this is always true' : 'this is never true' };
      }
    }
  },
});
