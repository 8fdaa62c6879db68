/** A block without a statement. */
import { blockTitle, defineRule } from './rule.js';

export const emptyRoute = defineRule({
  code: 'empty-route',
  severity: 'info',
  doc: 'A block without a statement: an arm or a call of it does nothing.',
  example: 'branch_route[OUT] { }',
  *check(on) {
    for (const b of on.blocks) {
      if (b.body.statements.every((s) => s.kind === 'empty'))
        yield { span: b.nameSpan ?? b.span, message: `${blockTitle(b)} is empty` };
    }
  },
});
