/** Kamailio's websocket: SIP over WebSocket (RFC 7118) on the TCP and TLS listeners. */
import { SIGNATURE } from '../../runtime/core/version.js';
import {
  defineModule,
  fn,
  forms,
  type Host,
  int,
  LEVEL,
  pv,
  type RouteContext,
  shown,
  str,
} from '../../runtime/module.js';
import { NORMAL, WEBSOCKET, WsConnections } from './connections.js';
import { handshake } from './handshake.js';
import { keepaliveInterval, params, pingData, timerInterval, type WsParams } from './params.js';
import { wsRpc } from './rpc.js';
import { CLOSED, keepalive, sweep } from './timers.js';

const FAILED = -1;
/** A frame that cannot be sent ends the script, as in Kamailio. */
const NOT_SENT = 0;
const CLOSING = 1;

/** Counters of Kamailio's module; those of MSRP stay at 0. */
const COUNTERS = [
  'failed_connections',
  'local_closed_connections',
  'received_frames',
  'remote_closed_connections',
  'transmitted_frames',
  'sip_failed_connections',
  'sip_local_closed_connections',
  'sip_received_frames',
  'sip_remote_closed_connections',
  'sip_transmitted_frames',
  'msrp_failed_connections',
  'msrp_local_closed_connections',
  'msrp_received_frames',
  'msrp_remote_closed_connections',
  'msrp_transmitted_frames',
  'msrp_current_connections',
  'msrp_max_concurrent_connections',
  'failed_handshakes',
  'successful_handshakes',
  'sip_successful_handshakes',
  'msrp_successful_handshakes',
];

function count(host: Host, connections: WsConnections): void {
  for (const name of COUNTERS) host.statistics.set(`websocket.ws_${name}`, 0);
  for (const kind of ['', 'sip_']) {
    host.statistics.set(`websocket.ws_${kind}current_connections`, () => connections.count);
    host.statistics.set(`websocket.ws_${kind}max_concurrent_connections`, () => connections.most);
  }
}

function close(ctx: RouteContext, id: number, status: number, reason: string): number {
  const connections = ctx.host.state(WEBSOCKET);
  const connection = connections.get(id);
  if (connection === undefined) {
    ctx.host.log.write(LEVEL.ERR, 'websocket', 'failed to retrieve WebSocket connection\n');
    return FAILED;
  }
  return connections.close(connection, { status, reason }) ? CLOSING : NOT_SENT;
}

const paramsOf = (host: Host) => host.program.params('websocket') as unknown as WsParams;
const wantedPing = (host: Host) => pingData(paramsOf(host), SIGNATURE);

function start(host: Host): WsConnections {
  if (host.module('nathelper') === undefined && host.module('outbound') === undefined) {
    host.log.write(
      LEVEL.WARN,
      'websocket',
      'neither "nathelper" nor "outbound" modules are loaded. At least one of these is required for correct routing of SIP over WebSocket.\n',
    );
  }
  const connections = new WsConnections(host, wantedPing(host));
  count(host, connections);
  connections.timers.push(
    host.clock.every(keepaliveInterval(paramsOf(host)) * 1000, () => keepalive(connections)),
    host.clock.every(timerInterval(paramsOf(host)) * 1000, () => sweep(connections)),
  );
  return connections;
}

export const websocket = defineModule({
  name: 'websocket',
  doc: 'SIP over WebSocket on the TCP and TLS listeners: the script accepts a handshake in event_route[xhttp:request], then requests that come over the connection run request_route with $proto "ws" or "wss".',
  needs: ['sl', 'xhttp'],
  params,
  settings: ['keepalive_timeout'],
  atStart: ['keepalive_interval', 'timer_interval'],
  missing: ['MSRP', 'the setting websocket.enabled (RPC ws.enable and ws.disable are there)'],
  events: { [CLOSED]: 'A connection was closed a few seconds ago; $si, $sp and $ws_conid are those it had.' },
  functions: {
    ws_handle_handshake: fn({
      doc: 'Answers the HTTP request as the opening handshake of WebSocket: 1 when its connection is one now. What cannot be accepted is answered with 400, 426, 500 or 503, and the script ends.',
      args: [],
      example:
        'event_route[xhttp:request] { if ($hdr(Upgrade) =~ "websocket" && ws_handle_handshake()) exit; xhttp_reply("404", "Not found", "", ""); }',
      run: (ctx, p: WsParams) => handshake(ctx, p),
    }),
    ws_close: forms(
      fn({
        doc: 'Sends a close frame over the connection by which the message came: 1000, Normal closure.',
        args: [],
        example: 'if ($proto == "ws" && !is_method("REGISTER")) ws_close();',
        run: (ctx) => close(ctx, ctx.msg.received.connection, NORMAL.status, NORMAL.reason),
      }),
      fn({
        doc: 'The same with that status and reason, over that connection where an id is given.',
        args: [int('status'), str('reason')],
        example: 'ws_close(4000, "try another server");',
        run: (ctx, _p: unknown, status, reason) => close(ctx, ctx.msg.received.connection, status, reason),
      }),
      fn({
        doc: 'The same over the connection with that id.',
        args: [int('status'), str('reason'), int('connection')],
        example: 'ws_close(4000, "try another server", $ws_conid);',
        run: (ctx, _p: unknown, status, reason, id) => close(ctx, id, status, reason),
      }),
    ),
  },
  pvs: {
    ws_conid: shown(
      pv('Id of the connection by which the message came.', ({ msg }) => msg.received.connection),
      'xlog("$ws_conid\\n");',
    ),
  },
  rpc: wsRpc,
  start,
  /** What pings carry; the rest is read at each use. */
  reload(host, state) {
    (state as WsConnections).pingData = Buffer.from(wantedPing(host), 'latin1');
  },
  stop(_host, state) {
    (state as WsConnections).stop();
  },
});
