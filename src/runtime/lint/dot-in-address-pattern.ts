/** A dot in a regular expression is any character: the pattern of an address fits others too. */
import { constantText, defineRule } from './rule.js';

const ADDRESS = /(?:^|[^\d\\.])\d{1,3}\.\d{1,3}\.\d{1,3}(?:\.|$|\D)/;

export const dotInAddressPattern = defineRule({
  code: 'dot-in-address-pattern',
  severity: 'warning',
  doc: 'A dot in a regular expression is any character: the pattern of an address fits other addresses too.',
  example: 'if ($si =~ "^10.1.2.3") exit;',
  *check(on) {
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        const right =
          node.kind === 'binary' && node.op === '=~'
            ? node.right
            : node.kind === 'operand' && node.op === '=~' && node.right.kind === 'expr'
              ? node.right.expr
              : undefined;
        const text = constantText(right);
        if (right === undefined || text === undefined || !ADDRESS.test(text)) continue;
        const hint = `write \\. for a dot, or ask is_in_subnet("$si", "…")`;
        yield { span: right.span, message: 'the dots of this address fit any character', hint };
      }
    }
  },
});
