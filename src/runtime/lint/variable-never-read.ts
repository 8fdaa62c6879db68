/** The $var is written and never read. */
import { defineRule } from './rule.js';
import { varUses } from './var-uses.js';

export const variableNeverRead = defineRule({
  code: 'variable-never-read',
  severity: 'info',
  doc: 'The $var is written and never read.',
  example: '$var(reuslt) = 1;',
  *check(on) {
    const { written, read, assigned } = varUses(on);
    const names = new Set(read.map((r) => r.name));
    const seen = new Set<string>();
    for (const { name, span } of assigned) {
      if (names.has(name) || seen.has(name) || !written.has(name)) continue;
      seen.add(name);
      yield { span, message: `$var(${name}) is never read` };
    }
  },
});
