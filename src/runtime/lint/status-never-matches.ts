/** t_check_status() with an expression that fits no status. */
import { constantText, defineRule } from './rule.js';

const STATUSES = Array.from({ length: 600 }, (_, i) => `${100 + i}`);

/** Undefined: the expression is not of the kind that both languages read alike. */
function fitsAny(pattern: string): boolean | undefined {
  if (!/^[\^$()|[\]\d.+*?xX-]*$/.test(pattern)) return undefined;
  try {
    const regex = new RegExp(pattern);
    return STATUSES.some((s) => regex.test(s));
  } catch (e) {
    if (e instanceof SyntaxError) return undefined;
    throw e;
  }
}

export const statusNeverMatches = defineRule({
  code: 'status-never-matches',
  severity: 'warning',
  doc: 'The expression that t_check_status() gets fits no status of three digits: the condition is never true. `4xx` is no pattern.',
  example: 'if (t_check_status("4xx")) exit;',
  *check(on) {
    for (const { call } of on.callsOf('t_check_status')) {
      const pattern = constantText(call.args[0]);
      if (pattern === undefined || fitsAny(pattern) !== false) continue;
      const hint = /x/i.test(pattern) ? { hint: `"${pattern.replace(/x/gi, '[0-9]')}"` } : {};
      yield { span: call.span, message: `no status fits ${pattern}`, ...hint };
    }
  },
});
