/** A route is armed behind the relay of the same list of statements: that is too late for the request that went out. */
import { defineRule } from './rule.js';

export const armedAfterRelay = defineRule({
  code: 'armed-after-relay',
  severity: 'warning',
  doc: 'A route is armed behind the relay of the same list of statements: that is too late for the request that went out.',
  example: 't_relay();\nt_on_failure("BUSY");',
  *check(on) {
    for (const list of on.lists()) {
      const relay = list.findIndex((s) => s.kind === 'call' && s.name.startsWith('t_relay'));
      if (relay < 0) continue;
      for (const s of list.slice(relay + 1)) {
        if (s.kind === 'call' && /^t_on_(?:failure|branch|reply)$/.test(s.name))
          yield { span: s.span, message: `${s.name}() behind the relay is too late` };
      }
    }
  },
});
