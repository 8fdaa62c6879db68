/** The script relays whatever comes, from whomever, to wherever. */
import { looksAtSource } from './looks-at-source.js';
import { defineRule, type LintScript } from './rule.js';

const ASKS =
  /auth|challenge|radius|ldap|allow_|from_local|domain|is_myself|lookup|ds_|dispatch|lcr|carrier|permis|is_from|uri_host|alias_db/;
const DESTINATION = /\$(?:rd|ru|td|rU|rp|fd|fu)\b/;

/** Does the script look at the destination, the source or the credentials anywhere, or choose the destination itself? */
function looks(on: LintScript): boolean {
  if (on.calls.some(({ call }) => ASKS.test(call.name))) return true;
  return on.blocks.some((b) =>
    on.nodes(b).some((n) => {
      if (looksAtSource(n)) return true;
      if (n.kind === 'operand') return /uri/.test(n.operand);
      if (n.kind === 'assign') return n.target.kind === 'variable' && /^\$(?:ru|du|rd)$/.test(n.target.text);
      if (n.kind === 'core') return /^(?:set|rewrite)(?:host|uri|dsturi)/.test(n.name);
      if (n.kind === 'call') return n.name === 't_relay_to_udp' || (n.args.length > 0 && n.name === 't_relay_to');
      return n.kind === 'variable' && DESTINATION.test(n.text);
    }),
  );
}

export const relaysForAll = defineRule({
  code: 'relays-for-all',
  severity: 'warning',
  doc: 'The script relays whatever comes, from whomever, to wherever: it asks for no credentials, looks at no source and at no destination. Such servers are found and used within hours.',
  example: 'request_route { if (!t_relay()) sl_reply_error(); }',
  *check(on) {
    const relay = on.callsOf('t_relay', 'forward').find(({ block }) => block.block === 'request_route');
    if (relay === undefined || looks(on)) return;
    const hint = 'if (uri != myself && !allow_source_address()) { sl_send_reply("403", "Relaying denied"); exit; }';
    yield { span: relay.call.span, message: 'an open relay', hint };
  },
});
