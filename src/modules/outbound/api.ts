/** What rr and path use of outbound. */
import type { Context } from '../../runtime/context.js';
import { type Host, type StateKey, stateKey } from '../../runtime/host.js';
import { contactsOf, hasOption, routesOf, viasOf } from '../../sip/header.js';
import { HDR } from '../../sip/header-names.js';
import type { SipMessage } from '../../sip/message.js';
import type { Received } from '../../sip/transport.js';
import { parseUri, uriParam } from '../../sip/uri.js';
import { decodeFlow, encodeFlow, type Flow } from './flow-token.js';

export interface OutboundParams {
  readonly force_outbound_flag: number;
  readonly force_no_outbound_flag: number;
  readonly flow_token_secret: string | null;
}

export interface Outbound {
  /** Signs tokens. */
  key: Buffer;
}

export const OUTBOUND: StateKey<Outbound> = stateKey<Outbound>('outbound');

export function hasOutbound(host: Host): boolean {
  return host.hasState(OUTBOUND);
}

/** NO; OUTGOING: the request comes from the client of the flow; INCOMING: it goes to it. */
export const USE = { NO: 0, OUTGOING: 1, INCOMING: 2 } as const;
type Use = (typeof USE)[keyof typeof USE];

const isSet = (msg: SipMessage, flag: number): boolean => flag >= 0 && ((msg.flags >>> flag) & 1) === 1;

/** Does the request want its flow kept (RFC 5626, 5)? NO where the module is not loaded. */
export function useOutbound(ctx: Context): Use {
  const { host, msg, program } = ctx;
  if (!hasOutbound(host) || !msg.isRequest) return USE.NO;
  const p = program.params('outbound') as unknown as OutboundParams;
  if (isSet(msg, p.force_outbound_flag)) return USE.OUTGOING;
  if (isSet(msg, p.force_no_outbound_flag)) return USE.NO;
  return msg.method === 'REGISTER' ? ofRegister(msg) : ofOther(ctx);
}

const isFirstHop = (msg: SipMessage): boolean => viasOf(msg).length < 2;

function ofRegister(msg: SipMessage): Use {
  return isFirstHop(msg) && contactsOf(msg)[0]?.param('reg-id') !== undefined ? USE.OUTGOING : USE.NO;
}

const DEFAULT_PORT = 5060;

function ofOther(ctx: Context): Use {
  const { host, msg } = ctx;
  const route = routesOf(msg, HDR.ROUTE)[0];
  if (route !== undefined) {
    const uri = parseUri(route.uri);
    if (uri === undefined || !host.isMyself(uri.host, uri.port || DEFAULT_PORT)) return USE.NO;
    if (uriParam(uri, 'ob') !== undefined) {
      const flow = flowOf(ctx, uri.user ?? '');
      return typeof flow !== 'string' && !comesFrom(msg, flow) ? USE.INCOMING : USE.OUTGOING;
    }
  }
  if (msg.first(HDR.SUPPORTED) !== undefined && !hasOption(msg, HDR.SUPPORTED, 'outbound')) return USE.NO;
  const contact = isFirstHop(msg) ? contactsOf(msg)[0] : undefined;
  const uri = contact === undefined ? undefined : parseUri(contact.uri);
  return uri !== undefined && uriParam(uri, 'ob') !== undefined ? USE.OUTGOING : USE.NO;
}

export function comesFrom({ received }: SipMessage, { remoteIp, remotePort }: Flow): boolean {
  return received.srcIp === remoteIp && received.srcPort === remotePort;
}

/** The flow that the user part of a Route of ours names. */
export function flowOf({ host }: Context, user: string): Flow | 'none' | 'broken' {
  return hasOutbound(host) ? decodeFlow(user, host.state(OUTBOUND).key) : 'none';
}

/** '' where the addresses cannot be written. */
export function flowToken(host: Host, { proto, socket, srcIp, srcPort }: Received): string {
  const flow = { proto, localIp: socket.ip, localPort: socket.port, remoteIp: srcIp, remotePort: srcPort };
  return encodeFlow(flow, host.state(OUTBOUND).key) ?? '';
}

/** Only the first hop says `ob`. */
export function firstHop(ctx: Context): boolean {
  return isFirstHop(ctx.msg);
}
