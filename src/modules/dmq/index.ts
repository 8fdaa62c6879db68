/** Module dmq: the distributed message queue between servers (dmq.md). */
import { defineModule, fn, type Host, int, opt, pvTable, type RouteContext, str } from '../../runtime/module.js';
import type { ListenSocket, Proto } from '../../sip/transport.js';
import { HTABLE, type HtableParams } from '../htable/state.js';
import { sendCopies } from '../tm/api.js';
import { Bus, DMQ_EVENT } from './bus.js';
import type { CustomMessage } from './custom.js';
import { DMQ, type DmqState } from './dmq-state.js';
import { HtablePeer } from './htable-peer.js';
import { Life } from './life.js';
import { measures } from './measures.js';
import { nodeKey, uriOf } from './nodes.js';
import { inlinePool, Pool, type WorkPool } from './pool.js';
import { Reception } from './reception.js';
import { nodesByStatus, rpc } from './rpc.js';
import { checkSettings, ownSocketName, params, type Settings, settingsOf } from './settings.js';

const OK = 1;
const FAILED = -1;
/** Ends the script. */
const END = 0;

async function poolOf(host: Host, threads: number): Promise<WorkPool> {
  if (host.sandbox !== undefined) return inlinePool();
  return Pool.start(threads, (why) => host.log.write(-1, 'dmq', `a worker ended and is replaced: ${why}`));
}

function bus(ctx: RouteContext): Bus {
  return ctx.host.state(DMQ).bus;
}

const goOn = (wanted: number | undefined): number => ((wanted ?? 0) > 0 ? OK : END);

/** Copies the request to every active node. */
function replicate(ctx: RouteContext, skipLoopTest: boolean): number {
  const b = bus(ctx);
  if (!skipLoopTest && b.isNode(ctx.msg.received.srcIp)) return FAILED;
  const targets = b.nodes.active().map((node) => ({ uri: uriOf(node), socket: b.localFor(node).socket }));
  if (targets.length === 0) return END;
  return sendCopies(ctx, targets) < 0 ? FAILED : END;
}

function custom(ctx: RouteContext, given: CustomMessage, later: boolean): number {
  return ctx.host.state(DMQ).reception.custom(ctx, given, later) ? OK : FAILED;
}

