/** Consumers of bus messages and what they answer. */
import type { Context } from '../../runtime/context.js';
import type { DmqNode } from './nodes.js';
import type { BodyKind, Plan } from './protocol.js';

/** What a peer answers. */
export interface PeerReply {
  readonly code: number;
  readonly reason: string;
  readonly body?: { readonly type: string; readonly text: string };
}

/** What dmq.stats shows of a node that a peer has to tell things. */
export interface FriendStats {
  readonly node: DmqNode;
  readonly outbox: { readonly waiting: number; readonly open: number; readonly lag: number };
  readonly sync: { readonly done: boolean; readonly sent: number } | undefined;
}

/** A named consumer of bus messages. */
export interface Peer {
  readonly name: string;
  readonly kind: BodyKind;
  /** What it keeps for each node, for those that replicate. */
  readonly friends?: Iterable<FriendStats>;
  /** `apply` where nothing but the stamp (0: none) is asked of the request: such messages can take the short way (quick.ts). */
  applyStamped?(stamp: number, plan: Plan, node: DmqNode | undefined): PeerReply;
  /** `node`: who says by From that it sent this, if it is listed. Undefined: nothing is answered. */
  apply(ctx: Context, plan: Plan, node: DmqNode | undefined): PeerReply | undefined;
}

export const OK: PeerReply = { code: 200, reason: 'OK' };
export const BAD_REQUEST: PeerReply = { code: 400, reason: 'Bad Request' };
export const FAILED: PeerReply = { code: 500, reason: 'Server Internal Error' };
export const ACCEPTED: PeerReply = { code: 202, reason: 'Accepted DMQ' };
