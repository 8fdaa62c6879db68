/** A transaction is made, and its reply sent beside it. */
import { defineRule } from './rule.js';

export const statelessReplyInTransaction = defineRule({
  code: 'stateless-reply-in-transaction',
  severity: 'warning',
  doc: 'A transaction is made by t_newtran(), and the reply sent beside it by sl_send_reply(): the transaction goes on waiting for one.',
  example: 't_newtran();\nsl_send_reply("200", "OK");',
  *check(on) {
    for (const list of on.lists()) {
      const start = list.findIndex((s) => s.kind === 'call' && s.name === 't_newtran');
      if (start < 0) continue;
      for (const s of list.slice(start + 1)) {
        if (s.kind !== 'call' || !/^sl_(?:send_reply|reply|reply_error)$/.test(s.name)) continue;
        yield {
          span: s.span,
          message: `${s.name}() knows nothing of the transaction`,
          hint: 't_reply(…) or send_reply(…)',
        };
      }
    }
  },
});
