/** Events of a kind that has no route end with an error line. */
import { defineRule } from './rule.js';

export const nsqWithoutFallback = defineRule({
  code: 'nsq-without-fallback',
  severity: 'info',
  doc: 'The script takes NSQ events and has no event_route[nsq:consumer-event]: an event of a kind that has no route of its own is finished with an error line.',
  example: 'event_route[nsq:consumer-event-presence] { … }',
  *check(on) {
    const events = on.named('event_route').filter((b) => b.name!.startsWith('nsq:consumer-event'));
    const first = events[0];
    if (first === undefined || events.some((b) => b.name === 'nsq:consumer-event')) return;
    const hint = 'event_route[nsq:consumer-event] { xlog("L_INFO", "$nsqE\\n"); }';
    yield { span: first.nameSpan ?? first.span, message: 'events of other kinds have no route', hint };
  },
});
