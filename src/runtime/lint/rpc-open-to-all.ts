/** RPC over HTTP without a look at who asks. */
import { looksAtSource } from './looks-at-source.js';
import { defineRule } from './rule.js';

const AUTHENTICATES = /auth/;

export const rpcOpenToAll = defineRule({
  code: 'rpc-open-to-all',
  severity: 'warning',
  doc: 'Whoever reaches the port may run RPC commands: the script hands HTTP requests to jsonrpc_dispatch() without a look at where they come from, nor at credentials.',
  example: 'event_route[xhttp:request] { jsonrpc_dispatch(); }',
  *check(on) {
    for (const { call, block } of on.callsOf('jsonrpc_dispatch')) {
      const nodes = on.nodes(block);
      if (nodes.some(looksAtSource) || nodes.some((n) => n.kind === 'call' && AUTHENTICATES.test(n.name))) continue;
      const hint = 'if ($si != "127.0.0.1") { xhttp_reply("403", "Forbidden", "", ""); exit; }';
      yield { span: call.span, message: 'RPC for whoever sends', hint };
    }
  },
});
