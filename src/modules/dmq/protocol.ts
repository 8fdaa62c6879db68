/** What crosses between the script thread and the threads of the dmq pool: plain data, one union for each direction. */
import type { MessagePort } from 'node:worker_threads';
import type { DialogPlan } from './dialog-body.js';
import type { HtablePlan } from './htable-body.js';
import type { ListedNode } from './nodes.js';
import type { PresencePlan } from './presence-body.js';
import type { UsrlocPlan } from './usrloc-body.js';

/** One task of the pool: it holds its thread until told to stop. */
export interface WorkerTask {
  readonly port: MessagePort;
}

/** What the body of a bus message is to be read as. */
export type BodyKind = 'list' | 'opaque' | 'htable' | 'usrloc' | 'dialog' | 'presence';

/** `body` is latin1 text. */
export interface Work {
  readonly kind: BodyKind;
  readonly body: string;
}

export type Job = Work & { readonly id: number };

export type ToWorker = { readonly kind: 'jobs'; readonly list: readonly Job[] } | { readonly kind: 'stop' };

/** What is to be done with a message: the script thread owns all state, and applies it. */
export type Plan =
  | { readonly kind: 'list'; readonly nodes: readonly ListedNode[]; readonly bad: number }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'htable'; readonly does: HtablePlan }
  | { readonly kind: 'usrloc'; readonly does: UsrlocPlan }
  | { readonly kind: 'dialog'; readonly does: DialogPlan }
  | { readonly kind: 'presence'; readonly does: PresencePlan }
  /** The body cannot be used: answered with `400 Bad Request`. */
  | { readonly kind: 'unusable'; readonly why: string };

export interface Done {
  readonly id: number;
  readonly plan: Plan;
  /** Another part of the same job follows. */
  readonly more: boolean;
}

/** `ready`: the thread has begun. */
export type FromWorker = { readonly kind: 'ready' } | { readonly kind: 'done'; readonly list: readonly Done[] };
