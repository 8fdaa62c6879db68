/** `return 0` does not only leave the route: it ends the whole script, as exit does. */
import { constantValue } from '../compile/constant.js';
import { defineRule } from './rule.js';

export const returnZero = defineRule({
  code: 'return-zero',
  severity: 'warning',
  doc: '`return 0` does not only leave the route: it ends the whole script, as exit does.',
  example: 'route[CHECK] { return 0; }',
  *check(on) {
    for (const list of on.lists()) {
      for (const s of list) {
        if (s.kind !== 'return' || s.value === undefined || constantValue(s.value) !== 0) continue;
        yield {
          span: s.span,
          message: 'return 0 ends the whole script, as exit does',
          hint: 'return -1 is false; write exit where the end is meant',
        };
      }
    }
  },
});
