/** No module that is loaded raises the event, so the route never runs. */
import { nearest } from '../../parser/nearest.js';
import { defineRule } from './rule.js';

const CORE_EVENTS = ['core:worker-one-init', 'core:msg-received', 'core:pre-routing', 'core:receive-parse-error'];

function fits(pattern: string, name: string): boolean {
  const star = pattern.indexOf('*');
  return star < 0 ? name === pattern : name.startsWith(pattern.slice(0, star));
}

export const eventRouteUnknown = defineRule({
  code: 'event-route-unknown',
  severity: 'warning',
  doc: 'No module that is loaded raises the event, so the route never runs.',
  example: 'event_route[htable:mod-int] { … }',
  *check(on) {
    const known = [...CORE_EVENTS, ...on.program.modules.flatMap((m) => Object.keys(m.events ?? {}))];
    for (const b of on.named('event_route')) {
      const name = b.name!;
      if (known.some((pattern) => fits(pattern, name))) continue;
      const near = nearest(
        name,
        known.filter((n) => !n.includes('*')),
      );
      const message = `nothing raises the event ${name}`;
      yield { span: b.nameSpan ?? b.span, message, ...(near ? { hint: `did you mean ${near}?` } : {}) };
    }
  },
});
