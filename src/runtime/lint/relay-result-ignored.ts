/** When a request cannot be relayed nobody answers it, unless the script looks at the result. */
import { defineRule } from './rule.js';

const RELAYS: ReadonlySet<string> = new Set([
  't_relay',
  't_relay_to',
  't_relay_to_udp',
  't_relay_to_tcp',
  't_relay_to_tls',
  't_forward_nonack',
]);

export const relayResultIgnored = defineRule({
  code: 'relay-result-ignored',
  severity: 'warning',
  doc: 'When a request cannot be relayed nobody answers it, unless the script looks at the result.',
  example: 't_relay();',
  *check(on) {
    for (const list of on.lists()) {
      for (const s of list) {
        if (s.kind !== 'call' || !RELAYS.has(s.name)) continue;
        yield {
          span: s.span,
          message: `the result of ${s.name}() is not looked at`,
          hint: `if (!${s.name}(…)) sl_reply_error();`,
        };
      }
    }
  },
});
