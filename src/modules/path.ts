/** Module path: Path headers of an edge proxy (RFC 3327; sip.md, section 8). */
import { defineModule, fn, intParam, opt, type RouteContext, str, strParam } from '../runtime/module.js';
import { sentBy } from '../sip/build.js';
import { HDR } from '../sip/header-names.js';
import { bracketed } from '../sip/transport.js';

interface Params {
  readonly enable_r2: number;
  readonly received_format: number;
  readonly use_received: number;
}

const ADDED = 1;

function addPath(ctx: RouteContext, user: string, params: string, received: boolean): number {
  const { msg } = ctx;
  const { srcIp, srcPort, socket, proto } = msg.received;
  const host = bracketed(srcIp);
  const transport = proto === 'udp' ? '' : `%3Btransport%3D${proto}`;
  const rcv = received ? `;received=sip:${host}:${srcPort}${transport}` : '';
  const more = params === '' ? '' : `;${params.replace(/^;/, '')}`;
  const userPart = user === '' ? '' : `${user}@`;
  const at = msg.first(HDR.PATH)?.start ?? msg.headersEnd;
  msg.edits.insertFirst(at, `Path: <sip:${userPart}${sentBy(socket)};lr${rcv}${more}>\r\n`, 'path');
  return ADDED;
}

const params = {
  use_received: intParam(0, '1: loose_route() takes the `received` of a Route as next hop.'),
  received_format: intParam(0, "1: the received address in Kamailio's own form."),
  received_name: strParam('received', 'Name of the URI parameter with the received address.'),
  enable_r2: intParam(0, '1: two Path headers where the request leaves by another socket.'),
};

export const path = defineModule({
  name: 'path',
  doc: 'Puts this server into the Path of a registration.',
  params,
  functions: {
    add_path: fn({
      doc: 'Adds a Path header of this server on top.',
      args: [opt(str('user')), opt(str('parameters'))],
      routes: ['request'],
      run: (ctx, _params: Params, user, more) => addPath(ctx, user ?? '', more ?? '', false),
    }),
    add_path_received: fn({
      doc: 'As add_path(), with the source address of the request in a parameter.',
      args: [opt(str('user')), opt(str('parameters'))],
      routes: ['request'],
      run: (ctx, _params: Params, user, more) => addPath(ctx, user ?? '', more ?? '', true),
    }),
  },
});
