/** Figures with labels for Prometheus; the plain counters are statistics. */
import type { Measure } from '../../runtime/module.js';
import type { Times } from './metrics.js';
import type { NsqState } from './state.js';

export function* measures(state: NsqState): Generator<Measure> {
  for (const [nsqd, { up }] of state.links.nsqds)
    yield { name: 'nsq_nsqd_connections', value: up, labels: { nsqd }, help: 'Connections to an nsqd.' };
  for (const { subscription, seats } of state.lines) {
    const labels = { topic: subscription.topic, channel: subscription.channel };
    yield {
      name: 'nsq_subscription_running',
      value: seats.filter((seat) => seat.load.running).length,
      labels,
      help: 'Event routes under way.',
    };
    yield {
      name: 'nsq_subscription_waiting',
      value: seats.reduce((sum, seat) => sum + seat.load.waiting, 0),
      labels,
      help: 'Messages taken from nsqd whose event route has not begun.',
    };
    yield {
      name: 'nsq_subscription_paused',
      value: seats.some((seat) => seat.paused) ? 1 : 0,
      labels,
      help: '1: paused by RPC.',
    };
  }
  const { routeTime, publishTime, queryTime } = state.metrics;
  yield* times('nsq_route', routeTime, 'the event routes');
  yield* times('nsq_publish', publishTime, 'nsq_publish');
  yield* times('nsq_query', queryTime, 'nsq_query');
}

function* times(name: string, { count, sum, max }: Times, of: string): Generator<Measure> {
  yield { name: `${name}_seconds_sum`, value: sum / 1000, help: `Time of ${of}.` };
  yield { name: `${name}_seconds_count`, value: count };
  yield { name: `${name}_seconds_max`, value: max / 1000 };
}
