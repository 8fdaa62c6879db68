/** The script arms a failure, branch or reply route that it does not have: nothing will run. */
import { nearest } from '../../parser/nearest.js';
import type { BlockKind } from '../../parser/tree.js';
import { constantText, defineRule } from './rule.js';

const KINDS: Readonly<Record<string, readonly [BlockKind, keyword: string]>> = {
  t_on_failure: ['failure_route', 'failure_route'],
  t_on_branch: ['branch_route', 'branch_route'],
  t_on_reply: ['reply_route', 'onreply_route'],
};

export const armedRouteMissing = defineRule({
  code: 'armed-route-missing',
  severity: 'warning',
  doc: 'The script arms a failure, branch or reply route that it does not have: nothing will run.',
  example: 't_on_failure("BUSSY");',
  *check(on) {
    for (const { call } of on.callsOf(...Object.keys(KINDS))) {
      const name = constantText(call.args[0]);
      const [kind, keyword] = KINDS[call.name]!;
      if (name === undefined || name === '0' || name === '' || name.includes('$')) continue;
      const known = on.named(kind).map((b) => b.name!);
      if (known.includes(name)) continue;
      const near = nearest(name, known);
      const message = `${call.name}: there is no ${keyword}[${name}]`;
      yield { span: call.args[0]!.span, message, ...(near ? { hint: `did you mean "${near}"?` } : {}) };
    }
  },
});
