/** RPC over a network address that is not this machine's own. */
import { defineRule } from './rule.js';

const NETWORK = /^(?:tcp|udp):(?!(?:localhost|127\.|\[::1\]))/;

export const controlSocketOpen = defineRule({
  code: 'control-socket-open',
  severity: 'warning',
  doc: 'Whoever reaches the port may run RPC commands: the control socket is open to the network, and asks for nothing.',
  example: 'modparam("ctl", "binrpc", "tcp:0.0.0.0:2049")',
  *check(on) {
    for (const item of on.script.items) {
      if (item.kind !== 'modparam' || typeof item.value !== 'string' || !NETWORK.test(item.value)) continue;
      const opens = item.modules === 'ctl' || (item.modules === 'jsonrpcs' && item.param === 'dgram_socket');
      if (opens)
        yield {
          span: item.valueSpan,
          message: `RPC for the network at ${item.value}`,
          hint: 'unix:/run/kamailio/kamailio_ctl, or tcp:127.0.0.1:2049',
        };
    }
  },
});
