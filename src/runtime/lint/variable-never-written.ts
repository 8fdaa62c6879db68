/** The $var is read, and nothing in the script ever writes it: it is 0. */
import { nearest } from '../../parser/nearest.js';
import { defineRule } from './rule.js';
import { varUses } from './var-uses.js';

export const variableNeverWritten = defineRule({
  code: 'variable-never-written',
  severity: 'warning',
  doc: 'The $var is read, and nothing in the script ever writes it: it is 0.',
  example: 'if ($var(conut) > 3) exit;',
  *check(on) {
    const { written, read } = varUses(on);
    const seen = new Set<string>();
    for (const { name, span } of read) {
      if (written.has(name) || seen.has(name)) continue;
      seen.add(name);
      const near = nearest(name, written);
      yield {
        span,
        message: `$var(${name}) is never written`,
        ...(near ? { hint: `did you mean $var(${near})?` } : {}),
      };
    }
  },
});
