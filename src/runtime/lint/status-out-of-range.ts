/** A reply with a status that SIP does not have. */
import { constantText, defineRule } from './rule.js';

export const statusOutOfRange = defineRule({
  code: 'status-out-of-range',
  severity: 'warning',
  doc: 'A reply has a status of 100 to 699 (RFC 3261, 7.2): nobody understands another.',
  example: 'sl_send_reply("999", "No");',
  *check(on) {
    for (const { call } of on.callsOf('sl_send_reply', 'send_reply', 't_reply')) {
      const status = constantText(call.args[0]);
      if (status === undefined || !/^\d+$/.test(status)) continue;
      if (Number(status) >= 100 && Number(status) <= 699) continue;
      yield { span: call.args[0]!.span, message: `${status} is no status of a reply` };
    }
  },
});
