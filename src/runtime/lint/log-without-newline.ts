/** The text of an xlog() does not end its line: the next log line goes on in it. */
import { constantText, defineRule } from './rule.js';

export const logWithoutNewline = defineRule({
  code: 'log-without-newline',
  severity: 'info',
  doc: 'The text of an xlog() does not end its line: the next log line goes on in it.',
  example: 'xlog("L_INFO", "hello");',
  *check(on) {
    for (const { call } of on.callsOf('xlog', 'xinfo', 'xwarn', 'xerr', 'xnotice', 'xdbg')) {
      const last = call.args.at(-1);
      const text = constantText(last);
      if (last?.kind !== 'string' || text === undefined || /\n$/.test(text)) continue;
      yield { span: last.span, message: 'the text does not end its line', hint: 'end it with \\n' };
    }
  },
});
