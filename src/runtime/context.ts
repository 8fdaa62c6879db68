/** One run of a script: what every generated function, module function and variable gets first. */
import type { SipMessage } from '../sip/message.js';
import type { Host } from './host.js';
import { MessageEnv } from './message-env.js';
import type { Program } from './program.js';

/** Why a run ended before its last statement. */
export const STOP = { NONE: 0, EXIT: 1, DROP: 2 } as const;

/** The kind of block that runs (Kamailio's route_type), as bits: a function's `routes` is checked against them. */
export const ROUTE = {
  REQUEST: 1,
  FAILURE: 2,
  TM_ONREPLY: 4,
  BRANCH: 8,
  ONSEND: 16,
  ERROR: 32,
  LOCAL: 64,
  CORE_ONREPLY: 128,
  BRANCH_FAILURE: 256,
  ONREPLY: 4 | 128,
  EVENT: 512,
  ANY: 1023,
} as const;

export class Context {
  readonly host: Host;
  /** The version of the script that this run began with. */
  readonly program: Program;
  msg: SipMessage;
  /** AVPs and XAVPs of the message; a transaction hands its own in. */
  env: MessageEnv;
  /** ROUTE.x of the running top block. */
  routeType: number;
  /** `$rc`: code of the last module function or route. */
  rc = 0;
  /** STOP.x: set when the whole run is to end. */
  stop: number = STOP.NONE;
  /** Script flags (setsflag, `$sf`): 32 bits, of this run alone. */
  scriptFlags = 0;
  /** Kamailio's number of the last internal error, for sl_reply_error(): ERROR_CODE of runtime/replies.ts, -1 none. */
  lastError = -1;
  /** What was thrown within the run, if anything: a fault of the server, not of the script. */
  crashed: unknown = undefined;
  /**
   * Set by a function that waits, before its promise ends: what it writes into the script's variables. It runs once the
   * run has its own `$var` back, which would else undo it.
   */
  onResume: (() => void) | null = null;
  /** What stands behind the call of a function that asks for it (`rest` of its definition); null: nothing. */
  rest: ((ctx: Context) => number | Promise<number>) | null = null;
  /** Nested action lists, for max_recursive_level. */
  depth = 0;
  /** The reply in view of failure, branch-failure and tm reply routes where it differs from `msg`. */
  reply: SipMessage | null = null;
  /** Transaction of the run, owned by tm; null until tm looked. */
  transaction: object | null = null;
  /** tm has looked for the transaction of `msg`: null above then means that there is none. */
  transactionSought = false;
  /** What the script set before the transaction exists (t_on_failure(), t_set_fr() …), owned by tm. */
  transactionSettings: object | null = null;
  /** Index of the branch in view (branch_route, tm reply route); -1 none. */
  branchIndex = -1;
  /** Outgoing request in view of onsend_route, with its destination. */
  sending: { readonly text: string; readonly to: import('../sip/transport.js').Destination } | null = null;
  /** Raw data in view of event_route[core:msg-received] and its kin: `$rcv(…)`. */
  raw: { readonly text: string; readonly from: import('../sip/transport.js').Received } | null = null;
  /** What is known only in one kind of run: `$nsqE`, `$shtrecord` … by the module's own key. */
  #extras: Map<object, unknown> | null = null;
  /** Of most runs there is one at most: it needs no map. */
  #extraKey: object | null = null;
  #extra: unknown = undefined;

  constructor(host: Host, program: Program, msg: SipMessage, routeType: number, env: MessageEnv = new MessageEnv()) {
    this.host = host;
    this.program = program;
    this.msg = msg;
    this.routeType = routeType;
    this.env = env;
  }

  extra<T>(key: ExtraKey<T>): T | undefined {
    return (key === this.#extraKey ? this.#extra : this.#extras?.get(key)) as T | undefined;
  }

  setExtra<T>(key: ExtraKey<T>, value: T | undefined): void {
    if (this.#extraKey === null || key === this.#extraKey) {
      this.#extraKey = key;
      this.#extra = value;
      return;
    }
    this.#extras ??= new Map();
    this.#extras.set(key, value);
  }
}

/** A typed key of `Context.extra` and `SipMessage.slots`: `const EVENT = extraKey<NsqEvent>('nsq event')`. */
export interface ExtraKey<T> {
  readonly name: string;
  /** Never set; carries the type. */
  readonly type?: T;
}

export function extraKey<T>(name: string): ExtraKey<T> {
  return { name };
}
