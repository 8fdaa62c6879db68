/**
 * Runs the events of all consumer workers on the script thread: one at a time for each worker, in order; all workers in
 * turn; and never so long in one go that SIP would wait.
 */
import type { Context } from '../../runtime/context.js';
import { STOP } from '../../runtime/context.js';
import { type Host, LEVEL } from '../../runtime/host.js';
import { MessageEnv } from '../../runtime/message-env.js';
import { NSQ_EVENT, type NsqEvent } from './event.js';
import type { Metrics } from './metrics.js';
import { type EventItem, VERDICT } from './protocol.js';
import type { AckMode } from './settings.js';

/** Milliseconds of one go, after which sockets and timers have their turn. */
const SLICE = 1;
/** Events of one worker before the next worker's. */
const ROUND = 8;

/** The events of one worker and what became of them. */
export class EventLine {
  readonly topic: string;
  readonly channel: string;
  readonly ackMode: AckMode;
  /** Candidates 3 to 5. */
  readonly fallbacks: readonly string[];
  readonly send: (verdicts: readonly number[]) => void;
  queue: EventItem[] = [];
  /** Index of the next one in `queue`. */
  at = 0;
  /** A route that waits is under way. */
  busy = false;
  verdicts: number[] = [];

  constructor(
    of: {
      readonly topic: string;
      readonly channel: string;
      readonly ackMode: AckMode;
      readonly fallbacks: readonly string[];
    },
    send: (verdicts: readonly number[]) => void,
  ) {
    this.topic = of.topic;
    this.channel = of.channel;
    this.ackMode = of.ackMode;
    this.fallbacks = of.fallbacks;
    this.send = send;
  }

  get waiting(): number {
    return this.queue.length - this.at;
  }

  push(list: readonly EventItem[]): void {
    if (this.at === this.queue.length) {
      this.queue = [];
      this.at = 0;
    }
    this.queue.push(...list);
  }

  /** Takes out those that are not to begin any more. */
  withdraw(handles: ReadonlySet<number>): number {
    const before = this.waiting;
    this.queue = this.queue.slice(this.at).filter((item) => !handles.has(item.handle));
    this.at = 0;
    return before - this.queue.length;
  }

  /** Gives back what has not begun. */
  giveBack(): number {
    const rest = this.queue.slice(this.at);
    this.queue = [];
    this.at = 0;
    for (const item of rest) this.verdicts.push(item.handle, VERDICT.UNSTARTED);
    this.flush();
    return rest.length;
  }

  flush(): void {
    if (this.verdicts.length === 0) return;
    const { verdicts } = this;
    this.verdicts = [];
    this.send(verdicts);
  }
}

export class EventRunner {
  readonly #host: Host;
  readonly #metrics: Metrics;
  readonly #lines: EventLine[] = [];
  #turn = 0;
  #scheduled = false;

  constructor(host: Host, metrics: Metrics) {
    this.#host = host;
    this.#metrics = metrics;
  }

  add(line: EventLine): void {
    this.#lines.push(line);
  }

  remove(line: EventLine): void {
    const at = this.#lines.indexOf(line);
    if (at >= 0) this.#lines.splice(at, 1);
  }

  take(line: EventLine, list: readonly EventItem[]): void {
    this.#metrics.consumed += list.length;
    line.push(list);
    this.#wake();
  }

  #wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#go());
  }

  #go(): void {
    this.#scheduled = false;
    const lines = this.#lines;
    const end = performance.now() + SLICE;
    for (let idle = 0; idle < lines.length; ) {
      const line = lines[this.#turn++ % lines.length]!;
      if (line.busy || line.waiting === 0) {
        idle++;
        continue;
      }
      idle = 0;
      for (let n = 0; n < ROUND && !line.busy && line.waiting > 0; n++) this.#run(line, line.queue[line.at++]!);
      // A route that may wait goes on in this turn's microtasks: the next one's `$var` must not come in between.
      if (line.busy || performance.now() >= end) break;
    }
    for (const line of lines) line.flush();
    if (lines.some((line) => !line.busy && line.waiting > 0)) this.#wake();
  }

  #run(line: EventLine, item: EventItem): void {
    const began = performance.now();
    if (item.expires < Date.now()) {
      this.#metrics.expired++;
      line.verdicts.push(item.handle, VERDICT.EXPIRED);
      return;
    }
    const name = this.#choose(line, item);
    if (name === undefined) {
      this.#metrics.unrouted++;
      this.#metrics.finished++;
      this.#host.log.write(LEVEL.ERR, 'nsq', 'nsq:consumer-event not found');
      line.verdicts.push(item.handle, VERDICT.DONE);
      return;
    }
    const event: NsqEvent = {
      text: item.text,
      attempts: item.attempts,
      topic: line.topic,
      channel: line.channel,
      nsqd: item.nsqd,
    };
    this.#host.recorder?.event(item.text, { topic: line.topic, channel: line.channel, attempts: item.attempts });
    const run = this.#host.runEvent(
      name,
      this.#host.fakeRequest(),
      (ctx) => ctx.setExtra(NSQ_EVENT, event),
      new MessageEnv(),
    );
    if (!(run instanceof Promise)) {
      this.#ended(line, item, run, began);
      return;
    }
    line.busy = true;
    const waited = (ctx: Context | undefined) => {
      line.busy = false;
      this.#ended(line, item, ctx, began);
      line.flush();
      if (line.waiting > 0) this.#wake();
    };
    run.then(waited, () => waited(undefined));
  }

  #choose(line: EventLine, item: EventItem): string | undefined {
    const { event } = this.#host.program.routes;
    if (event.has(item.first)) return item.first;
    if (event.has(item.second)) return item.second;
    return line.fallbacks.find((name) => event.has(name));
  }

  #ended(line: EventLine, item: EventItem, ctx: Context | undefined, began: number): void {
    this.#metrics.routeTime.add(performance.now() - began);
    const failed = ctx === undefined || ctx.crashed !== undefined;
    if (failed) this.#metrics.failedRoutes++;
    const again = line.ackMode === 'after' && (failed || ctx.stop === STOP.DROP);
    if (again) this.#metrics.requeued++;
    else this.#metrics.finished++;
    line.verdicts.push(item.handle, again ? VERDICT.DROPPED : VERDICT.DONE);
  }
}
