/** Figures with labels for Prometheus; the counts of nodes by state are statistics. */
import type { Measure } from '../../runtime/module.js';
import type { DmqState } from './dmq-state.js';

const KINDS = ['received', 'sent', 'answered', 'refused', 'timeouts'] as const;

export function* measures({ bus }: DmqState): Generator<Measure> {
  for (const [peer, counts] of bus.metrics.peers)
    for (const kind of KINDS)
      yield {
        name: `dmq_messages_${kind}`,
        value: counts[kind],
        labels: { peer },
        help: 'KDMQ messages of a peer since the start.',
      };
  for (const { name, friends } of bus.peers)
    for (const { node, outbox, sync } of friends ?? []) {
      const labels = { peer: name, node: node.uri };
      yield { name: 'dmq_waiting', value: outbox.waiting, labels, help: 'Keys that a node is still to be told.' };
      yield { name: 'dmq_unanswered', value: outbox.open, labels, help: 'Messages under way to a node.' };
      yield { name: 'dmq_lag_seconds', value: outbox.lag / 1000, labels, help: 'Since when a node does not know all.' };
      yield {
        name: 'dmq_sync_sent',
        value: sync?.sent ?? 0,
        labels,
        help: 'Cells of the synchronisation sent to a node.',
      };
    }
}
