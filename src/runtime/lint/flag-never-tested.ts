/** A flag is set, and nothing looks at it. */

import { flagsReadElsewhere, flagUses } from './flag-uses.js';
import { defineRule } from './rule.js';

export const flagNeverTested = defineRule({
  code: 'flag-never-tested',
  severity: 'info',
  doc: 'A flag of the message is set, and neither a statement nor a parameter of a module looks at it.',
  example: 'setflag(7);',
  *check(on) {
    const tested = new Set(flagUses(on, ['isflagset']).map((u) => u.flag));
    const told = new Set<string>();
    for (const { flag, span } of flagUses(on, ['setflag'])) {
      if (tested.has(flag) || told.has(flag) || flagsReadElsewhere(on, flag)) continue;
      told.add(flag);
      yield { span, message: `nothing looks at flag ${flag}` };
    }
  },
});
