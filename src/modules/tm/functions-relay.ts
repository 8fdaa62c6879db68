/** Functions of the script that forward: t_relay() and its relatives. */
import { type Context, ROUTE } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { type AnyFunction, fn, forms, raw, str } from '../../runtime/module.js';
import type { Proto } from '../../sip/transport.js';
import { parseUri, uriTarget } from '../../sip/uri.js';
import { constantOf, flagBits, forcedBy, hostPort, parseHostPort, port, wordOrAvp } from './args.js';
import { E } from './errors.js';
import { found } from './functions.js';
import { transactionOf } from './match.js';
import type { Forced } from './next-hop.js';
import { forward, relay, relayKnownCancel } from './relay.js';
import { setFlag } from './settings.js';
import { tmOf } from './state.js';
import { T } from './transaction.js';

const RELAY = ['request', 'failure'] as const;
const REQUEST = ['request'] as const;

/** t_relay() where the script calls it: in failure routes it adds a branch to the transaction. */
export function scriptRelay(ctx: Context, forced?: Forced, proto?: Proto): number {
  const tm = tmOf(ctx.host);
  if ((ctx.routeType & (ROUTE.FAILURE | ROUTE.BRANCH_FAILURE)) === 0) return relay(tm, ctx, forced, proto);
  const t = transactionOf(ctx);
  if (t === null) return -1;
  const code = forward(tm, t, ctx, forced, proto);
  if (code > 0) return 1;
  if (code !== E.CFG) ctx.host.log.write(LEVEL.ERR, 'tm', 't_forward_noack failed');
  return -1;
}

const HOST_PORT = [raw('host'), port('port')] as const;

/** `name()`, `name("host", "port")` over one protocol. */
function over(proto: Proto, what: string, run: (ctx: Context, forced: Forced | undefined) => number): AnyFunction {
  const doc = `${what} over ${proto.toUpperCase()}`;
  return forms(
    fn({ doc: `${doc}, to where the destination leads.`, args: [], routes: RELAY, run: (ctx) => run(ctx, undefined) }),
    fn({
      doc: `${doc}, to that address.`,
      args: HOST_PORT,
      routes: RELAY,
      run: (ctx, _p: unknown, host, portNumber) => run(ctx, { host, port: portNumber, proto }),
    }),
  );
}

function relayOver(proto: Proto): AnyFunction {
  return over(proto, 'Relays statefully', (ctx, forced) => scriptRelay(ctx, forced, proto));
}

/** t_forward_nonack(): forwards in a transaction that must be there. */
function forwardNonAck(ctx: Context, forced: Forced | undefined, proto?: Proto): number {
  const t = found(ctx);
  if (t === null || ctx.msg.method === 'ACK') {
    ctx.host.log.write(LEVEL.ERR, 'tm', "can't forward when no transaction was set up");
    return -1;
  }
  return forward(tmOf(ctx.host), t, ctx, forced, proto);
}

function forwardOver(proto: Proto | undefined): AnyFunction {
  return fn({
    doc: 'Forwards in the transaction that was begun, to that address.',
    args: HOST_PORT,
    routes: REQUEST,
    run: (ctx, _p: unknown, host, portNumber) => forwardNonAck(ctx, { host, port: portNumber, proto }, proto),
  });
}

function replicateTo(ctx: Context, forced: Forced | undefined): number {
  return relay(tmOf(ctx.host), ctx, forced, forced?.proto, true);
}

function replicateOver(proto: Proto | undefined): AnyFunction {
  return fn({
    doc: 'Sends a copy to that address; its replies go nowhere.',
    args: HOST_PORT,
    routes: REQUEST,
    run: (ctx, _p: unknown, host, portNumber) => replicateTo(ctx, { host, port: portNumber, proto }),
  });
}

const PROTO_ADDRESS = [wordOrAvp('proto'), wordOrAvp('address')] as const;

function badAddress(ctx: Context): number {
  ctx.host.log.write(LEVEL.ERR, 'tm', 'host name is empty, or the address is none\n');
  return -1;
}

/** `t_replicate("sip:host:port")`. */
function replicateUri(ctx: Context, uri: string): number {
  const parsed = parseUri(uri);
  if (parsed === undefined) return -1;
  const { host, port: number, proto } = uriTarget(parsed);
  return replicateTo(ctx, { host, port: number, proto: proto ?? 'udp' });
}

const relayFlags = constantOf('flags', 'number', (text) => {
  const bits = flagBits(text);
  return bits === undefined ? { error: `'${text}' are no flags` } : { ok: bits };
});

/** One argument of t_relay_to(): flags, else an address. */
const flagsOrAddress = constantOf<number | Forced>('address or flags', 'proto:host:port or number', (text) => {
  const bits = flagBits(text);
  return bits === undefined ? parseHostPort(text) : { ok: bits };
});

