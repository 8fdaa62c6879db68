/** The script relays requests and never looks at Max-Forwards: a loop between two servers would go on for ever (RFC 3261, 16.3). */
import { defineRule } from './rule.js';

export const noMaxfwdCheck = defineRule({
  code: 'no-maxfwd-check',
  severity: 'warning',
  doc: 'The script relays requests and never looks at Max-Forwards: a loop between two servers would go on for ever (RFC 3261, 16.3).',
  example: 'request_route { if (!t_relay()) sl_reply_error(); }',
  *check(on) {
    const relay = on.callsOf('t_relay', 't_relay_to', 't_relay_to_udp', 't_relay_to_tcp', 'forward')[0];
    if (relay === undefined || on.calls.some(({ call }) => /maxfwd/.test(call.name))) return;
    const main = on.blocks.find((b) => b.block === 'request_route' && b.name === undefined);
    const hint =
      'loadmodule "maxfwd.so", and: if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }';
    if (main !== undefined)
      yield { span: relay.call.nameSpan, message: 'requests are relayed without a look at Max-Forwards', hint };
  },
});
