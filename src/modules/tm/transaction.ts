/** A transaction: the server side that a request opened and its branches (RFC 3261, 17; Kamailio's cell, ua_client). */
import type { TimerHandle } from '../../runtime/host.js';
import type { MessageEnv } from '../../runtime/message-env.js';
import type { Program } from '../../runtime/program.js';
import type { SipMessage } from '../../sip/message.js';
import { parseMessage } from '../../sip/parse.js';
import type { Destination } from '../../sip/transport.js';
import type { TmCallback, TmEventName } from './callbacks.js';
import type { RequestKey } from './match.js';

/** Bits of `Transaction.flags`. */
export const T = {
  /** A CANCEL came for it: no new branches. */
  CANCELED: 1,
  /** Began here (uac, t_replicate): its replies go nowhere. */
  LOCAL: 2,
  /** A 6xx came and the other branches were cancelled. */
  GOT_6XX: 4,
  DISABLE_6XX: 8,
  DISABLE_FAILOVER: 16,
  DISABLE_INTERNAL_REPLY: 32,
  AUTO_INV_100: 64,
  NO_E2E_CANCEL_REASON: 128,
  SUSPENDED: 256,
  CONTINUING: 512,
  /** The script replied by t_reply(). */
  ADMIN_REPLY: 1024,
  /** t_use_uac_headers(). */
  UAC_HEADERS: 2048,
  /** Its timers are stopped and it waits to be forgotten. */
  WAITING: 4096,
  GONE: 8192,
  /** The ACK of its 2xx came. */
  ACKED: 16384,
} as const;

/** Bits of `ClientBranch.flags`. */
export const B = {
  TIMEOUT: 1,
  REPLIED: 2,
  CANCELED: 4,
  RELAY_REPLY: 8,
  /** First branch of a forking step. */
  FIRST: 16,
  /** Its request left with one Record-Route of ours, or with two. */
  RR: 32,
  RR2: 64,
  /** A request whose send failed: it never counts as answered by the other side. */
  SEND_FAILED: 128,
} as const;

/** A reply that tm made up for a branch (408, 487, 477, 478) where no message came. */
export const FAKED: unique symbol = Symbol('faked reply');
export type BranchReply = SipMessage | typeof FAKED | null;

/** What a script can set before its transaction exists; '' and 0 mean: not set, the module's default. */
export interface Settings {
  onFailure: string;
  onReply: string;
  onBranch: string;
  onBranchFailure: string;
  /** Timers in ms. */
  frMs: number;
  frInvMs: number;
  retr1Ms: number;
  retr2Ms: number;
  lifeInvMs: number;
  lifeNonInvMs: number;
  /** T bits: `on` are set, `off` are cleared. */
  on: number;
  off: number;
}

export function noSettings(): Settings {
  return {
    onFailure: '',
    onReply: '',
    onBranch: '',
    onBranchFailure: '',
    frMs: 0,
    frInvMs: 0,
    retr1Ms: 0,
    retr2Ms: 0,
    lifeInvMs: 0,
    lifeNonInvMs: 0,
    on: 0,
    off: 0,
  };
}

/** What most transactions have: nothing set. Never written, see `Transaction.ownSettings`. */
export const NO_SETTINGS: Readonly<Settings> = Object.freeze(noSettings());

const NO_BRANCHES: readonly ClientBranch[] = [];
const NO_TARGETS: readonly Destination[] = [];

/** One outgoing copy of the request and what became of it. */
export class ClientBranch {
  readonly index: number;
  /** Request URI it was sent with. */
  uri: string;
  /** What was sent; '' for a branch that only waits (t_suspend) or whose host is being resolved. */
  text = '';
  to: Destination | null = null;
  /** Next addresses of the same host, tried where this one fails. */
  targets: readonly Destination[] = NO_TARGETS;
  /** The own Via line in `text`. */
  via = '';
  /** Greatest status received: 0 none yet, 100… provisional, 200… final. */
  lastReceived = 0;
  reply: BranchReply = null;
  flags = 0;
  branchFlags = 0;
  onReply = '';
  onFailure = '';
  onBranchFailure = '';
  path: string | null = null;
  ruid: string | null = null;
  instance: string | null = null;
  locationUa: string | null = null;
  /** Made by t_suspend(): nothing is sent for it. */
  blind = false;
  /** To header line of the CANCEL: as in the request sent. */
  cancelText = '';

  retr: TimerHandle | null = null;
  retrMs = 0;
  fr: TimerHandle | null = null;
  /** The final response timer may fire early: then this says until when it goes on. */
  frDeadline = 0;
  cancelRetr: TimerHandle | null = null;
  cancelDeadline = 0;

  constructor(index: number, uri: string) {
    this.index = index;
    this.uri = uri;
  }