const NO_TRYING = 1;
const NO_REPLY = 2;
const NO_FAILOVER = 4;

function relayTo(ctx: Context, forced: Forced | undefined, flags: number): number {
  if (flags & NO_TRYING) setFlag(ctx, T.AUTO_INV_100, false);
  if (flags & NO_REPLY) setFlag(ctx, T.DISABLE_INTERNAL_REPLY, true);
  if (flags & NO_FAILOVER) setFlag(ctx, T.DISABLE_FAILOVER, true);
  return scriptRelay(ctx, forced);
}

export const relayFunctions = {
  t_relay: forms(
    fn({
      doc: 'Relays the request statefully to its destination set. Names are looked up in the background: where there is no such host the branch is answered 478.',
      args: [],
      routes: RELAY,
      run: (ctx) => scriptRelay(ctx),
    }),
    fn({
      doc: 'Relays statefully to that address.',
      args: HOST_PORT,
      routes: RELAY,
      run: (ctx, _p: unknown, host, portNumber) => scriptRelay(ctx, { host, port: portNumber, proto: undefined }),
    }),
  ),
  t_relay_to_udp: relayOver('udp'),
  t_relay_to_tcp: relayOver('tcp'),
  t_relay_to_tls: relayOver('tls'),
  t_relay_to: forms(
    fn({ doc: 'Relays statefully.', args: [], routes: RELAY, run: (ctx) => scriptRelay(ctx) }),
    fn({
      doc: 'Flags: 1 no 100, 2 no error reply of its own, 4 no DNS failover; or an address proto:host:port.',
      args: [flagsOrAddress],
      routes: RELAY,
      run: (ctx, _p: unknown, given) =>
        typeof given === 'number' ? relayTo(ctx, undefined, given) : relayTo(ctx, given, 0),
    }),
    fn({
      doc: 'Relays statefully to an address, with flags.',
      args: [hostPort('address'), relayFlags],
      routes: RELAY,
      run: (ctx, _p: unknown, forced, flags) => relayTo(ctx, forced, flags),
    }),
  ),
  t_relay_cancel: fn({
    doc: 'Relays a CANCEL to the branches of its INVITE, and the script ends; 1 where that is unknown.',
    args: [],
    routes: REQUEST,
    run: (ctx) => relayKnownCancel(tmOf(ctx.host), ctx),
  }),
  t_forward_nonack: forwardOver(undefined),
  t_forward_nonack_udp: forwardOver('udp'),
  t_forward_nonack_tcp: forwardOver('tcp'),
  t_forward_nonack_tls: forwardOver('tls'),
  t_forward_nonack_uri: fn({
    doc: 'Forwards in the transaction that was begun, to where the URI leads.',
    args: [],
    routes: REQUEST,
    run: (ctx) => forwardNonAck(ctx, undefined),
  }),
  t_forward_nonack_to: fn({
    doc: 'Forwards in the transaction that was begun, over a protocol to host:port; either may be an AVP ("$avp(x)").',
    args: PROTO_ADDRESS,
    routes: REQUEST,
    run: (ctx, _p: unknown, proto, address) => {
      const to = forcedBy(proto, address);
      return to === undefined ? badAddress(ctx) : forwardNonAck(ctx, to, to.proto);
    },
  }),
  t_relay_to_avp: fn({
    doc: 'Relays over a protocol to host:port; either may be an AVP ("$avp(x)").',
    args: PROTO_ADDRESS,
    routes: REQUEST,
    run: (ctx, _p: unknown, proto, address) => {
      const to = forcedBy(proto, address);
      return to === undefined ? badAddress(ctx) : scriptRelay(ctx, to);
    },
  }),
  t_replicate: forms(
    fn({
      doc: 'Sends a copy to where the URI leads; its replies go nowhere.',
      args: [],
      routes: REQUEST,
      run: (ctx) => replicateTo(ctx, undefined),
    }),
    fn({
      doc: 'Sends a copy to that URI; its replies go nowhere, the script can still reply.',
      args: [str('uri')],
      routes: REQUEST,
      run: (ctx, _p: unknown, uri) => replicateUri(ctx, uri),
    }),
    replicateOver(undefined),
  ),
  t_replicate_udp: replicateOver('udp'),
  t_replicate_tcp: replicateOver('tcp'),
  t_replicate_tls: replicateOver('tls'),
  t_replicate_to: fn({
    doc: 'Sends a copy over a protocol to host:port; its replies go nowhere. Either may be an AVP ("$avp(x)").',
    args: PROTO_ADDRESS,
    routes: REQUEST,
    run: (ctx, _p: unknown, proto, address) => {
      const to = forcedBy(proto, address);
      return to === undefined ? badAddress(ctx) : replicateTo(ctx, to);
    },
  }),
};
