/**
 * One consumer worker: connections to every nsqd of one subscription, the names of the event routes, and the answers to
 * nsqd. Runs in a thread of the nsq pool; the script thread runs one of its events at a time, in the order handed over.
 */
import { Packer } from './batch.js';
import { eventParts, upToNul } from './event-routes.js';
import { KeptLink } from './kept-link.js';
import type { Delivery, ReaderLink } from './link.js';
import { openReader } from './nsqjs.js';
import { type ConsumerTask, type FromConsumer, type ToConsumer, VERDICT } from './protocol.js';
import { type Address, addressText } from './settings.js';

/** Delay of a REQ after `drop`, milliseconds, as the C module's. */
const REQUEUE_DELAY = 100;
/** How long before nsqd's timeout a message that has not begun counts as lost. */
const MARGIN = 100;

interface Held {
  readonly delivery: Delivery;
  readonly link: ReaderLink;
  readonly nsqd: string;
  since: number;
}

export class Consumer {
  readonly #task: ConsumerTask;
  readonly #links = new Map<string, KeptLink<ReaderLink>>();
  /** Handed over, no verdict yet; in order. */
  readonly #held = new Map<number, Held>();
  /** `immediate` only: received, neither finished nor handed over, as max_in_flight are out already. */
  readonly #waiting: Held[] = [];
  readonly #packer: Packer;
  #paused = false;
  #stopping = false;
  /** Connections that still have to close. */
  #ending = 0;
  #touching: NodeJS.Timeout | undefined;
  #finish: () => void = () => {};
  /** Resolves when the worker has stopped. */
  readonly done: Promise<void>;

  constructor(task: ConsumerTask) {
    this.#task = task;
    this.#packer = new Packer(1, (packed) => this.#post({ kind: 'events', packed }));
    this.done = new Promise((finish) => {
      this.#finish = finish;
    });
    task.port.on('message', (message: ToConsumer) => this.#take(message));
    if (task.ackMode === 'after') this.#keepTouching();
  }

  #post(message: FromConsumer): void {
    this.#task.port.postMessage(message);
  }

