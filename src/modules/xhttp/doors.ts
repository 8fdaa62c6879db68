/** HTTP on the SIP listeners: modules that answer requests stand in a row, and each takes a request or leaves it to the next. */
import type { Socket } from 'node:net';
import { type Context, ROUTE, Context as Run } from '../../runtime/context.js';
import type { Host } from '../../runtime/module.js';
import type { Route } from '../../runtime/program.js';
import { runRoute } from '../../runtime/run.js';
import type { SipMessage } from '../../sip/message.js';
import type { Received } from '../../sip/transport.js';
import { HttpConnection } from './connection.js';
import { isHttp } from './message.js';

/** `pass`: not for this one; `close`: the connection ends. A promise where the script waits. */
export type HttpDoor = (text: string, from: Received) => 'pass' | 'close' | void | Promise<void>;

interface Doors {
  readonly doors: HttpDoor[];
  /** By connection id. */
  readonly connections: Map<number, HttpConnection>;
}

const DOORS = new WeakMap<Host, Doors>();

/** Adds a door behind those that are there. Gives the open connections by their id. */
export function openHttpDoor(host: Host, door: HttpDoor): Map<number, HttpConnection> {
  let all = DOORS.get(host);
  if (all === undefined) {
    all = { doors: [], connections: new Map() };
    DOORS.set(host, all);
    host.hooks.onStream.push(taker(host, all));
  }
  all.doors.push(door);
  return all.connections;
}

function taker(host: Host, { doors, connections }: Doors) {
  return (head: Buffer, stream: Socket, from: Received): boolean => {
    if (!isHttp(head.toString('latin1', 0, head.indexOf('\n') + 1))) return false;
    const knock = (text: string, source: Received): void | Promise<void> => {
      for (const door of doors) {
        const done = door(text, source);
        if (done === 'close') return void stream.destroy();
        if (done !== 'pass') return done;
      }
    };
    const connection = new HttpConnection(host, stream, from, knock);
    connections.set(from.connection, connection);
    stream.once('close', () => connections.delete(from.connection));
    // the transport has to finish handing the stream over first
    queueMicrotask(() => connection.begin(head));
    return true;
  };
}

/** Runs a route on an HTTP request as if it were a SIP request; gives a promise only when the script waits. */
export function runHttpRoute(host: Host, msg: SipMessage, route: Route): void | Promise<void> {
  const ctx: Context = new Run(host, host.program, msg, ROUTE.REQUEST);
  const after = () => {
    for (const hook of host.hooks.afterRequest) hook(ctx);
  };
  for (const hook of host.hooks.beforeRequest) if (!hook(ctx)) return after();
  const code = runRoute(ctx, route);
  if (typeof code !== 'number') return code.then(after);
  after();
}
