/** Nothing calls the route. */
import { calledRoute, defineRule } from './rule.js';

export const unusedRoute = defineRule({
  code: 'unused-route',
  severity: 'warning',
  doc: 'Nothing calls the route.',
  example: 'route[OLD_RELAY] { … }',
  *check(on) {
    const called = new Set<string>();
    for (const block of on.blocks) {
      for (const node of on.nodes(block)) {
        if (node.kind !== 'route') continue;
        const name = calledRoute(node.target);
        if (name === undefined) return;
        called.add(name);
      }
    }
    const words = new Set([...on.texts()].flatMap((t) => t.split(/[^\w.:-]+/)));
    for (const b of on.named('request_route')) {
      if (called.has(b.name!) || words.has(b.name!)) continue;
      yield { span: b.nameSpan ?? b.span, message: `route[${b.name}] is never called` };
    }
  },
});
