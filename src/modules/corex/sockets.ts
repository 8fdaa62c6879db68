/** Which socket a message came by or leaves from, as the script says; sockets by name, address or place. */
import { isIP } from 'node:net';
import type { Context } from '../../runtime/context.js';
import { inOrder } from '../../runtime/core/rpc.js';
import { bindFormat } from '../../runtime/format.js';
import { fn, type Host, LEVEL, pvWith, str, type Value } from '../../runtime/module.js';
import { socketOf } from '../../runtime/variables/addresses.js';
import { bracketed, type ListenSocket } from '../../sip/transport.js';
import { parseAddress } from './address.js';

function refused(ctx: Context, text: string): number {
  ctx.host.log.write(LEVEL.ERR, 'corex', `${text}\n`);
  return -1;
}

export function socketNamed(host: Host, name: string): ListenSocket | undefined {
  return host.sockets.find((s) => s.name === name);
}

type Place = 'send' | 'receive';

function use(ctx: Context, socket: ListenSocket, place: Place): void {
  const { msg } = ctx;
  if (place === 'send') msg.sendSocket = socket;
  else msg.received = { ...msg.received, socket, proto: socket.proto, connection: 0 };
}

function setByAddress(place: Place, doc: string) {
  return fn({
    doc,
    args: [str('socket')],
    run(ctx, _params, text) {
      if (text === '') return refused(ctx, 'cannot get socket address value');
      const socket = socketOf(ctx, text);
      if (socket === undefined) return refused(ctx, `invalid socket specification [${text}]`);
      if (socket !== null) use(ctx, socket, place);
      return 1;
    },
  });
}

function setByName(place: Place, doc: string) {
  return fn({
    doc,
    args: [str('name')],
    run(ctx, _params, name) {
      if (name === '') return refused(ctx, 'cannot get socket address value');
      const socket = socketNamed(ctx.host, name);
      if (socket === undefined) ctx.host.log.write(LEVEL.WARN, 'corex', `no socket found to match [${name}]\n`);
      else use(ctx, socket, place);
      return 1;
    },
  });
}

function setSource(ctx: Context, text: string): number {
  if (text === '') return refused(ctx, 'cannot get source address value');
  const address = parseAddress(text);
  if (address === undefined) return refused(ctx, `failed to parse the address [${text}]`);
  const ip = address.host.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(ip);
  const usable = version === 4 || (version === 6 && ctx.host.sockets.some((s) => s.af === 6));
  if (!usable) return refused(ctx, `failed to resolve address [${text}]`);
  ctx.msg.received = { ...ctx.msg.received, srcIp: ip, srcPort: Number(address.port) };
  return 1;
}

export const SOCKET_FUNCTIONS = {
  set_send_socket: setByAddress(
    'send',
    'The message leaves from this socket, `udp:ip:port`; one that does not listen changes nothing.',
  ),
  set_send_socket_name: setByName('send', 'The message leaves from the socket of this name.'),
  set_recv_socket: setByAddress('receive', 'The message counts as received by this socket, `udp:ip:port`.'),
  set_recv_socket_name: setByName('receive', 'The message counts as received by the socket of this name.'),
  set_source_address: fn({
    doc: 'The message counts as sent from this address, `udp:ip:port`; host names are not looked up, IPv6 needs a socket for it.',
    args: [str('address')],
    run: (ctx, _params, text) => setSource(ctx, text),
  }),
  is_socket_name: fn({
    doc: 'Is there a listening socket of that name?',
    args: [str('name')],
    run(ctx, _params, name) {
      if (name === '') return refused(ctx, 'cannot get socket name value');
      return socketNamed(ctx.host, name) === undefined ? -1 : 1;
    },
  }),
};

// ------------------------------------------------------------------- $lsock

function advertisedText(s: ListenSocket): string {
  return s.advertised ? `${s.proto}:${bracketed(s.advertised.host)}:${s.advertised.port}` : '';
}

/** By first letters: name, listen, advertise, index. An index is always the first socket in 5.6.3 (seen). */
const MATCH: Readonly<Record<string, (s: ListenSocket, value: string) => boolean>> = {
  n: (s, value) => s.name === value,
  l: (s, value) => s.text.toLowerCase() === value.toLowerCase(),
  a: (s, value) => advertisedText(s) !== '' && advertisedText(s).toLowerCase() === value.toLowerCase(),
  i: () => true,
};
const FIELD: Readonly<Record<string, (s: ListenSocket) => Value>> = {
  n: (s) => s.name ?? '',
  l: (s) => s.text,
  a: advertisedText,
  i: () => 0,
};

/** `match/value/field`: undefined when it is malformed; a field of one letter is (seen). */
function listeningSocket(ctx: Context, expression: string): Value {
  const parts = expression.split('/');
  const [by = '', value = '', field = ''] = parts;
  const matches = by.length === 1 ? MATCH[by] : undefined;
  const read = FIELD[field[0] ?? ''];
  if (parts.length !== 3 || matches === undefined || read === undefined || field.length < 2) {
    ctx.host.log.write(LEVEL.ERR, 'corex', `failed to parse lsock expression [${expression}]\n`);
    return undefined;
  }
  const found = inOrder(ctx.host.sockets).find((s) => matches(s, value));
  return found === undefined ? null : read(found);
}

export const lsock = pvWith({
  doc:
    'A listening socket: `match/value/field`, where match is n (name), l (`proto:ip:port`), a (advertised) or i, and ' +
    'field is name, listen, advertise or index.',
  example: 'xlog("$lsock(n/main/listen)\\n");',
  bind(use, env) {
    const format = bindFormat(use.key?.text ?? '', env);
    if ('error' in format) return format;
    const { get } = format.ok;
    return { ok: { get: (ctx) => listeningSocket(ctx, get(ctx)) } };
  },
});
