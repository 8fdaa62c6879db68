/** `$siptrace(…)`: the message in view of event_route[siptrace:msg]. */
import { Dual, pvTable, type RouteContext, type Value } from '../../runtime/module.js';
import { PROTO_ID, type Proto } from '../../sip/transport.js';
import { IN_VIEW } from './network.js';
import type { Traced } from './traced.js';

interface End {
  readonly proto: string;
  readonly host: string;
  readonly port: number;
}

/** `udp:127.0.0.1:5060` taken apart. */
function endOf(text: string): End | undefined {
  const m = /^(\w+):(.+):(\d+)$/.exec(text);
  return m === null ? undefined : { proto: m[1]!, host: m[2]!, port: Number(m[3]) };
}

const inView =
  (read: (traced: Traced) => Value) =>
  (ctx: RouteContext): Value => {
    const traced = ctx.extra(IN_VIEW);
    return traced === undefined ? null : read(traced);
  };

const part = (side: 'from' | 'to', read: (end: End) => Value) =>
  inView((traced) => {
    const end = endOf(traced[side]);
    return end === undefined ? null : read(end);
  });

const protocol = ({ proto }: End): Value => new Dual(proto, PROTO_ID[proto as Proto] ?? 0);
const plain = ({ host }: End): Value => host.replace(/^\[(.*)\]$/, '$1');

export const variables = {
  siptrace: pvTable('The message in view of event_route[siptrace:msg].', {
    src_addr: inView(({ from }) => from),
    dst_addr: inView(({ to }) => to),
    src_host: part('from', ({ host }) => host),
    dst_host: part('to', ({ host }) => host),
    src_port: part('from', ({ port }) => port),
    dst_port: part('to', ({ port }) => port),
    src_proto: part('from', protocol),
    dst_proto: part('to', protocol),
    src_hostip: part('from', plain),
    dst_hostip: part('to', plain),
    direction: inView(({ direction }) => direction),
  }),
};
