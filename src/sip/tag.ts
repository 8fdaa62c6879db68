/** To tags and Via branches of the server's own making. */
import { createHash } from 'node:crypto';
import { fnv1a, fnv1aNumber, fnv1aOf } from './hash.js';
import { callIdOf, cseqOf, fromOf, toOf, topVia } from './header.js';
import { HDR } from './header-names.js';
import type { SipMessage } from './message.js';
import type { ListenSocket } from './transport.js';

export const MAGIC_COOKIE = 'z9hG4bK';

/** The part of a local tag that is the same for one maker (sl, tm) on one server: 32 hex digits. */
export function tagPrefix(maker: string, socket: ListenSocket | undefined): string {
  const address = socket === undefined ? '' : `${socket.ip}${socket.port}`;
  return createHash('md5').update(`${maker}${address}`, 'latin1').digest('hex');
}

/** The part that depends on the top Via and the Call-ID: 8 hex digits, the same for a retransmission. */
export function tagSuffix(msg: SipMessage): string {
  const via = topVia(msg);
  if (via === undefined) return '00000000';
  const branch = branchHash(via.host, via.port, via.branch ?? '');
  const callId = msg.first(HDR.CALLID);
  return hex8(callId === undefined ? branch : fnv1aOf(msg.text, callId.valueStart, callId.valueEnd, branch));
}

/** The hash of `host:port;branch;call-id` as far as it depends on the Via, piece by piece. */
function branchHash(host: string, port: number, branch: string): number {
  const sentBy = fnv1a(';', fnv1aNumber(port, fnv1a(':', fnv1a(host))));
  return fnv1a(';', fnv1a(branch, sentBy));
}

/** `tagSuffix` of a request whose top Via and Call-ID say this. */
export function tagSuffixOf(host: string, port: number, branch: string, callId: string): string {
  return hex8(fnv1a(callId, branchHash(host, port, branch)));
}

/** A local tag: 32 hex digits, `.` (sl) or `-` (tm), 8 hex digits. */
export function localTag(msg: SipMessage, prefix: string, separator = '.'): string {
  return `${prefix}${separator}${tagSuffix(msg)}`;
}

/**
 * Branch of a request forwarded without a transaction: made of what a retransmission repeats, and of what CANCEL and
 * the ACK of a negative reply share with their INVITE (RFC 3261, 16.11).
 */
export function statelessBranch(msg: SipMessage): string {
  const branch = topVia(msg)?.branch;
  const key = branch?.startsWith(MAGIC_COOKIE) ? branch : oldKey(msg);
  const text = `${key};${msg.originalUri}`;
  return `${MAGIC_COOKIE}${hex8(fnv1a(text))}.${hex8(fnv1a(text, 0x9747b28c))}.0`;
}

/** For clients that write branches as before RFC 3261. */
function oldKey(msg: SipMessage): string {
  const via = topVia(msg);
  return [via?.host, via?.port, via?.branch, callIdOf(msg), cseqOf(msg)?.number, fromOf(msg)?.tag, toOf(msg)?.tag].join(
    ';',
  );
}

/** Two digits of each byte: cheaper than toString(16) with padding. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex8(n: number): string {
  return HEX[n >>> 24]! + HEX[(n >>> 16) & 255]! + HEX[(n >>> 8) & 255]! + HEX[n & 255]!;
}
