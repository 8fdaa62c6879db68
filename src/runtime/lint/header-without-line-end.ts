/** The header that is added has no line end: the next one stands in its value. */
import { constantText, defineRule } from './rule.js';

export const headerWithoutLineEnd = defineRule({
  code: 'header-without-line-end',
  severity: 'warning',
  doc: 'The header that is added has no line end: the header that follows in the message becomes a part of its value.',
  example: 'append_hf("P-Hint: outbound");',
  *check(on) {
    for (const { call } of on.callsOf('append_hf', 'insert_hf', 'append_to_reply')) {
      const text = constantText(call.args[0]);
      if (text === undefined || !/^[\w-]+[ \t]*:/.test(text) || /\n$/.test(text) || /\$[\w(]+[^ ]*$/.test(text))
        continue;
      yield { span: call.args[0]!.span, message: 'the header has no line end', hint: 'let the text end with \\r\\n' };
    }
  },
});
