/** RPC commands of the nsq module. */
import type { Host } from '../../runtime/host.js';
import { type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import type { Times } from './metrics.js';
import { NSQ } from './state.js';

const round = (ms: number): number => Math.round(ms * 1000) / 1000;
const times = ({ count, sum, max }: Times) => ({
  count,
  avg_ms: count === 0 ? 0 : round(sum / count),
  max_ms: round(max),
});

function stats(host: Host): RpcValue {
  const state = host.state(NSQ);
  const m = state.metrics;
  const now = host.clock.now();
  return {
    consumed: m.consumed,
    finished: m.finished,
    requeued: m.requeued,
    expired: m.expired,
    returned: m.returned,
    not_json: m.notJson,
    unrouted: m.unrouted,
    failed_routes: m.failedRoutes,
    touched: m.touched,
    late: m.late,
    published: m.published,
    publish_failed: m.publishFailed,
    queries: m.queries,
    answered: m.answered,
    query_timeouts: m.queryTimeouts,
    query_failed: m.queryFailed,
    stray_replies: m.strayReplies,
    reconnects: m.reconnects,
    pending: state.pending,
    route_time: times(m.routeTime),
    publish_time: times(m.publishTime),
    query_time: times(m.queryTime),
    ready: state.unready() ?? 'yes',
    nsqds: [...state.links.nsqds].map(([nsqd, { up, version, problem, since }]) => ({
      nsqd,
      connections: up,
      version,
      problem: problem ?? '',
      since_s: Math.floor((now - since) / 1000),
    })),
    subscriptions: state.lines.map(({ subscription, seats }) => ({
      ...subscription,
      workers: seats.length,
      connected: seats.filter((seat) => [...seat.links.values()].includes(undefined)).length,
      paused: seats.some((seat) => seat.paused),
      running: seats.filter((seat) => seat.load.running).length,
      waiting: seats.reduce((sum, seat) => sum + seat.load.waiting, 0),
    })),
  };
}

function pause(on: boolean): RpcDefinition['run'] {
  return (host, [topic]) => {
    if (topic !== undefined && typeof topic !== 'string') throw new RpcFault(400, 'the argument is a topic');
    const workers = host.state(NSQ).pause(on, topic);
    if (workers === 0)
      throw new RpcFault(404, topic === undefined ? 'nothing is consumed' : `topic ${topic} is not consumed`);
    return undefined;
  };
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'nsq.stats': { doc: 'Counters, times, and the state of every nsqd and subscription.', run: stats },
  'nsq.pause': {
    doc: 'Takes no more messages, of one topic or of all; what is in hand is finished.',
    run: pause(true),
  },
  'nsq.resume': { doc: 'Takes messages again.', run: pause(false) },
};
