/** What is done for the connections from time to time: keepalives, and the end of those that are gone. */
import { type Host, LEVEL } from '../../runtime/module.js';
import { OPCODE } from '../../sip/ws-frame.js';
import type { WsConnection, WsConnections } from './connections.js';
import { KEEPALIVE, keepaliveMechanism, keepaliveTimeout, removalDelay, type WsParams } from './params.js';

export const CLOSED = 'websocket:closed';

const paramsOf = (host: Host) => host.program.params('websocket') as unknown as WsParams;

/** Those that sent and got nothing for a while get a ping; those that did not answer the last one are closed. */
export function keepalive(connections: WsConnections): void {
  const { host } = connections;
  const params = paramsOf(host);
  const mechanism = keepaliveMechanism(params);
  if (mechanism === KEEPALIVE.NONE) return;
  const idle = host.clock.now() - (keepaliveTimeout(params) + 1) * 1000;
  for (const connection of connections.all()) {
    if (connection.lastUsed > idle) continue;
    if (connection.state === 'CLOSING' || connection.awaitingPong) {
      host.log.write(LEVEL.WARN, 'websocket', 'forcibly closing connection\n');
      connections.closeNow(connection);
    } else if (mechanism !== KEEPALIVE.CHECK) {
      connections.ping(connection, mechanism === KEEPALIVE.PING ? OPCODE.PING : OPCODE.PONG);
    } else if (connection.stream.destroyed) {
      connection.state = 'CLOSING';
    }
  }
}

/** Notices streams that have ended; tells the script of connections that ended a while ago. */
export function sweep(connections: WsConnections): void {
  const { host } = connections;
  const due = host.clock.now() - removalDelay(paramsOf(host)) * 1000;
  for (const connection of connections.all()) {
    if (connection.state !== 'REMOVING') {
      if (connection.stream.destroyed) connections.lost(connection);
    } else if (connection.endedAt <= due) {
      connections.forget(connection);
      if (connection.tell) runClosed(host, connection);
    }
  }
}

/** On a request that is made up, with the source of the handshake: $proto is tcp or tls, as in Kamailio. */
function runClosed(host: Host, { handshake }: WsConnection): void {
  if (!host.program.routes.event.has(CLOSED)) return;
  const msg = host.fakeRequest();
  msg.received = handshake;
  const done = host.runEvent(CLOSED, msg);
  if (done instanceof Promise) host.detach(done, `event_route[${CLOSED}]`);
}
