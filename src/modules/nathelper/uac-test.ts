/** nat_uac_test(): does the sender sit behind NAT? */
import type { Context } from '../../runtime/context.js';
import { topVia, viasOf } from '../../sip/header.js';
import { ipBytes } from '../../sip/ip.js';
import { sdpOf } from '../../sip/sdp.js';
import { parseUri, type SipUri, uriTransport } from '../../sip/uri.js';
import { firstContact } from './contact.js';
import { nathelperParams } from './params.js';
import { isPrivate } from './private.js';

const DEFAULT_PORT = 5060;

type Test = (ctx: Context, mode: number) => boolean;

const bare = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/** Equal as addresses, or as text where one is none. */
function sameHost(a: string, b: string): boolean {
  const x = ipBytes(bare(a));
  const y = ipBytes(bare(b));
  if (x === undefined || y === undefined) return x === y && a === b;
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}

/** Connection addresses of one SDP text: the session's own, and of each stream its own or else the session's. */
export function sdpAddresses(text: string): { readonly session: string; readonly streams: readonly string[] } {
  const [head = '', ...media] = text.split(/^(?=m=)/m);
  const address = (part: string) => /^c=\S+\s+IP[46]\s+(\S+)/m.exec(part)?.[1] ?? '';
  const session = address(head);
  return { session, streams: media.map((part) => address(part) || session) };
}

function sdpTexts(ctx: Context): readonly string[] {
  const sdp = sdpOf(ctx.msg);
  return typeof sdp === 'string' ? [] : sdp.sessions.map((s) => ctx.msg.text.slice(s.start, s.end));
}

function privateSdp(ctx: Context, mode: number): boolean {
  for (const text of sdpTexts(ctx)) {
    for (const address of sdpAddresses(text).streams) {
      if (address.includes(':') || address === '0.0.0.0' || address === '') break;
      if (isPrivate(address, mode)) return true;
    }
  }
  return false;
}

function otherSdpAddress(ctx: Context): boolean {
  const addresses: string[] = [];
  for (const text of sdpTexts(ctx)) {
    const { session } = sdpAddresses(text);
    if (session === '') break;
    addresses.push(session);
  }
  return addresses.some((a) => !sameHost(a, ctx.msg.received.srcIp));
}

const portOf = (uri: SipUri): number => uri.port || (uriTransport(uri) === 'tls' ? 5061 : DEFAULT_PORT);

/** Does the message leave for another place than its URI (of a reply: its second Via) says? */
function otherDestination(ctx: Context): boolean {
  return ctx.msg.isRequest ? otherNextHop(ctx) : otherReplyPath(ctx);
}

function overWebSocket(uri: SipUri): boolean {
  const proto = uriTransport(uri);
  return proto === 'ws' || proto === 'wss';
}

function otherNextHop({ msg }: Context): boolean {
  const target = parseUri(msg.uri);
  if (!msg.dstUri) return target !== undefined && overWebSocket(target);
  const hop = parseUri(msg.dstUri);
  if (hop === undefined) return false;
  if (overWebSocket(hop)) return true;
  if (target === undefined) return false;
  return portOf(hop) !== portOf(target) || !sameHost(hop.host, target.host);
}

function otherReplyPath({ msg }: Context): boolean {
  const via = viasOf(msg)[1];
  if (via === undefined) return false;
  if (/^wss?$/i.test(via.transport)) return true;
  const rport = Number(via.rport || 0);
  if (rport !== 0 && rport !== (via.port || DEFAULT_PORT)) return true;
  return Boolean(via.received) && !sameHost(via.received!, via.host);
}

/** In the order in which Kamailio makes them. */
const TESTS: readonly (readonly [bit: number, test: Test])[] = [
  [16, ({ msg }) => msg.received.srcPort !== (topVia(msg)?.port || DEFAULT_PORT)],
  [2, ({ msg }) => !msg.viaNamesSource && !sameHost(topVia(msg)?.host ?? '', msg.received.srcIp)],
  [1, ({ msg }, mode) => isPrivate(firstContact(msg)?.uri.host ?? '', mode)],
  [8, privateSdp],
  [4, ({ msg }, mode) => isPrivate(topVia(msg)?.host ?? '', mode)],
  [32, ({ msg }, mode) => isPrivate(msg.received.srcIp, mode)],
  [64, ({ msg }) => msg.received.proto === 'ws' || msg.received.proto === 'wss'],
  [128, ({ msg }) => otherContactPort(firstContact(msg)?.uri, msg.received.srcPort)],
  [256, otherSdpAddress],
  [512, otherDestination],
];

function otherContactPort(uri: SipUri | undefined, port: number): boolean {
  return uri !== undefined && port !== (uri.port || DEFAULT_PORT);
}

/** 1 where one of the tests holds, else -1. */
export function natUacTest(ctx: Context, bits: number): number {
  const mode = nathelperParams(ctx.program).nat_addr_mode;
  return TESTS.some(([bit, test]) => (bits & bit) !== 0 && test(ctx, mode)) ? 1 : -1;
}
