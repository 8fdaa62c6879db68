/** An event route of module nsq whose name holds capitals or underscores never runs: names of events are put into lower case, with - for _, before they are looked up. */
import { defineRule } from './rule.js';

export const eventRouteSpelling = defineRule({
  code: 'event-route-spelling',
  severity: 'warning',
  doc: 'An event route of module nsq whose name holds capitals or underscores never runs: names of events are put into lower case, with - for _, before they are looked up.',
  example: 'event_route[nsq:consumer-event-Presence_Update] { … }',
  *check(on) {
    for (const b of on.named('event_route')) {
      const name = b.name!;
      if (!name.startsWith('nsq:consumer-event') || !/[A-Z_]/.test(name)) continue;
      const right = name.toLowerCase().replaceAll('_', '-');
      yield { span: b.nameSpan ?? b.span, message: `event_route[${name}] can never run`, hint: `write ${right}` };
    }
  },
});