  #take(message: ToConsumer): void {
    switch (message.kind) {
      case 'nsqds':
        this.#connectTo(message.list);
        break;
      case 'verdicts':
        this.#settle(message.list);
        break;
      case 'pause':
        this.#paused = message.on;
        this.#setReady();
        break;
      case 'stop':
        this.#stop(message.limit);
    }
  }

  // ------------------------------------------------------------- connections

  #connectTo(list: readonly Address[]): void {
    if (this.#stopping) return;
    const wanted = new Map(list.map((address) => [addressText(address), address]));
    for (const [name, kept] of this.#links) {
      if (wanted.has(name)) continue;
      this.#links.delete(name);
      kept.stop('no longer listed');
    }
    for (const [name, address] of wanted) if (!this.#links.has(name)) this.#links.set(name, this.#keep(name, address));
  }

  #keep(name: string, address: Address): KeptLink<ReaderLink> {
    const { topic, channel, connection, clientId } = this.#task;
    let link: ReaderLink;
    return new KeptLink<ReaderLink>(
      name,
      (signals) => {
        link = openReader(address, topic, channel, connection, clientId, {
          ...signals,
          message: (delivery) => this.#received({ delivery, link, nsqd: name, since: Date.now() }),
          late: (reason) => this.#post({ kind: 'late', reason }),
        });
        return link;
      },
      {
        report: (report) => this.#post(report),
        ready: (opened) => opened.setReady(this.#paused ? 0 : this.#task.maxInFlight),
        lost: () => {
          this.#revoke(link);
          if (this.#ending > 0 && --this.#ending === 0) this.#finish();
        },
      },
    );
  }

  #setReady(): void {
    for (const kept of this.#links.values()) kept.link?.setReady(this.#paused ? 0 : this.#task.maxInFlight);
  }

  /** What came over a lost connection will be delivered again: whatever has not begun must not. */
  #revoke(link: ReaderLink): void {
    if (this.#task.ackMode === 'immediate') {
      const kept = this.#waiting.filter((held) => held.link !== link);
      this.#waiting.splice(0, this.#waiting.length, ...kept);
      return;
    }
    const handles = [...this.#held].filter(([, held]) => held.link === link).map(([handle]) => handle);
    if (handles.length > 0) this.#post({ kind: 'revoked', handles });
  }

  // ---------------------------------------------------------------- messages

  #received(held: Held): void {
    if (this.#stopping) held.delivery.requeue(0);
    else if (this.#task.ackMode === 'immediate' && this.#held.size >= this.#task.maxInFlight) this.#waiting.push(held);
    else this.#handOver(held);
  }

  #handOver(held: Held): void {
    const { delivery } = held;
    const text = upToNul(delivery.text);
    const parts = eventParts(text, this.#task.keys);
    if (parts === undefined) {
      delivery.finish();
      this.#post({ kind: 'not-json', text });
      return;
    }
    const immediate = this.#task.ackMode === 'immediate';
    if (immediate) delivery.finish();
    const expires = immediate ? Number.POSITIVE_INFINITY : held.since + held.link.messageTimeout - MARGIN;
    if (this.#packer.empty) queueMicrotask(() => this.#packer.flush());
    const handle = this.#packer.add(parts, text, delivery.attempts, expires, held.nsqd);
    this.#held.set(handle, held);
  }

  #settle(list: readonly number[]): void {
    const now = Date.now();
    for (let i = 0; i + 1 < list.length; i += 2) {
      const held = this.#held.get(list[i]!);
      if (held === undefined) continue;
      this.#held.delete(list[i]!);
      this.#answer(held, list[i + 1]!, now);
    }
    while (this.#waiting.length > 0 && this.#held.size < this.#task.maxInFlight) this.#handOver(this.#waiting.shift()!);
    if (this.#stopping) this.#endWhenIdle();
  }

  #answer({ delivery, link, since }: Held, verdict: number, now: number): void {
    if (this.#task.ackMode === 'immediate') return;
    switch (verdict) {
      case VERDICT.DONE:
        delivery.finish();
        break;
      case VERDICT.DROPPED:
        delivery.requeue(REQUEUE_DELAY);
        break;
      case VERDICT.UNSTARTED:
        delivery.requeue(0);
        break;
      default:
        // Touched meanwhile, it is still ours to give back; else nsqd has taken it back by itself.
        if (now < since + link.messageTimeout) delivery.requeue(0);
    }
  }

  /** `after`: the message of the route that runs is the oldest without a verdict; nsqd must not give it to another. */
  #keepTouching(): void {
    const tick = () => {
      let timeout = 60_000;
      for (const [, held] of this.#held) {
        timeout = held.link.messageTimeout;
        if (Date.now() - held.since < timeout / 2) break;
        held.since = Date.now();
        held.delivery.touch();
        this.#post({ kind: 'touched' });
        break;
      }
      for (const kept of this.#links.values()) timeout = Math.min(timeout, kept.link?.messageTimeout ?? timeout);
      this.#touching = setTimeout(tick, Math.max(50, Math.min(timeout / 8, 5000)));
    };
    this.#touching = setTimeout(tick, 100);
  }

  // -------------------------------------------------------------------- stop

  #stop(limit: number): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const held of this.#waiting.splice(0)) held.delivery.requeue(0);
    let delivering = this.#links.size;
    for (const kept of this.#links.values()) {
      const { link } = kept;
      kept.stop('stopped', link !== undefined);
      if (link === undefined) delivering--;
      else
        link.stopDelivery(() => {
          if (--delivering === 0) this.#endWhenIdle();
        });
    }
    this.#endWhenIdle = () => {
      if (delivering === 0 && this.#held.size === 0) this.#end();
    };
    setTimeout(() => this.#end(), limit).unref();
    this.#endWhenIdle();
  }

  #endWhenIdle: () => void = () => {};

  #end(): void {
    this.#endWhenIdle = () => {};
    clearTimeout(this.#touching);
    // The answers are written in the next tick: the connections end behind them.
    setImmediate(() => {
      const open = [...this.#links.values()].flatMap((kept) => kept.link ?? []);
      this.#ending = open.length;
      for (const link of open) link.end();
      if (open.length === 0) this.#finish();
    });
  }
}
