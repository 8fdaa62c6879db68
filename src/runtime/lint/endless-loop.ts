/** The condition of a while is always true and nothing in it leaves the loop: it ends at max_while_loops. */
import { walk } from '../../parser/walk.js';
import { constantValue } from '../compile/constant.js';
import { defineRule } from './rule.js';

/** A route that is called may exit. */
const ENDS: ReadonlySet<string> = new Set(['break', 'return', 'exit', 'drop', 'route']);

export const endlessLoop = defineRule({
  code: 'endless-loop',
  severity: 'warning',
  doc: 'The condition of a while is always true and nothing in it leaves the loop: it ends at max_while_loops.',
  example: 'while (1) { $var(i) = $var(i) + 1; }',
  *check(on) {
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        if (node.kind !== 'while') continue;
        const value = constantValue(node.condition);
        if (value === undefined || value === 0 || [...walk(node)].some((n) => ENDS.has(n.kind))) continue;
        yield { span: node.span, message: 'nothing ends this loop but max_while_loops' };
      }
    }
  },
});
