/**
 * The model of the embedded broker: topics, channels, and who holds which message (nsq.md, section 8). At least once: a
 * message leaves a channel by FIN only; a client that goes takes nothing with it, its messages wait for their timeout.
 */
import { EPHEMERAL } from '../names.js';
import { Queue } from './queue.js';

export interface Limits {
  /** Milliseconds. */
  readonly msgTimeout: number;
  readonly maxMsgTimeout: number;
  readonly maxDefer: number;
  /** Bytes. */
  readonly maxMsgSize: number;
  readonly maxBodySize: number;
  readonly maxRdy: number;
  /** Messages an ephemeral topic or channel keeps; more are dropped. */
  readonly ephemeralQueue: number;
}

/** nsqd 1.3.0's defaults. */
export const DEFAULT_LIMITS: Limits = {
  msgTimeout: 60_000,
  maxMsgTimeout: 900_000,
  maxDefer: 3_600_000,
  maxMsgSize: 1_048_576,
  maxBodySize: 5_242_880,
  maxRdy: 2500,
  ephemeralQueue: 10_000,
};

export interface StoredMessage {
  /** 16 characters. */
  readonly id: string;
  /** Nanoseconds since the epoch. */
  readonly timestamp: bigint;
  readonly body: Buffer;
  attempts: number;
  /** Milliseconds it waits before its first delivery. */
  readonly defer: number;
}

/** A subscribed connection as a channel sees it. */
export interface Subscriber {
  /** Wants one more message now? */
  readonly ready: boolean;
  readonly msgTimeout: number;
  /** Percent of the messages it wants; 0: all. */
  readonly sampleRate: number;
  deliver(message: StoredMessage): void;
  /** A message in flight here was taken back. */
  released(): void;
  close(): void;
}

interface InFlight {
  readonly message: StoredMessage;
  readonly holder: Subscriber;
  readonly since: number;
  due: number;
}

/** Milliseconds between two looks for what has timed out or is due. */
const SCAN = 25;

export class Channel {
  readonly name: string;
  readonly ephemeral: boolean;
  readonly topic: Topic;
  readonly queue = new Queue<StoredMessage>();
  readonly inFlight = new Map<string, InFlight>();
  readonly deferred = new Map<string, { message: StoredMessage; due: number }>();
  readonly subscribers = new Set<Subscriber>();
  paused = false;
  messageCount = 0;
  requeueCount = 0;
  timeoutCount = 0;
  #turn: Subscriber[] = [];
  #next = 0;

  constructor(topic: Topic, name: string) {
    this.topic = topic;
    this.name = name;
    this.ephemeral = name.endsWith(EPHEMERAL);
  }

  put(message: StoredMessage): void {
    this.messageCount++;
    if (message.defer > 0) this.deferred.set(message.id, { message, due: Date.now() + message.defer });
    else this.#enqueue(message);
    this.pump();
  }

  #enqueue(message: StoredMessage): void {
    if (this.ephemeral && this.queue.length >= this.topic.limits.ephemeralQueue) return;
    this.queue.push(message);
  }

  add(subscriber: Subscriber): void {
    this.subscribers.add(subscriber);
    this.#turn = [...this.subscribers];
    this.pump();
  }

  /** Its messages stay in flight until they time out. */
  remove(subscriber: Subscriber): void {
    if (!this.subscribers.delete(subscriber)) return;
    this.#turn = [...this.subscribers];
    if (this.ephemeral && this.subscribers.size === 0) this.topic.deleteChannel(this.name);
  }

  /** Gives out what it can, to the subscribers in turn. */
  pump(): void {
    if (this.paused) return;
    while (this.queue.length > 0) {
      const subscriber = this.#nextReady();
      if (subscriber === undefined) return;
      this.#give(subscriber, this.queue.shift()!);
    }
  }

  #nextReady(): Subscriber | undefined {
    for (let i = 0; i < this.#turn.length; i++) {
      const subscriber = this.#turn[this.#next++ % this.#turn.length]!;
      if (subscriber.ready) return subscriber;
    }
    return undefined;
  }

  #give(holder: Subscriber, message: StoredMessage): void {
    // A sampling client lets the rest go by for good, as at nsqd.
    if (holder.sampleRate > 0 && Math.random() * 100 > holder.sampleRate) return;
    message.attempts++;
    const since = Date.now();
    this.inFlight.set(message.id, { message, holder, since, due: since + holder.msgTimeout });
    holder.deliver(message);
  }

  /** Why an answer is refused; undefined: taken. */
  finish(holder: Subscriber, id: string): string | undefined {
    const found = this.#owned(holder, id);
    if (typeof found === 'string') return found;
    this.#release(found);
    this.pump();
    return undefined;
  }

  requeue(holder: Subscriber, id: string, delay: number): string | undefined {
    const found = this.#owned(holder, id);
    if (typeof found === 'string') return found;
    this.#release(found);
    this.requeueCount++;
    if (delay > 0) this.deferred.set(id, { message: found.message, due: Date.now() + delay });
    else this.#enqueue(found.message);
    this.pump();
    return undefined;
  }

  touch(holder: Subscriber, id: string): string | undefined {
    const found = this.#owned(holder, id);
    if (typeof found === 'string') return found;
    found.due = Math.min(Date.now() + holder.msgTimeout, found.since + this.topic.limits.maxMsgTimeout);
    return undefined;
  }

  #owned(holder: Subscriber, id: string): InFlight | string {
    const found = this.inFlight.get(id);
    if (found === undefined) return 'ID not in flight';
    return found.holder === holder ? found : 'client does not own message';
  }

  #release({ message, holder }: InFlight): void {
    this.inFlight.delete(message.id);
    holder.released();
  }

  /** Takes back what timed out, and lets go what was deferred. */
  scan(now: number): void {
    for (const entry of this.inFlight.values()) {
      if (entry.due > now) continue;
      this.#release(entry);
      this.timeoutCount++;
      this.#enqueue(entry.message);
    }
    for (const [id, { message, due }] of this.deferred) {
      if (due > now) continue;
      this.deferred.delete(id);
      this.#enqueue(message);
    }
    this.pump();
  }

  empty(): void {
    for (const entry of [...this.inFlight.values()]) this.#release(entry);
    this.deferred.clear();
    this.queue.clear();
  }
}

