/** A failure route that tries another way does so though the caller has hung up. */
import { defineRule } from './rule.js';

const RELAY = /^(?:t_relay|t_forward_nonack|t_next_contacts|t_load_contacts)/;
const CHECK = /^t_is_cancell?ed$|^t_check_status$|^t_branch_timeout$|^t_any_timeout$/;

export const failureWithoutCancelCheck = defineRule({
  code: 'failure-without-cancel-check',
  severity: 'warning',
  doc: 'A failure route relays the request to another place and never asks t_is_canceled(), nor for a status: when the caller has hung up, the other place rings all the same.',
  example: 'failure_route[NEXT] { $du = "sip:10.0.0.9"; t_relay(); }',
  *check(on) {
    for (const block of on.named('failure_route')) {
      const calls = on.calls.filter((c) => c.block === block);
      const relay = calls.find(({ call }) => RELAY.test(call.name));
      if (relay === undefined || calls.some(({ call }) => CHECK.test(call.name))) continue;
      yield { span: relay.call.span, message: 'the caller may have hung up', hint: 'if (t_is_canceled()) exit;' };
    }
  },
});