  /** Lets go of what was sent. */
  shed(): void {
    this.uri = '';
    this.text = '';
    this.via = '';
    this.to = null;
    this.targets = NO_TARGETS;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
}

/** What a suspended run needs to go on. */
export interface Suspension {
  readonly routeType: number;
  /** Branch whose reply was suspended; -1 for a request. */
  readonly branch: number;
  readonly blind: number;
  readonly uriIsNew: boolean;
}

type PackedRequest = Readonly<Pick<SipMessage, 'text' | 'received' | 'id' | 'time' | 'flags' | 'xflags'>>;

export class Transaction {
  /** `$T(id_index)`. */
  readonly index: number;
  /** `$T(id_label)`: unique in this server. */
  readonly label: number;
  /** Via branch of its requests up to the branch number: `z9hG4bK12.34.`. */
  readonly viaBranch: string;
  readonly method: string;
  readonly isInvite: boolean;
  readonly program: Program;
  readonly env: MessageEnv;
  /** What it is found by in the table of server transactions; null for local ones. */
  key: RequestKey | null = null;
  /** What an ACK for a 2xx is found by; null before there is one. */
  confirmedHash: number | null = null;
  /** From tag of an INVITE that got a 2xx. */
  fromTag: string | undefined = undefined;
  #request: SipMessage | null = null;
  /** What is left of the request while the ended transaction is kept. */
  #packed: PackedRequest | null = null;
  readonly created: number;

  flags = 0;
  /** Greatest status sent upstream; 0 none. */
  status = 0;
  /** The reply sent last, for retransmissions. */
  replyText = '';
  replyTo: Destination | null = null;
  /** Branch whose reply was relayed; -2 a local one, -1 none. */
  replyBranch = -1;
  /** To tag of local replies. */
  localTag = '';
  /** To tags of the 2xx that passed, for ACK matching. */
  toTags: string[] | null = null;
  /** Reason header lines for its CANCELs. */
  cancelReason = '';

  branches: readonly ClientBranch[] = NO_BRANCHES;
  /** Settings of the script. */
  settings: Readonly<Settings>;
  /** On-branch route of the last forwarding, for branches added later. */
  lastOnBranch = '';
  endOfLife = 0;
  /** The run that began it, until that ends. */
  owner: object | null = null;
  /** That run replied, forwarded or released it. */
  handled = false;
  /** An internal error (E.x) whose reply goes out when the script ends; 0 none. */
  delayedError = 0;
  /** Internal error of the last step. */
  error = 0;
  /** Branch chosen for the failure route that runs; -1 none. */
  pickedBranch = -1;
  suspension: Suspension | null = null;
  /** t_drop_replies() in the failure route that runs. */
  dropReplies = 0;
  /** Serialises what takes time: replies queue up behind it. */
  busy: Promise<unknown> | null = null;

  replyRetr: TimerHandle | null = null;
  replyRetrMs = 0;
  replyDeadline = 0;
  /** For the queue of ended transactions (wait-queue.ts); 0: it is not in it. */
  waitDue = 0;
  waitNext: Transaction | null = null;
  waitPrevious: Transaction | null = null;
  callbacks: Map<TmEventName, TmCallback[]> | null = null;
  /** What other modules keep with it, by their own key. */
  slots: Map<object, unknown> | null = null;

  constructor(
    id: { index: number; label: number },
    method: string,
    program: Program,
    env: MessageEnv,
    settings: Readonly<Settings>,
    now: number,
  ) {
    this.index = id.index;
    this.label = id.label;
    this.viaBranch = `z9hG4bK${id.index.toString(16)}.${id.label.toString(16)}.`;
    this.method = method;
    this.isInvite = method === 'INVITE';
    this.program = program;
    this.env = env;
    this.settings = settings;
    this.created = now;
  }

  /** The request as it was when the transaction began; null for requests made here. */
  get request(): SipMessage | null {
    return this.#packed === null ? this.#request : this.#unpack(this.#packed);
  }

  set request(msg: SipMessage | null) {
    this.#request = msg;
    this.#packed = null;
  }

  addBranch(b: ClientBranch): void {
    // an array that grows has room for sixteen more; most have one branch
    this.branches = this.branches.length === 0 ? [b] : this.branches.concat(b);
  }

  /** The settings to be written: made when the first is. */
  ownSettings(): Settings {
    if (this.settings === NO_SETTINGS) this.settings = { ...NO_SETTINGS };
    return this.settings as Settings;
  }

  /** Keeps the text of the request and what was noted of it, without edits; it is read again when it is asked for. */
  packRequest(): void {
    const msg = this.#request;
    if (msg === null) return;
    const { text, received, id, time, flags, xflags } = msg;
    this.#packed = { text, received, id, time, flags, xflags };
    this.#request = null;
  }

  #unpack(packed: PackedRequest): SipMessage | null {
    const msg = parseMessage(packed.text, packed.received, packed.id, packed.time) ?? null;
    if (msg !== null) {
      msg.flags = packed.flags;
      msg.xflags = packed.xflags;
    }
    this.request = msg;
    return msg;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** Runs `fn` at each event of that kind of this transaction. */
  on(event: TmEventName, fn: TmCallback): void {
    this.callbacks ??= new Map();
    const list = this.callbacks.get(event);
    if (list === undefined) this.callbacks.set(event, [fn]);
    else list.push(fn);
  }

  slot<V>(key: object): V | undefined {
    return this.slots?.get(key) as V | undefined;
  }

  setSlot(key: object, value: unknown): void {
    this.slots ??= new Map();
    this.slots.set(key, value);
  }
}
