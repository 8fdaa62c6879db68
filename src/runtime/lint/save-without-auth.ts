/** Registrations that nobody has to prove a right to. */
import { looksAtSource } from './looks-at-source.js';
import { defineRule } from './rule.js';

export const saveWithoutAuth = defineRule({
  code: 'save-without-auth',
  severity: 'warning',
  doc: 'Whoever sends a REGISTER gets the calls of the user: the script saves contacts, and nowhere asks for credentials or looks at the source.',
  example: 'if (is_method("REGISTER")) save("location");',
  *check(on) {
    const save = on.callsOf('save')[0];
    if (save === undefined || on.calls.some(({ call }) => /auth|radius|ldap|allow_/.test(call.name))) return;
    if (on.blocks.some((b) => on.nodes(b).some(looksAtSource))) return;
    const hint = 'if (!pv_www_authenticate("$td", "$var(password)", "0")) { www_challenge("$td", "1"); exit; }';
    yield { span: save.call.span, message: 'contacts are saved without a check of who sends them', hint };
  },
});
