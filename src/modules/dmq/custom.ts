/** Bus messages that a script makes up for a peer of its own server (dmq_process_custom, dmq_handle_custom). */
import { Context, ROUTE } from '../../runtime/context.js';
import { parseMessage } from '../../sip/parse.js';
import type { Local } from './bus.js';
import { uriOf } from './nodes.js';

export interface CustomMessage {
  readonly peer: string;
  /** Who is to have sent it: a SIP URI. */
  readonly node: string;
  readonly body: string;
  readonly type: string;
}

const MAX_MESSAGE = 65_507;

/** The run of a KDMQ request that says it; undefined where none can be made of it. */
export function customContext(ctx: Context, given: CustomMessage, { node, socket }: Local): Context | undefined {
  const { host } = ctx;
  const to = uriOf(node, given.peer);
  const id = Math.floor(host.random() * 10_000_000);
  const text =
    `KDMQ ${to} SIP/2.0\r\nVia: SIP/2.0/${socket.proto.toUpperCase()} ${socket.ip}:${socket.port};branch=z9hG4bK${id}\r\n` +
    `From: <${given.node}>;tag=${id}\r\nTo: <${to}>\r\nCall-ID: ${id}@${socket.ip}\r\nCSeq: 1 KDMQ\r\nMax-Forwards: 1\r\n` +
    `Content-Type: ${given.type}\r\nContent-Length: ${given.body.length}\r\n\r\n${given.body}`;
  if (text.length > MAX_MESSAGE) return undefined;
  const received = { proto: socket.proto, srcIp: socket.ip, srcPort: socket.port, socket, connection: 0 };
  const msg = parseMessage(text, received, ctx.msg.id, host.clock.now());
  if (msg === undefined) return undefined;
  msg.faked = true;
  return new Context(host, ctx.program, msg, ROUTE.REQUEST);
}
