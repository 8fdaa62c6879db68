/** The statement stands behind one that always leaves the route (exit, return, drop, break): it never runs. */
import { defineRule } from './rule.js';

const LEAVES: ReadonlySet<string> = new Set(['exit', 'return', 'drop', 'break']);

export const unreachableStatement = defineRule({
  code: 'unreachable-statement',
  severity: 'warning',
  doc: 'The statement stands behind one that always leaves the route (exit, return, drop, break): it never runs.',
  example: 'exit;\nxlog("never\\n");',
  *check(on) {
    for (const list of on.lists()) {
      const at = list.findIndex((s) => LEAVES.has(s.kind));
      const dead = at < 0 ? undefined : list.slice(at + 1).find((s) => s.kind !== 'empty' && s.kind !== 'break');
      if (dead !== undefined) yield { span: dead.span, message: `never runs: it stands behind ${list[at]!.kind}` };
    }
  },
});
