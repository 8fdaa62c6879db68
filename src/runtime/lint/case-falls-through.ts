/** The statements of a case do not end with break, return, exit or drop, so the next case runs too. */
import type { Statement } from '../../parser/tree.js';
import { defineRule } from './rule.js';

function leaves(s: Statement): boolean {
  if (s.kind === 'if') {
    const [a, b] = [s.then.statements.at(-1), s.otherwise?.statements.at(-1)];
    return a !== undefined && b !== undefined && leaves(a) && leaves(b);
  }
  return s.kind === 'break' || s.kind === 'return' || s.kind === 'exit' || s.kind === 'drop';
}

export const caseFallsThrough = defineRule({
  code: 'case-falls-through',
  severity: 'info',
  doc: 'The statements of a case do not end with break, return, exit or drop, so the next case runs too.',
  example: 'case 1:\n\txlog("one\\n");\ncase 2:',
  *check(on) {
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        if (node.kind !== 'switch') continue;
        for (const label of node.labels.slice(0, -1)) {
          const last = label.statements.filter((s) => s.kind !== 'empty').at(-1);
          if (last !== undefined && !leaves(last))
            yield { span: label.span, message: 'the next case runs too', hint: 'end with break; or exit;' };
        }
      }
    }
  },
});
