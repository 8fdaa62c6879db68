/** RPC commands ws.*. */
import { type Host, LEVEL, type RpcDefinition, RpcFault, type RpcValue } from '../../runtime/module.js';
import { anyText } from '../../runtime/rpc.js';
import { OPCODE } from '../../sip/ws-frame.js';
import { WEBSOCKET, type WsConnection, type WsState } from './connections.js';

const SHOWN: Readonly<Record<WsState, string>> = { OPEN: 'OPEN', CLOSING: 'CLOSING', REMOVING: 'CLOSED' };
const MOST_SHOWN = 50;
/** Kamailio's table of connections has so many slots. */
const SLOTS = 1024;

type Order = (all: readonly WsConnection[]) => readonly WsConnection[];

/** `all` comes least recently used first. */
const ORDERS: Readonly<Record<string, Order>> = {
  id_hash: (all) => [...all].sort((a, b) => (a.id % SLOTS) - (b.id % SLOTS) || b.id - a.id),
  used_desc: (all) => all,
  used_asc: (all) => [...all].reverse(),
};

function line(host: Host, { id, received, stream, state, awaitingPong, lastUsed }: WsConnection): string {
  const { proto, srcIp, srcPort } = received;
  const from = `${proto}:${srcIp}:${srcPort}`;
  const to = `${proto}:${stream.localAddress ?? '*'}:${stream.localPort ?? 0}`;
  const idle = Math.floor(host.clock.now() / 1000) - Math.floor(lastUsed / 1000);
  const pong = awaitingPong ? 'awaiting Pong, ' : '';
  return `${id}: ${from} -> ${to} (state: ${SHOWN[state]}, ${pong} last used ${idle}s ago, sub-protocol: sip)`;
}

function dump(host: Host, order: string): RpcValue {
  const sort = ORDERS[order.toLowerCase()];
  if (sort === undefined) throw new RpcFault(400, 'Bad display order parameter');
  const there = sort(host.state(WEBSOCKET).all()).filter(({ stream }) => !stream.destroyed);
  const shown = there.slice(0, MOST_SHOWN);
  return {
    connections: shown.map((connection) => line(host, connection)),
    info: { wscounter: shown.length, truncated: there.length >= MOST_SHOWN ? 'yes' : 'no' },
  };
}

function connectionOf(host: Host, args: readonly RpcValue[]): WsConnection {
  const [id] = args;
  if (typeof id !== 'number') throw refused(host, 'no connection ID parameter', 'Invalid Parameters');
  const found = host.state(WEBSOCKET).get(Math.trunc(id));
  if (found === undefined) throw refused(host, 'bad connection ID parameter', 'Unknown connection ID');
  return found;
}

function refused(host: Host, why: string, text: string): RpcFault {
  host.log.write(LEVEL.WARN, 'websocket', `${why}\n`);
  return new RpcFault(500, text);
}

function ping(host: Host, args: readonly RpcValue[], opcode: typeof OPCODE.PING | typeof OPCODE.PONG): undefined {
  const connection = connectionOf(host, args);
  if (!host.state(WEBSOCKET).ping(connection, opcode)) throw refused(host, 'sending Ping', 'Error sending frame');
}

function enable(host: Host, on: boolean): undefined {
  host.state(WEBSOCKET).enabled = on;
  const what = on ? 'enabling websockets' : 'disabling websockets - new connections will be dropped';
  host.log.write(LEVEL.WARN, 'websocket', `${what}\n`);
}

export const wsRpc: Readonly<Record<string, RpcDefinition>> = {
  'ws.dump': {
    doc: 'Lists at most 50 connections, by id_hash (default), used_desc or used_asc.',
    run: (host, args) => dump(host, anyText(args, 0) ?? 'id_hash'),
  },
  'ws.close': {
    doc: 'Closes the connection of that id.',
    run(host, args) {
      const connection = connectionOf(host, args);
      if (!host.state(WEBSOCKET).close(connection))
        throw refused(host, 'closing connection', 'Error closing connection');
      return undefined;
    },
  },
  'ws.ping': {
    doc: 'Sends a ping over the connection of that id.',
    run: (host, args) => ping(host, args, OPCODE.PING),
  },
  'ws.pong': {
    doc: 'Sends a pong over the connection of that id.',
    run: (host, args) => ping(host, args, OPCODE.PONG),
  },
  'ws.enable': { doc: 'Handshakes are answered again.', run: (host) => enable(host, true) },
  'ws.disable': { doc: 'Handshakes are answered with 503; connections stay.', run: (host) => enable(host, false) },
};
