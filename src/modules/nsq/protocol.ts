/** What crosses between the script thread and the threads of the nsq pool: plain data, one union for each direction. */
import type { MessagePort } from 'node:worker_threads';
import type { PackedEvents } from './batch.js';
import type { EventKeys } from './event-routes.js';
import type { AckMode, Address, ConnectionOptions } from './settings.js';

// ------------------------------------------------------------------ consumer

/** One task of the pool: one consumer worker of one subscription, with a connection to each nsqd. */
export interface ConsumerTask {
  readonly port: MessagePort;
  readonly topic: string;
  readonly channel: string;
  readonly maxInFlight: number;
  readonly ackMode: AckMode;
  readonly keys: EventKeys;
  readonly connection: ConnectionOptions;
  /** Name by which nsqd's statistics show the connection. */
  readonly clientId: string;
}

/** One message that is JSON, with its first two candidates (the other three are the same for all). batch.ts packs them. */
export interface EventItem {
  /** Number of the message in its worker. */
  readonly handle: number;
  readonly first: string;
  readonly second: string;
  /** Payload up to its first NUL, latin1. */
  readonly text: string;
  readonly attempts: number;
  /** Milliseconds since the epoch after which nsqd has given the message to another; Infinity: it is finished already. */
  readonly expires: number;
  readonly nsqd: string;
}

/** What became of an event. `EXPIRED` and `UNSTARTED` did not run. */
export const VERDICT = { DONE: 0, DROPPED: 1, EXPIRED: 2, UNSTARTED: 3 } as const;

export type ToConsumer =
  /** Connect to these and to no others. */
  | { readonly kind: 'nsqds'; readonly list: readonly Address[] }
  /** Pairs: handle, VERDICT. */
  | { readonly kind: 'verdicts'; readonly list: readonly number[] }
  | { readonly kind: 'pause'; readonly on: boolean }
  /** RDY 0; the worker ends when all it handed over has a verdict, or after `limit` ms. */
  | { readonly kind: 'stop'; readonly limit: number };

export type FromConsumer =
  | { readonly kind: 'events'; readonly packed: PackedEvents }
  /** These were lost with their connection and will come again: do not start them. */
  | { readonly kind: 'revoked'; readonly handles: readonly number[] }
  | LinkReport
  | { readonly kind: 'not-json'; readonly text: string }
  /** An answer of nsqd to a late FIN, REQ or TOUCH. */
  | { readonly kind: 'late'; readonly reason: string }
  /** The message of a route that still runs was kept from timing out. */
  | { readonly kind: 'touched' };

/** A connection came up or went. */
export type LinkReport =
  | { readonly kind: 'up'; readonly nsqd: string; readonly version: string }
  | { readonly kind: 'down'; readonly nsqd: string; readonly reason: string; readonly retryIn: number };

// ----------------------------------------------------------------- publisher

export interface PublisherTask {
  readonly port: MessagePort;
  readonly connection: ConnectionOptions;
  readonly clientId: string;
  /** Ephemeral topic of the answers to nsq_query. */
  readonly replyTopic: string;
  /** Milliseconds for an OK. */
  readonly timeout: number;
}

export interface Publication {
  readonly id: number;
  readonly topic: string;
  /** latin1. */
  readonly body: string;
  /** Waits until the reply topic is subscribed. */
  readonly query: boolean;
}

export type ToPublisher =
  | { readonly kind: 'nsqds'; readonly list: readonly Address[] }
  | { readonly kind: 'publish'; readonly list: readonly Publication[] }
  /** There will be queries: subscribe to the reply topic now. */
  | { readonly kind: 'listen' }
  | { readonly kind: 'stop'; readonly limit: number };

export type FromPublisher =
  /** `error` undefined: nsqd said OK. */
  | { readonly kind: 'published'; readonly list: readonly { readonly id: number; readonly error?: string }[] }
  /** Pairs: Msg-ID ('' when it has none), payload. */
  | { readonly kind: 'replies'; readonly list: readonly (readonly [string, string])[] }
  | LinkReport;

// -------------------------------------------------------------------- broker

export interface BrokerTask {
  readonly port: MessagePort;
  readonly tcpPort: number;
  readonly httpPort: number;
}

export type ToBroker = { readonly kind: 'stop' };
export type FromBroker =
  | { readonly kind: 'listening'; readonly tcpPort: number; readonly httpPort: number }
  | { readonly kind: 'failed'; readonly reason: string };
