/** Of the event routes that module nsq falls back to, one stands before this one and takes every event that comes so far: this one cannot run. */
import { defineRule } from './rule.js';

const normal = (text: string): string => text.toLowerCase().replaceAll('_', '-');

export const eventRouteShadowed = defineRule({
  code: 'event-route-shadowed',
  severity: 'warning',
  doc: 'Of the event routes that module nsq falls back to, one stands before this one and takes every event that comes so far: this one cannot run.',
  example: 'event_route[nsq:consumer-event-event-category] { … }\nevent_route[nsq:consumer-event] { … }',
  *check(on) {
    if (!on.loads('nsq')) return;
    const { consumer_event_key, consumer_event_subkey } = on.program.params('nsq');
    const [key, subkey] = [`${consumer_event_key}`, `${consumer_event_subkey}`].map(normal);
    const order = [`nsq:consumer-event-${key}-${subkey}`, `nsq:consumer-event-${key}`, 'nsq:consumer-event'];
    const routes = on.named('event_route');
    const names = routes.map((b) => b.name);
    const taken = order.find((name) => names.includes(name));
    if (taken === undefined) return;
    for (const name of order.slice(order.indexOf(taken) + 1)) {
      const hidden = routes.find((b) => b.name === name);
      if (hidden === undefined) continue;
      const message = `event_route[${name}] can never run: event_route[${taken}] takes all that comes to it`;
      yield {
        span: hidden.nameSpan ?? hidden.span,
        message,
        hint: 'its name holds the names of the parameters, not what a message says',
      };
    }
  },
});
