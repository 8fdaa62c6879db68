/** The main request route asks for the status of a reply, and there is none: $rs is null, $rr empty. */
import { defineRule } from './rule.js';

const REPLY = /^\$(?:rs|rr)$/;

export const replyInRequestRoute = defineRule({
  code: 'reply-in-request-route',
  severity: 'warning',
  doc: 'The main request route asks for the status of a reply, and there is none: $rs is null, $rr empty.',
  example: 'request_route { if ($rs == 200) exit; }',
  *check(on) {
    for (const b of on.blocks) {
      if (b.block !== 'request_route' || b.name !== undefined) continue;
      for (const node of on.nodes(b)) {
        if (node.kind === 'variable' && REPLY.test(node.text))
          yield { span: node.span, message: `${node.text} is of a reply, and this block runs for requests` };
      }
    }
  },
});
