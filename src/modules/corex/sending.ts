/** Bytes sent as the script wants them, past all that a proxy does. */
import type { Context } from '../../runtime/context.js';
import type { Target } from '../../runtime/host.js';
import { fn, LEVEL, opt, str } from '../../runtime/module.js';
import { socketOf } from '../../runtime/variables/addresses.js';
import type { ListenSocket, Proto } from '../../sip/transport.js';
import { parseUri, uriTransport } from '../../sip/uri.js';

function refused(ctx: Context, text: string): number {
  ctx.host.log.write(LEVEL.ERR, 'corex', `${text}\n`);
  return -1;
}

const SIP_PORT = 5060;

/** Where to: a host with its port, looked up when it is a name. */
interface Where {
  readonly host: string;
  readonly port: number;
  readonly proto: Proto;
}

function sendTo(ctx: Context, where: Where, socket: ListenSocket | null, data: string): number | Promise<number> {
  const targets = ctx.host.resolver.resolve(where.host, where.port || SIP_PORT, where.proto);
  if (targets instanceof Promise) return targets.then((found) => sendToFirst(ctx, where, found, socket, data));
  return sendToFirst(ctx, where, targets, socket, data);
}

function sendToFirst(
  ctx: Context,
  where: Where,
  targets: readonly Target[],
  forced: ListenSocket | null,
  data: string,
): number {
  const { host } = ctx;
  const target = targets[0];
  if (target === undefined) return refused(ctx, `failed to resolve [${where.host}]`);
  const socket = forced ?? host.socketFor(where.proto, target.ip, ctx.msg.sendSocket, ctx.msg.received.socket);
  if (socket === undefined) return refused(ctx, `no socket for dst ${where.proto}:${target.ip}`);
  return host.send(data, { proto: where.proto, ip: target.ip, port: target.port, socket }) ? 1 : -1;
}

// ------------------------------------------------ send_udp(), send_tcp()

/** `host[:port]` as the script writes it; without it the next hop of the message. */
function nextHop(ctx: Context, destination: string, proto: Proto): Where | undefined {
  if (destination !== '') {
    const m = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?/.exec(destination);
    return { host: m?.[1] ?? '', port: Number(m?.[2] ?? SIP_PORT), proto };
  }
  const uri = parseUri(ctx.msg.dstUri || ctx.msg.uri);
  return uri && { host: uri.host, port: uri.port, proto };
}

function sendMessage(proto: Proto) {
  return fn({
    doc: `Sends the message as it was received over ${proto.toUpperCase()}, to \`host:port\` or to its next hop.`,
    args: [opt(str('destination'))],
    routes: ['request', 'failure'],
    waits: true,
    run(ctx, _params, destination = '') {
      const where = nextHop(ctx, destination, proto);
      if (where === undefined) return refused(ctx, 'send() - bad_uri dropping packet');
      return sendTo(ctx, where, null, ctx.msg.text);
    },
  });
}

// ---------------------------------------------------- send_data(), sendx()

function sendText(ctx: Context, uriText: string, socket: ListenSocket | null, data: string): number | Promise<number> {
  const uri = parseUri(uriText);
  if (uri === undefined) return refused(ctx, `bad dst sip uri <${uriText}>`);
  const proto = uriTransport(uri) ?? (uri.scheme === 'sips' ? 'tls' : 'udp');
  return sendTo(ctx, { host: uri.host, port: uri.port, proto }, socket, data);
}

export const SENDING_FUNCTIONS = {
  send_udp: sendMessage('udp'),
  send_tcp: sendMessage('tcp'),
  send_data: fn({
    doc: 'Sends the text to the address of the URI.',
    args: [str('uri'), str('text')],
    waits: true,
    run: (ctx, _params, uri, text) => sendText(ctx, uri, null, text),
  }),
  sendx: fn({
    doc: 'Sends the text to the address of the URI from the given socket, `udp:ip:port`.',
    args: [str('uri'), str('socket'), str('text')],
    waits: true,
    run(ctx, _params, uri, socketText, text) {
      const socket = socketText === '' ? null : socketOf(ctx, socketText);
      if (socket === undefined) return refused(ctx, 'invalid socket specification');
      return sendText(ctx, uri, socket, text);
    },
  }),
};
