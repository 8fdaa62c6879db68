/** A failure_route, branch_route or onreply_route with a name runs only where the script arms it (t_on_failure(), t_on_branch(), t_on_reply()), and no place does. */
import type { BlockKind } from '../../parser/tree.js';
import { constantText, defineRule } from './rule.js';

const ARMED: readonly (readonly [BlockKind, readonly string[]])[] = [
  ['failure_route', ['t_on_failure']],
  ['branch_route', ['t_on_branch']],
  ['reply_route', ['t_on_reply']],
];

export const routeNotArmed = defineRule({
  code: 'route-not-armed',
  severity: 'warning',
  doc: 'A failure_route, branch_route or onreply_route with a name runs only where the script arms it (t_on_failure(), t_on_branch(), t_on_reply()), and no place does.',
  example: 'failure_route[BUSY] { … }',
  *check(on) {
    for (const [kind, functions] of ARMED) {
      const calls = on.callsOf(...functions);
      const names = calls.map(({ call }) => constantText(call.args[0]));
      if (names.some((n) => n === undefined || n.includes('$'))) continue;
      for (const b of on.named(kind)) {
        if (names.includes(b.name)) continue;
        const message = `${b.keyword}[${b.name}] is never armed`;
        yield { span: b.nameSpan ?? b.span, message, hint: `${functions[0]}("${b.name}"); before the relay` };
      }
    }
  },
});
