/** A dialog: two legs, a state, and what scripts and modules keep with it. */
import type { Context } from '../../runtime/context.js';
import type { TimerHandle } from '../../runtime/host.js';
import type { SipMessage } from '../../sip/message.js';
import type { ListenSocket } from '../../sip/transport.js';
import type { Transaction } from '../tm/api.js';
import type { Membership } from './profiles.js';

export const STATE = { UNCONFIRMED: 1, EARLY: 2, ANSWERED: 3, CONFIRMED: 4, DELETED: 5 } as const;

/** Bits of `dflags`, with Kamailio's numbers: `$dlg(dflags)` and RPC show them. */
export const DFLAG = {
  NEW: 1,
  CHANGED: 2,
  HAS_BYE: 4,
  CALLER_BYE: 16,
  CALLEE_BYE: 32,
  VARS_CHANGED: 128,
  IN_TRANSACTION: 512,
  EXPIRED: 1024,
  PROFILES_CHANGED: 1024,
} as const;

/** Bits of `iflags`. */
export const IFLAG = {
  TIMEOUT_BYE: 1,
  KA_SRC: 2,
  KA_DST: 4,
  TIMER_NORESET: 8,
  /** The callee sees greater CSeq numbers than the caller sends. */
  CSEQ_DIFF: 16,
  PRACK: 32,
  /** The other nodes of the bus know of it. */
  DMQ: 64,
} as const;

export const CALLER = 0;
export const CALLEE = 1;
export type Side = typeof CALLER | typeof CALLEE;

export const DIRECTION = { NONE: 0, DOWNSTREAM: 1, UPSTREAM: 2 } as const;

export interface Leg {
  tag: string;
  /** Text, as it came: it need not be a number. */
  cseq: string;
  contact: string;
  /** Values with commas between, first hop first. */
  routeSet: string;
  socket: ListenSocket | null;
}

function newLeg(): Leg {
  return { tag: '', cseq: '', contact: '', routeSet: '', socket: null };
}

/** What happens to a dialog, for other modules (acc, uac …); named as Kamailio's DLGCB_ constants. */
export type DialogEventName =
  | 'failed'
  /** The 2xx went up; its ACK is not here yet. */
  | 'confirmedNoAck'
  | 'confirmed'
  | 'requestWithin'
  | 'terminated'
  | 'terminatedConfirmed'
  | 'expired'
  | 'early'
  | 'spiraled'
  | 'destroy';

export interface DialogEvent {
  readonly dialog: Dialog;
  readonly request: SipMessage | null;
  readonly reply: SipMessage | null;
  /** DIRECTION.x */
  readonly direction: number;
  readonly ctx: Context | undefined;
  /** That of the request, for the events that one brings; its AVPs are those of the call. */
  readonly transaction?: Transaction | undefined;
}

export type DialogCallback = (event: DialogEvent) => void;

export class Dialog {
  readonly entry: number;
  id = 0;
  readonly callId: string;
  readonly fromUri: string;
  readonly toUri: string;
  readonly requestUri: string;
  state: number = STATE.UNCONFIRMED;
  /** Seconds since the epoch; 0 not yet. */
  initTs: number;
  startTs = 0;
  endTs = 0;
  /** Seconds that it may last. */
  lifetime = 0;
  dflags = 0;
  /** Flags of the script. */
  sflags = 0;
  iflags = 0;
  /** Who holds it: the table, its timer, transactions. At 0 it is forgotten. */
  ref = 0;
  /** Route that runs when its time is over. */
  timeoutRoute = '';
  readonly legs: readonly [Leg, Leg] = [newLeg(), newLeg()];
  /** Record-Routes that the INVITE had when it came. */
  recordRoutes = 0;
  /** In the order in which they were first set. */
  vars: Map<string, string>;
  /** Variables that the database has in another value, or not at all: null is gone. */
  changedVars: Map<string, string | null> | null = null;
  /** Newest first. */
  memberships: Membership[] = [];
  timer: TimerHandle | null = null;
  /** When the timer ends, ms since the epoch; 0 without. */
  deadline = 0;
  /** When the next keepalive is due, ms; 0 none. */
  keepaliveAt = 0;
  readonly keepaliveFailures: [number, number] = [0, 0];
  /** It is in the table. */
  linked = false;
  /** The database has it. */
  stored = false;
  /** Another node of the bus began it: it is not written to the database here. */
  isCopy = false;
  #callbacks: Map<DialogEventName, DialogCallback[]> | null = null;
  /** What other modules keep with it, by their own key. */
  slots: Map<object, unknown> | null = null;

  constructor(
    entry: number,
    what: Pick<Dialog, 'callId' | 'fromUri' | 'toUri' | 'requestUri' | 'initTs'>,
    vars = new Map<string, string>(),
  ) {
    this.entry = entry;
    this.callId = what.callId;
    this.fromUri = what.fromUri;
    this.toUri = what.toUri;
    this.requestUri = what.requestUri;
    this.initTs = what.initTs;
    this.vars = vars;
  }

  get key(): string {
    return keyOf(this.entry, this.id);
  }

  /** Has a 2xx, and no end. */
  get isAnswered(): boolean {
    return this.state === STATE.ANSWERED || this.state === STATE.CONFIRMED;
  }

  on(name: DialogEventName, fn: DialogCallback): void {
    this.#callbacks ??= new Map();
    const list = this.#callbacks.get(name);
    if (list === undefined) this.#callbacks.set(name, [fn]);
    else list.push(fn);
  }

  raise(name: DialogEventName, event: Partial<Omit<DialogEvent, 'dialog'>> = {}): void {
    const list = this.#callbacks?.get(name);
    if (list === undefined) return;
    const { request = null, reply = null, direction = DIRECTION.NONE, ctx, transaction } = event;
    for (const fn of list.slice()) fn({ dialog: this, request, reply, direction, ctx, transaction });
  }

  /** null: it is taken away. False: there was none to take away. */
  setVar(name: string, value: string | null): boolean {
    if (value === null) {
      if (!this.vars.delete(name)) return false;
    } else this.vars.set(name, value);
    this.changedVars ??= new Map();
    this.changedVars.set(name, value);
    this.dflags |= DFLAG.VARS_CHANGED;
    return true;
  }
}

export function keyOf(entry: number, id: number): string {
  return `${entry}:${id}`;
}
