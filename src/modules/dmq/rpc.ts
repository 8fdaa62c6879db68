/** RPC commands of module dmq. */
import { type Host, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { DMQ, type DmqState } from './dmq-state.js';
import { type NodeStatus, nodeKey, STATUSES } from './nodes.js';

function listNodes(host: Host): RpcValue {
  const { bus } = host.state(DMQ);
  return bus.nodes.nodes.map((n) => ({
    host: n.host,
    port: n.port === '' ? null : n.port,
    proto: n.proto,
    resolved_ip: n.resolvedIp,
    status: n.status,
    last_notification: 0,
    local: n.local ? 1 : 0,
    ...(bus.settings.rules.countFailures ? { fail_count: n.failCount } : {}),
  }));
}

function keyOf(address: RpcValue | undefined) {
  if (address === undefined) throw new RpcFault(500, 'Invalid Parameters');
  const key = nodeKey(`${address}`);
  if (key === undefined) throw new RpcFault(500, 'Failure');
  return key;
}

function removeNode(host: Host, [address]: readonly RpcValue[]): RpcValue {
  const key = keyOf(address);
  const { bus, life } = host.state(DMQ);
  const node = bus.nodes.find(key);
  if (node !== undefined && !node.local) life.remove(node);
  return 'Ok. DMQ node removed.';
}

function addNode(host: Host, [address]: readonly RpcValue[]): RpcValue {
  keyOf(address);
  if (!host.state(DMQ).life.add(`${address}`)) throw new RpcFault(500, 'Failure');
  return 'Ok. DMQ node added.';
}

function changeStatus(host: Host, [address, status]: readonly RpcValue[]): RpcValue {
  const key = keyOf(address);
  if (status === undefined) throw new RpcFault(500, 'Invalid Parameters');
  const { bus } = host.state(DMQ);
  const node = bus.nodes.find(key);
  if (node === undefined || node.local || !STATUSES.has(`${status}`)) throw new RpcFault(500, 'Failure');
  bus.nodes.setStatus(node, `${status}` as NodeStatus);
  return 'Ok. DMQ node status changed.';
}

/** Health: nodes by status, messages by peer, what waits for each node, how far synchronisations are. */
function stats(host: Host): RpcValue {
  const { bus, htable } = host.state(DMQ);
  const { metrics: m, pool } = bus;
  return {
    nodes: nodesByStatus(host.state(DMQ)),
    strangers: m.strangers,
    repeated: m.repeated,
    refused: m.refused,
    too_big: m.tooBig,
    workers: pool?.threads ?? 0,
    worker_restarts: pool?.restarts ?? 0,
    pending: pool?.pending ?? 0,
    peers: [...m.peers].map(([peer, counts]) => ({ peer, ...counts })),
    htable: htable === undefined ? {} : { cells_received: htable.cellsReceived, stale: htable.stale },
    outboxes: [...bus.peers].flatMap(({ name, friends }) =>
      [...(friends ?? [])].map(({ node, outbox, sync }) => ({
        peer: name,
        node: node.uri,
        waiting: outbox.waiting,
        unanswered: outbox.open,
        lag_ms: Math.round(outbox.lag),
        sync: sync === undefined ? 'none' : sync.done ? 'done' : 'running',
        sync_sent: sync?.sent ?? 0,
      })),
    ),
  };
}

export function nodesByStatus({ bus }: DmqState): Record<string, number> {
  const out: Record<string, number> = {};
  for (const status of STATUSES) out[status] = 0;
  for (const n of bus.nodes.nodes) if (!n.local) out[n.status]!++;
  return out;
}

export const rpc: Readonly<Record<string, RpcDefinition>> = {
  'dmq.list_nodes': { doc: 'Print all nodes', returnsArray: true, run: (host) => listNodes(host) },
  'dmq.remove': { doc: 'Remove a DMQ node', run: removeNode },
  'dmq.add': { doc: 'Add a DMQ node', run: addNode },
  'dmq.change_status': { doc: 'Change the status of a DMQ node: address and status', run: changeStatus },
  'dmq.stats': {
    doc: 'What the module has counted, what waits for each node, and how far synchronisations are',
    run: stats,
  },
};
