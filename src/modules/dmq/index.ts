/** Module dmq: the distributed message queue between servers (dmq.md). */
import {
  defineModule,
  fn,
  type Host,
  int,
  intParam,
  listParam,
  opt,
  type RouteContext,
  RpcFault,
  type RpcValue,
  stateKey,
  str,
  strParam,
} from '../../runtime/module.js';
import type { Proto } from '../../sip/transport.js';
import { Bus } from './bus.js';
import { nodeKey } from './nodes.js';
import { Pool } from './pool.js';
import { checkSettings, ownSocketName, settingsOf } from './settings.js';

interface DmqState {
  readonly bus: Bus;
  readonly pool: Pool | undefined;
  stopPings: () => void;
}

export const DMQ = stateKey<DmqState>('dmq');

const SENT = 1;
const FAILED = -1;

const uriCheck = (v: string) => (nodeKey(v) === undefined ? 'not a SIP URI' : undefined);

const params = {
  server_address: strParam(null, 'SIP URI of this node: its identity on the bus.'),
  server_socket: strParam(null, 'Listening socket to send from, proto:ip:port; by default that of server_address.'),
  notification_address: listParam('Node to ask for the list of nodes at start; may be given several times.', uriCheck),
  notification_channel: strParam('notification_peer', 'Peer name of the messages that carry the list of nodes.'),
  num_workers: intParam(2, 'Threads that read received messages; with 0 dmq_handle_message() fails.'),
  worker_usleep: intParam(0, 'Accepted for the sake of old scripts: a thread here wakes when work comes.'),
  ping_interval: intParam(60, 'Seconds between pings to the other nodes; at least 5.'),
};

function bus(ctx: RouteContext): Bus {
  return ctx.host.state(DMQ).bus;
}

export const dmq = defineModule({
  name: 'dmq',
  doc: 'A bus between servers: KDMQ messages, a list of nodes, peers that keep tables alike.',
  params,
  needs: ['sl', 'tm'],
  missing: ['multi_notify', 'dmq_process_message', 'dmq_t_replicate'],
  functions: {
    dmq_handle_message: fn({
      doc: 'Gives a KDMQ request to its peer, which answers it. The script ends there, unless `continue` is above 0.',
      args: [opt(int('continue'))],
      routes: ['request'],
      run: (ctx, _params: unknown, goOn) => (bus(ctx).handle(ctx) ? ((goOn ?? 0) > 0 ? 1 : 0) : FAILED),
    }),
    dmq_send_message: fn({
      doc: 'Sends a message to one node that is in the list.',
      args: [str('peer'), str('node'), str('body'), str('content_type')],
      run(ctx, _params: unknown, peer, node, body, contentType) {
        const key = nodeKey(node);
        const found = key && bus(ctx).nodes.find(key);
        if (found === undefined) return FAILED;
        bus(ctx).registerScriptPeer(peer);
        return bus(ctx).send(peer, found, body, contentType, { status: true }) ? SENT : FAILED;
      },
    }),
    dmq_bcast_message: fn({
      doc: 'Sends a message to every active node but this one.',
      args: [str('peer'), str('body'), str('content_type')],
      run(ctx, _params: unknown, peer, body, contentType) {
        bus(ctx).registerScriptPeer(peer);
        return bus(ctx).broadcast(peer, body, contentType, { status: true }) ? SENT : FAILED;
      },
    }),
    dmq_is_from_node: fn({
      doc: 'Does the request come from the address of a node in the list?',
      args: [],
      routes: ['request'],
      run: (ctx) => (bus(ctx).isFromNode(ctx) ? SENT : FAILED),
    }),
  },
  events: {
    'dmq:channel-*':
      'A message for a channel that no module reads (an extension): the KDMQ request is in view, its body in $rb.',
  },
  rpc: {
    'dmq.list_nodes': { doc: 'Print all nodes', returnsArray: true, run: (host) => listNodes(host) },
    'dmq.remove': { doc: 'Remove a DMQ node', run: (host, args) => removeNode(host, args) },
  },
  check: checkSettings,
  async start(host, values): Promise<DmqState> {
    const settings = settingsOf(values);
    const name = ownSocketName(settings)!;
    const socket = host.findSocket(name.proto as Proto, name.host, name.port);
    if (socket === undefined) {
      throw new Error(
        `server_uri is not a socket the proxy is listening on: ${settings.serverAddress}; add listen=${name.proto}:${name.host}:${name.port}`,
      );
    }
    const died = (why: string) => host.log.write(-1, 'dmq', `a worker ended: ${why}`);
    const pool = settings.numWorkers > 0 ? await Pool.start(settings.numWorkers, died) : undefined;
    return { bus: new Bus(host, settings, socket, pool), pool, stopPings: () => undefined };
  },
  ready(host, state) {
    const { bus: b } = state as DmqState;
    b.join();
    const timer = host.clock.every(b.settings.pingMs, () => b.ping());
    (state as DmqState).stopPings = () => timer.cancel();
  },
  async stop(_host, state) {
    const { bus: b, pool, stopPings } = state as DmqState;
    stopPings();
    b.leave();
    await pool?.stop();
  },
});

function listNodes(host: Host): RpcValue {
  return host.state(DMQ).bus.nodes.nodes.map((n) => ({
    host: n.host,
    port: n.port === '' ? null : n.port,
    proto: n.proto,
    resolved_ip: n.resolvedIp,
    status: n.status,
    last_notification: 0,
    local: n.local ? 1 : 0,
  }));
}

function removeNode(host: Host, [address]: readonly RpcValue[]): RpcValue {
  if (address === undefined) throw new RpcFault(500, 'Invalid Parameters');
  const key = nodeKey(`${address}`);
  if (key === undefined) throw new RpcFault(500, 'Failure');
  host.state(DMQ).bus.nodes.remove(key);
  return 'Ok. DMQ node removed.';
}
