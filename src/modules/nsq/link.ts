/** A connection to one nsqd as the rest of the worker sees it: nsqjs.ts opens them. */

/** A message in our hands. It takes one answer; later ones do nothing. */
export interface Delivery {
  /** Body, latin1. */
  readonly text: string;
  /** 1 the first time. */
  readonly attempts: number;
  finish(): void;
  /** Back to the channel, to be delivered after `delay` ms. */
  requeue(delay: number): void;
  touch(): void;
}

export interface LinkEvents {
  ready(): void;
  /** The end: no other event follows. */
  closed(reason: string): void;
}

export interface ReaderEvents extends LinkEvents {
  message(delivery: Delivery): void;
  /** nsqd did not take an answer: the message had timed out. */
  late(reason: string): void;
}

export interface Link {
  readonly version: string;
  /** Ends at once; `closed` is called with this reason. */
  destroy(reason: string): void;
}

export interface ReaderLink extends Link {
  /** Milliseconds that nsqd waits for an answer. */
  readonly messageTimeout: number;
  /** How many messages may be in flight here at once. */
  setReady(count: number): void;
  /** RDY 0 and CLS: `done` is called once nothing more will be delivered. Answers are still taken. */
  stopDelivery(done: () => void): void;
  /** Closes when what was written is out. */
  end(): void;
}

export interface WriterLink extends Link {
  /** `done` is called once: without an error when nsqd said OK. */
  publish(topic: string, body: Buffer, done: (error?: string) => void): void;
}
