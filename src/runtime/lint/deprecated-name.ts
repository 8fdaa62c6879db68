/** The name is an old one that Kamailio keeps for old scripts. */
import { defineRule } from './rule.js';

const OLD: Readonly<Record<string, string>> = {
  rewritehost: 'sethost() or $rd = …',
  rewritehostport: 'sethostport()',
  rewriteport: 'setport() or $rp = …',
  rewriteuri: 'seturi() or $ru = …',
  rewriteuser: 'setuser() or $rU = …',
  rewriteuserpass: 'setuserpass()',
};

export const deprecatedName = defineRule({
  code: 'deprecated-name',
  severity: 'info',
  doc: 'The name is an old one that Kamailio keeps for old scripts.',
  example: 'route { … }',
  *check(on) {
    for (const b of on.blocks) {
      if (b.name === undefined && b.keyword === 'route')
        yield { span: b.span, message: 'route { is an old name', hint: 'write request_route {' };
      if (b.name === undefined && b.keyword === 'onreply_route')
        yield { span: b.span, message: 'onreply_route { is an old name', hint: 'write reply_route {' };
      for (const node of on.nodes(b)) {
        const now = node.kind === 'core' ? OLD[node.name] : undefined;
        if (now !== undefined && node.kind === 'core')
          yield { span: node.span, message: `${node.name}() is an old name`, hint: `write ${now}` };
      }
    }
  },
});
