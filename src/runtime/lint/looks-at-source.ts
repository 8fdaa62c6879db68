/** Does a piece of script look at where a message comes from? */
import type { TreeNode } from '../../parser/walk.js';

const FUNCTIONS = /^(?:dmq_is_from_node|allow_|ds_is_from_list|is_in_subnet|is_ip_rfc1918|src_in)/;
const VARIABLES = /\$(?:si|sp|su|Ri|Rp|proto|pr|Rn|Ru)\b/;

export function looksAtSource(node: TreeNode): boolean {
  if (node.kind === 'call') return FUNCTIONS.test(node.name);
  if (node.kind === 'operand') return /^(?:src_|dst_|proto)/.test(node.operand);
  if (node.kind === 'variable') return VARIABLES.test(node.text);
  return node.kind === 'string' && VARIABLES.test(node.value);
}
