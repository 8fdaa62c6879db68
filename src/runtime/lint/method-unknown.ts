/** The method asked for is none of SIP: the condition is never true. */

import { nearest } from '../../parser/nearest.js';
import type { TreeNode } from '../../parser/walk.js';
import { constantText, defineRule } from './rule.js';

const METHODS =
  'INVITE ACK BYE CANCEL OPTIONS REGISTER PRACK SUBSCRIBE NOTIFY PUBLISH INFO REFER MESSAGE UPDATE KDMQ GET POST PUT DELETE'.split(
    ' ',
  );
const KNOWN: ReadonlySet<string> = new Set(METHODS);

/** Methods that a node asks for. */
function asked(node: TreeNode): readonly string[] {
  if (node.kind === 'call' && node.name === 'is_method')
    return (constantText(node.args[0]) ?? '').split('|').filter((m) => m !== '');
  if (node.kind === 'binary' && node.op === '==' && node.left.kind === 'variable' && node.left.text === '$rm')
    return [constantText(node.right) ?? []].flat();
  if (node.kind !== 'operand' || node.operand !== 'method' || node.op !== '==') return [];
  if (node.right.kind === 'id') return [node.right.value];
  return node.right.kind === 'expr' ? [constantText(node.right.expr) ?? []].flat() : [];
}

export const methodUnknown = defineRule({
  code: 'method-unknown',
  severity: 'warning',
  doc: 'The method asked for is none that SIP knows: methods are written in capitals (RFC 3261, 7.1), and others come from no phone.',
  example: 'if ($rm == "invite") exit;',
  *check(on) {
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        for (const method of asked(node)) {
          if (KNOWN.has(method)) continue;
          const near = nearest(method.toUpperCase(), METHODS);
          const hint = near === undefined ? {} : { hint: `did you mean ${near}?` };
          yield { span: node.span, message: `${method} is no method of SIP`, ...hint };
        }
      }
    }
  },
});
