/** Module dmq is loaded, and the script never calls dmq_handle_message(): what other nodes send is lost, and they take this one for dead. */
import { defineRule } from './rule.js';

export const kdmqNotHandled = defineRule({
  code: 'kdmq-not-handled',
  severity: 'warning',
  doc: 'Module dmq is loaded, and the script never calls dmq_handle_message(): what other nodes send is lost, and they take this one for dead.',
  example: 'loadmodule "dmq.so"',
  *check(on) {
    const load = on.script.items.find((i) => i.kind === 'loadmodule' && i.name === 'dmq');
    if (load === undefined || on.callsOf('dmq_handle_message', 'dmq_process_message').length > 0) return;
    yield {
      span: load.span,
      message: 'KDMQ requests are never handled',
      hint: 'if (is_method("KDMQ")) dmq_handle_message();',
    };
  },
});