export class Topic {
  readonly name: string;
  readonly ephemeral: boolean;
  readonly limits: Limits;
  readonly channels = new Map<string, Channel>();
  /** What waits for a first channel, or for the end of a pause. */
  readonly backlog = new Queue<StoredMessage>();
  paused = false;
  messageCount = 0;
  messageBytes = 0;
  readonly #onVanish: (topic: Topic) => void;

  constructor(name: string, limits: Limits, onVanish: (topic: Topic) => void) {
    this.name = name;
    this.limits = limits;
    this.ephemeral = name.endsWith(EPHEMERAL);
    this.#onVanish = onVanish;
  }

  channel(name: string): Channel {
    let channel = this.channels.get(name);
    if (channel === undefined) {
      channel = new Channel(this, name);
      this.channels.set(name, channel);
      this.flush();
    }
    return channel;
  }

  /** The body must be the caller's to give away: it is kept. */
  put(body: Buffer, defer = 0): void {
    this.messageCount++;
    this.messageBytes += body.length;
    if (this.ephemeral && this.backlog.length >= this.limits.ephemeralQueue) return;
    this.backlog.push({ id: newId(), timestamp: nanoseconds(), body, attempts: 0, defer });
    this.flush();
  }

  /** A copy of each message for each channel; they share the body. */
  flush(): void {
    if (this.paused || this.channels.size === 0) return;
    for (let message = this.backlog.shift(); message !== undefined; message = this.backlog.shift()) {
      let own: StoredMessage = message;
      for (const channel of this.channels.values()) {
        channel.put(own);
        own = { ...message, id: newId(), attempts: 0 };
      }
    }
  }

  pause(on: boolean): void {
    this.paused = on;
    this.flush();
  }

  deleteChannel(name: string): void {
    const channel = this.channels.get(name);
    if (channel === undefined) return;
    this.channels.delete(name);
    channel.empty();
    for (const subscriber of channel.subscribers) subscriber.close();
    if (this.ephemeral && this.channels.size === 0) this.#onVanish(this);
  }

  delete(): void {
    for (const name of [...this.channels.keys()]) this.deleteChannel(name);
    this.backlog.clear();
  }
}

/** All topics of one broker, and the clock that drives their timeouts. */
export class Topics {
  readonly limits: Limits;
  readonly byName = new Map<string, Topic>();
  readonly #scan: NodeJS.Timeout;

  constructor(limits: Limits) {
    this.limits = limits;
    this.#scan = setInterval(() => this.#look(), SCAN).unref();
  }

  #look(): void {
    const now = Date.now();
    for (const topic of this.byName.values())
      for (const channel of topic.channels.values())
        if (channel.inFlight.size + channel.deferred.size > 0) channel.scan(now);
  }

  topic(name: string): Topic {
    let topic = this.byName.get(name);
    if (topic === undefined) {
      topic = new Topic(name, this.limits, (gone) => this.byName.delete(gone.name));
      this.byName.set(name, topic);
    }
    return topic;
  }

  deleteTopic(name: string): void {
    const topic = this.byName.get(name);
    this.byName.delete(name);
    topic?.delete();
  }

  stop(): void {
    clearInterval(this.#scan);
  }
}

const nanoseconds = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** 16 hexadecimal digits that grow: milliseconds since 2020 and a count. The count belongs to no broker: ids only differ. */
let serial = 0;
const EPOCH = Date.UTC(2020, 0, 1);
function newId(): string {
  serial = (serial + 1) & 0xffffff;
  return (Date.now() - EPOCH).toString(16).padStart(10, '0') + serial.toString(16).padStart(6, '0');
}