export const dmq = defineModule({
  name: 'dmq',
  doc: 'A bus between servers: KDMQ messages, a list of nodes, peers that keep tables alike.',
  params,
  needs: ['sl', 'tm'],
  missing: ['sl_send'],
  functions: {
    dmq_handle_message: fn({
      doc: 'Gives a KDMQ request to its peer, which answers it. The script ends there, unless `continue` is above 0.',
      args: [opt(int('continue'))],
      routes: ['request'],
      run: (ctx, _params: unknown, wanted) => (ctx.host.state(DMQ).reception.handle(ctx) ? goOn(wanted) : FAILED),
    }),
    dmq_process_message: fn({
      doc: 'As dmq_handle_message(), but the peer has done its work when the function returns.',
      args: [opt(int('continue'))],
      routes: ['request'],
      run: (ctx, _params: unknown, wanted) => (ctx.host.state(DMQ).reception.process(ctx) ? goOn(wanted) : FAILED),
    }),
    dmq_send_message: fn({
      doc: 'Sends a message to one node that is in the list.',
      args: [str('peer'), str('node'), str('body'), str('content_type')],
      run(ctx, _params: unknown, peer, node, body, contentType) {
        const key = nodeKey(node);
        const found = key && bus(ctx).nodes.find(key);
        if (found === undefined) return FAILED;
        bus(ctx).registerScriptPeer(peer);
        return bus(ctx).send(peer, found, body, contentType, { status: true }) ? OK : FAILED;
      },
    }),
    dmq_bcast_message: fn({
      doc: 'Sends a message to every active node but this one.',
      args: [str('peer'), str('body'), str('content_type')],
      run(ctx, _params: unknown, peer, body, contentType) {
        bus(ctx).registerScriptPeer(peer);
        return bus(ctx).broadcast(peer, body, contentType, { status: true }) ? OK : FAILED;
      },
    }),
    dmq_t_replicate: fn({
      doc: 'Copies the request to every active node; the script ends there. False when it came from a node itself; with `skip_loop_test` 1 that is not looked at.',
      args: [opt(int('skip_loop_test'))],
      routes: ['request'],
      run: (ctx, _params: unknown, skip) => replicate(ctx, (skip ?? 0) !== 0),
    }),
    dmq_process_custom: fn({
      doc: 'Gives `body` to a peer as if `node` had sent it, at once (from 6.1 on).',
      args: [str('peer'), str('node'), str('body'), str('content_type')],
      run: (ctx, _params: unknown, peer, node, body, type) => custom(ctx, { peer, node, body, type }, false),
    }),
    dmq_handle_custom: fn({
      doc: 'As dmq_process_custom(), but the script does not wait for it: the body is read by a thread of the pool.',
      args: [str('peer'), str('node'), str('body'), str('content_type')],
      run: (ctx, _params: unknown, peer, node, body, type) => custom(ctx, { peer, node, body, type }, true),
    }),
    dmq_is_from_node: fn({
      doc: 'Does the request come from the address of a node in the list?',
      args: [],
      routes: ['request'],
      run: (ctx) => (bus(ctx).isNode(ctx.msg.received.srcIp) ? OK : FAILED),
    }),
  },
  pvs: {
    dmq: pvTable("What the module's event route is about; null elsewhere.", {
      node: (ctx) => ctx.extra(DMQ_EVENT)?.node ?? null,
      status: (ctx) => ctx.extra(DMQ_EVENT)?.status ?? null,
      channel: (ctx) => ctx.extra(DMQ_EVENT)?.channel ?? null,
    }),
  },
  events: {
    'dmq:channel-*':
      'A message for a channel that no module reads (an extension): the KDMQ request is in view, its body in $rb, the sender in $dmq(node).',
    'dmq:peer-up': 'Another node became active: its URI is in $ru and $dmq(node).',
    'dmq:peer-down': 'An active node is not active any more.',
    'dmq:peer-disabled': 'A node that does not answer was disabled.',
  },
  rpc,
  check: checkSettings,
  async start(host, values): Promise<DmqState> {
    const settings = settingsOf(values);
    const sockets = ownSockets(host, settings);
    const pool = settings.numWorkers > 0 ? await poolOf(host, settings.numWorkers) : undefined;
    const b = new Bus(host, settings, sockets, pool);
    const state: DmqState = { bus: b, life: new Life(b), reception: new Reception(b), pool, htable: undefined };
    for (const status of Object.keys(nodesByStatus(state)))
      host.statistics.set(`dmq.nodes_${status}`, () => nodesByStatus(state)[status] ?? 0);
    host.statistics.set('dmq.pending', () => pool?.pending ?? 0);
    host.hooks.mayWait = state.reception.mayWait;
    b.onFirstList(() => state.htable?.requestSync());
    return state;
  },
  ready(host, state) {
    connectPeers(host, state as DmqState);
    (state as DmqState).life.start();
  },
  reload(host, state, values) {
    const { bus: b, life, reception } = state as DmqState;
    b.reconfigure(settingsOf(values));
    reception.reconfigured();
    connectPeers(host, state as DmqState);
    life.reconfigured();
  },
  measures: (_host, state) => measures(state as DmqState),
  async stop(host, state) {
    host.hooks.mayWait = undefined;
    const { life, pool, htable } = state as DmqState;
    htable?.stop();
    await life.leave();
    await pool?.stop();
  },
});

/** The peers of other modules, which are loaded by now. */
function connectPeers(host: Host, state: DmqState): void {
  const wanted = host.hasState(HTABLE) && (host.program.params('htable') as unknown as HtableParams).enable_dmq !== 0;
  if (wanted && state.htable === undefined) {
    state.htable = new HtablePeer(state.bus);
    state.bus.addPeer(state.htable);
  } else if (!wanted && state.htable !== undefined) {
    state.bus.removePeer(state.htable.name);
    state.htable.stop();
    state.htable = undefined;
  }
}

function ownSockets(host: Host, settings: Settings): ListenSocket[] {
  return settings.serverAddresses.map((address, i) => {
    const name = ownSocketName(settings, i)!;
    const socket = host.findSocket(name.proto as Proto, name.host, name.port);
    if (socket !== undefined) return socket;
    throw new Error(
      `server_uri is not a socket the proxy is listening on: ${address}; add listen=${name.proto}:${name.host}:${name.port}`,
    );
  });
}

export { DMQ } from './dmq-state.js';
