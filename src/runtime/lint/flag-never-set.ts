/** A flag is asked for that nothing sets. */

import { flagsReadElsewhere, flagUses } from './flag-uses.js';
import { defineRule } from './rule.js';

export const flagNeverSet = defineRule({
  code: 'flag-never-set',
  severity: 'warning',
  doc: 'A flag of the message is asked for, and neither a statement nor a module sets it: the condition is never true.',
  example: 'if (isflagset(7)) exit;',
  *check(on) {
    const set = new Set(flagUses(on, ['setflag']).map((u) => u.flag));
    const told = new Set<string>();
    for (const { flag, span } of flagUses(on, ['isflagset'])) {
      if (set.has(flag) || told.has(flag) || flagsReadElsewhere(on, flag)) continue;
      told.add(flag);
      yield { span, message: `nothing sets flag ${flag}` };
    }
  },
});
