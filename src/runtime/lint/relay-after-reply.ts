/** A request that has got its final reply is relayed all the same. */
import type { Statement } from '../../parser/tree.js';
import { constantText, defineRule } from './rule.js';

const REPLIES: ReadonlySet<string> = new Set([
  'sl_send_reply',
  'send_reply',
  't_reply',
  'sl_reply',
  'send_reply_error',
]);
const RELAYS = /^(?:t_relay|t_forward_nonack|forward$)/;

function isFinalReply(s: Statement): boolean {
  if (s.kind !== 'call' || !REPLIES.has(s.name)) return false;
  return Number(constantText(s.args[0])) >= 200;
}

function relays(s: Statement): boolean {
  if (s.kind === 'call') return RELAYS.test(s.name);
  if (s.kind !== 'if') return false;
  const condition = s.condition.kind === 'unary' ? s.condition.operand : s.condition;
  return condition.kind === 'call' && RELAYS.test(condition.name);
}

export const relayAfterReply = defineRule({
  code: 'relay-after-reply',
  severity: 'warning',
  doc: 'A request that has got its final reply is relayed all the same: the statements stand in one list, and no exit between them.',
  example: 'sl_send_reply("403", "Forbidden");\nt_relay();',
  *check(on) {
    for (const list of on.lists()) {
      const reply = list.findIndex(isFinalReply);
      if (reply < 0) continue;
      const rest = list.slice(reply + 1);
      const end = rest.findIndex(
        (s) => s.kind === 'return' || s.kind === 'exit' || s.kind === 'drop' || s.kind === 'break',
      );
      const after = (end < 0 ? rest : rest.slice(0, end)).find(relays);
      if (after === undefined) continue;
      const message = `the request was answered in line ${list[reply]!.span.line}, and is relayed here`;
      yield { span: after.span, message, hint: 'exit; behind the reply' };
    }
  },
});
