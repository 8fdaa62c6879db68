/** Whoever reaches the port may speak to the DMQ bus: the script takes KDMQ requests without a look at where they come from. */
import type { TreeNode } from '../../parser/walk.js';
import { defineRule } from './rule.js';

const FUNCTIONS = /^(?:dmq_is_from_node|allow_|ds_is_from_list|is_in_subnet|is_ip_rfc1918|src_in)/;
const VARIABLES = /\$(?:si|sp|su|Ri|Rp|proto|pr|Rn|Ru)\b/;

function looksAtSource(node: TreeNode): boolean {
  if (node.kind === 'call') return FUNCTIONS.test(node.name);
  if (node.kind === 'operand') return /^(?:src_|dst_|proto)/.test(node.operand);
  if (node.kind === 'variable') return VARIABLES.test(node.text);
  return node.kind === 'string' && VARIABLES.test(node.value);
}

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
