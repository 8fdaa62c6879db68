/** What crosses between the script thread and the threads of the dmq pool: plain data, one union for each direction. */
import type { MessagePort } from 'node:worker_threads';
import type { ListedNode } from './nodes.js';

/** One task of the pool: it holds its thread until told to stop. */
export interface WorkerTask {
  readonly port: MessagePort;
}

/** What the body of a bus message is to be read as. */
export type BodyKind = 'list' | 'opaque';

export interface Job {
  readonly id: number;
  readonly kind: BodyKind;
  /** Latin1. */
  readonly body: string;
}

export type ToWorker = { readonly kind: 'jobs'; readonly list: readonly Job[] } | { readonly kind: 'stop' };

/** What is to be done with a message: the script thread owns all state, and applies it. */
export type Plan =
  | { readonly kind: 'list'; readonly nodes: readonly ListedNode[]; readonly bad: number }
  | { readonly kind: 'opaque' }
  /** The body cannot be used: answered with `400 Bad Request`. */
  | { readonly kind: 'unusable'; readonly why: string };

export interface Done {
  readonly id: number;
  readonly plan: Plan;
}

export type FromWorker = { readonly kind: 'done'; readonly list: readonly Done[] };
