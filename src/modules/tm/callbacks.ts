/** Events of transactions for other modules (dialog, acc, uac …), named as Kamailio's TMCB_ constants. */
import type { Context } from '../../runtime/context.js';
import type { SipMessage } from '../../sip/message.js';
import type { Destination } from '../../sip/transport.js';
import type { Transaction } from './transaction.js';

export type TmEventName =
  /** A reply arrived on a branch, before its route runs. */
  | 'responseIn'
  /** A branch's request is about to be built: edits on `request` count for that branch. */
  | 'requestFwded'
  /** A branch's request went out. */
  | 'requestOut'
  /** The same, and what is sent of the branch beside it: CANCEL, the ACK of a negative reply. */
  | 'requestSent'
  /** A reply of a branch is about to be relayed: edits on `reply` count. */
  | 'responseFwded'
  /** The final reply is ready, relayed or made here. */
  | 'responseReady'
  /** The final reply went out. */
  | 'responseOut'
  /** Any reply went out, provisional ones too. */
  | 'responseSent'
  /** All branches failed; read-only, before the failure route. */
  | 'onFailureRo'
  /** The same, where branches may be added. */
  | 'onFailure'
  | 'onBranchFailure'
  /** ACK of a 2xx, first time and again. */
  | 'e2eAckIn'
  | 'e2eAckRetrIn'
  /** ACK of a negative reply. */
  | 'ackNegIn'
  /** The request came again. */
  | 'requestRetrIn'
  | 'e2eCancelIn'
  /** A local transaction has its final reply. */
  | 'localCompleted'
  /** A provisional reply of a local transaction. */
  | 'localResponseOut'
  /** It is forgotten. */
  | 'destroy';

export interface TmEvent {
  readonly t: Transaction;
  /** The request in view: that of the run, else the one kept. */
  readonly request: SipMessage | null;
  /** null for a reply made here. */
  readonly reply: SipMessage | null;
  readonly code: number;
  readonly branch: number;
  /** What was sent and where, for the events that say so. */
  readonly text?: string;
  readonly to?: Destination | null;
  readonly ctx?: Context | undefined;
}

export type TmCallback = (event: TmEvent) => void;

/** Has anyone asked for it? Callers test before they build the event. */
export function wants(t: Transaction, name: TmEventName): boolean {
  return t.callbacks?.has(name) ?? false;
}

export function raise(name: TmEventName, event: TmEvent): void {
  const list = event.t.callbacks?.get(name);
  if (list !== undefined) for (const fn of list.slice()) fn(event);
}
