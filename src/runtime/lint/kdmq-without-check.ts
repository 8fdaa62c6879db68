/** Whoever reaches the port may speak to the DMQ bus: the script takes KDMQ requests without a look at where they come from. */
import { looksAtSource } from './looks-at-source.js';
import { defineRule } from './rule.js';

export const kdmqWithoutCheck = defineRule({
  code: 'kdmq-without-check',
  severity: 'warning',
  doc: 'Whoever reaches the port may speak to the DMQ bus: the script takes KDMQ requests without a look at where they come from.',
  example: 'if (is_method("KDMQ")) dmq_handle_message();',
  *check(on) {
    for (const { call, block } of on.callsOf('dmq_handle_message', 'dmq_process_message')) {
      if (on.nodes(block).some(looksAtSource)) continue;
      const hint = 'if ($si != "10.0.0.2") { sl_send_reply("403", "Forbidden"); exit; }';
      yield { span: call.span, message: `${call.name}() for whoever sends`, hint };
    }
  },
});
