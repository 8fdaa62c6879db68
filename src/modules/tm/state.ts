/** The transactions of a server and how they are found (RFC 3261, 17.2.3 and 17.1.3). */
import type { Context } from '../../runtime/context.js';
import { type Host, stateKey } from '../../runtime/host.js';
import { cseqOf } from '../../sip/header.js';
import type { SipMessage } from '../../sip/message.js';
import { paramsOf } from './params.js';
import { TransactionTable } from './table.js';
import { compact, waitOver } from './timers.js';
import { type ClientBranch, type Settings, T, Transaction } from './transaction.js';
import { WaitQueue } from './wait-queue.js';

export interface TmStats {
  created: number;
  local: number;
  deleted: number;
  waiting: number;
  repliesReceived: number;
  repliesGenerated: number;
  repliesSent: number;
  /** Completed by class of the final reply: [2] … [6]. */
  readonly completed: number[];
}

export class Tm {
  readonly host: Host;
  /** Server transactions by their key (match.ts), CANCEL apart since it shares the branch of its INVITE. */
  readonly servers = new TransactionTable();
  readonly cancels = new TransactionTable();
  /** All of them by label: replies and `$T(id_label)`. */
  readonly byLabel = new Map<number, Transaction>();
  /** INVITEs answered with 2xx by Call-ID and CSeq number: for the ACK. */
  readonly confirmed = new TransactionTable();
  /** Run for each new server transaction: modules add their callbacks to it. */
  readonly onRequestIn: ((t: Transaction, ctx: Context) => void)[] = [];
  /** Run for each new local one. */
  readonly onLocalRequestIn: ((t: Transaction) => void)[] = [];
  /** Run when uac_auth() has put its answer into a request, which goes out again (dialog counts its CSeq). */
  readonly onAuthAnswer: ((ctx: Context, t: Transaction) => void)[] = [];
  readonly stats: TmStats = {
    created: 0,
    local: 0,
    deleted: 0,
    waiting: 0,
    repliesReceived: 0,
    repliesGenerated: 0,
    repliesSent: 0,
    completed: [0, 0, 0, 0, 0, 0, 0],
  };
  /** No final reply came in time on a branch; set where the module is put together. */
  branchTimeout: (t: Transaction, b: ClientBranch) => void = () => {};
  /** Filled in when the server is ready: constant part of To tags, Server line, contacts of a 3xx. */
  tagPrefix = '';
  redirectContacts: (msg: SipMessage, rich: number) => string | undefined = () => undefined;
  /** Ended transactions until wt_timer is over. */
  readonly waiting: WaitQueue;
  readonly #ended: Transaction[] = [];
  #label: number;

  constructor(host: Host) {
    this.host = host;
    this.#label = Math.floor(host.random() * 0x7fffffff);
    this.waiting = new WaitQueue(host.clock, (t) => waitOver(this, t));
  }

  /** Makes a transaction small that has ended, once the message in hand is done with. */
  compactLater(t: Transaction): void {
    if (this.#ended.push(t) === 1) queueMicrotask(this.#compact);
  }

  readonly #compact = (): void => {
    for (const t of this.#ended) compact(t);
    this.#ended.length = 0;
  };

  /** Makes a transaction and registers its label. */
  create(
    method: string,
    ctx: { program: Transaction['program']; env: Transaction['env'] },
    settings: Readonly<Settings>,
  ): Transaction {
    this.#label = (this.#label + 1) & 0x7fffffff;
    while (this.byLabel.has(this.#label)) this.#label = (this.#label + 1) & 0x7fffffff;
    const id = { index: this.#label & 0xffff, label: this.#label };
    const now = this.host.clock.now();
    const t = new Transaction(id, method, ctx.program, ctx.env, settings, now);
    const p = paramsOf(ctx.program);
    if (p.auto_inv_100 !== 0) t.flags |= T.AUTO_INV_100;
    if (p.disable_6xx_block !== 0) t.flags |= T.DISABLE_6XX;
    if (p.e2e_cancel_reason === 0) t.flags |= T.NO_E2E_CANCEL_REASON;
    t.flags = (t.flags | settings.on) & ~settings.off;
    t.endOfLife =
      now + (t.isInvite ? settings.lifeInvMs || p.max_inv_lifetime : settings.lifeNonInvMs || p.max_noninv_lifetime);
    this.byLabel.set(t.label, t);
    return t;
  }

  /** Forgets it: nothing of it is kept. */
  forget(t: Transaction): void {
    this.byLabel.delete(t.label);
    if (t.key !== null) (t.method === 'CANCEL' ? this.cancels : this.servers).delete(t.key.hash, t);
    if (t.confirmedHash !== null) this.confirmed.delete(t.confirmedHash, t);
  }
}

export const TM = stateKey<Tm>('tm');

export function tmOf(host: Host): Tm {
  return host.state(TM);
}

/** The transaction and branch number that a reply's top Via names; the label decides, the index must agree. */
export function findByBranch(tm: Tm, viaBranch: string): { t: Transaction; branch: number } | undefined {
  const last = viaBranch.lastIndexOf('.');
  const middle = viaBranch.lastIndexOf('.', last - 1);
  if (middle < 8 || last <= middle + 1) return undefined;
  const t = tm.byLabel.get(Number.parseInt(viaBranch.slice(middle + 1, last), 16));
  if (t === undefined || !viaBranch.startsWith(t.viaBranch)) return undefined;
  const branch = Number.parseInt(viaBranch.slice(last + 1), 16);
  return branch >= 0 && branch < t.branches.length ? { t, branch } : undefined;
}

/** By `$T(id_index)` and `$T(id_label)`, which a script may have kept as signed numbers. */
export function findById(tm: Tm, index: number, label: number): Transaction | undefined {
  const t = tm.byLabel.get(label >>> 0);
  return t !== undefined && t.index === index >>> 0 ? t : undefined;
}

/** The newest server transaction of a Call-ID and CSeq number, for the functions that name a call so. */
export function findByCallId(tm: Tm, callId: string, cseq: string): Transaction | undefined {
  for (const t of tm.servers.values()) {
    if (t.request !== null && sameCall(t.request, callId, cseq)) return t;
  }
  return undefined;
}

function sameCall(msg: SipMessage, callId: string, cseq: string): boolean {
  const found = cseqOf(msg);
  return found !== undefined && found.number === cseq && callIdText(msg) === callId;
}

function callIdText(msg: SipMessage): string | undefined {
  return msg.firstValue(4)?.trim();
}
