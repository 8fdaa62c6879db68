/** The script thread's end of one consumer worker: keeps its thread alive, and its events flowing. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Host } from '../../runtime/host.js';
import { LEVEL } from '../../runtime/host.js';
import { Unpacker } from './batch.js';
import { parameterRoutes } from './event-routes.js';
import { EventLine, type EventRunner } from './event-runner.js';
import type { Metrics } from './metrics.js';
import type { ThreadGroup } from './pool.js';
import type { ConsumerTask, FromConsumer, LinkReport, ToConsumer } from './protocol.js';
import type { Address } from './settings.js';

/** Milliseconds before a thread that died is replaced. */
const RESTART_DELAY = 250;
/** More than this of a payload that is no JSON is left out of the log. */
const SHOWN = 200;

export type SeatTask = Omit<ConsumerTask, 'port'>;

export interface SeatTools {
  readonly host: Host;
  readonly runner: EventRunner;
  readonly metrics: Metrics;
  onLink(seat: Seat, report: LinkReport): void;
}

export class Seat {
  readonly task: SeatTask;
  readonly #tools: SeatTools;
  readonly #group: ThreadGroup;
  #port: MessagePort | undefined;
  #line: EventLine;
  #nsqds: readonly Address[] = [];
  #paused = false;
  #stopping = false;
  #ended: Promise<void> = Promise.resolve();
  /** State of the connection to each nsqd: undefined when up, else why not. */
  readonly links = new Map<string, string | undefined>();

  constructor(task: SeatTask, group: ThreadGroup, tools: SeatTools) {
    this.task = task;
    this.#group = group;
    this.#tools = tools;
    this.#line = this.#newLine();
    this.#start();
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Events in hand: waiting, and whether one runs. */
  get load(): { readonly waiting: number; readonly running: boolean } {
    return { waiting: this.#line.waiting, running: this.#line.busy };
  }

  connectTo(list: readonly Address[]): void {
    this.#nsqds = list;
    this.#post({ kind: 'nsqds', list });
  }

  pause(on: boolean): void {
    this.#paused = on;
    this.#post({ kind: 'pause', on });
  }

  /**
   * No new messages; the route that runs may end within `limit` ms; what has not begun goes back to nsqd. Under `immediate`
   * it is finished already there, so it is run.
   */
  async stop(limit: number): Promise<void> {
    this.#stopping = true;
    this.#post({ kind: 'stop', limit });
    if (this.task.ackMode !== 'immediate') this.#tools.metrics.returned += this.#line.giveBack();
    await this.#ended;
    this.#tools.runner.remove(this.#line);
  }

  #post(message: ToConsumer): void {
    this.#port?.postMessage(message);
  }

  #newLine(): EventLine {
    const line = new EventLine({ ...this.task, fallbacks: parameterRoutes(this.task.keys) }, (list) =>
      this.#post({ kind: 'verdicts', list }),
    );
    this.#tools.runner.add(line);
    return line;
  }

  #start(): void {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const line = this.#line;
    const unpacker = new Unpacker();
    port1.on('message', (message: FromConsumer) => this.#take(line, unpacker, message));
    this.#ended = this.#group.run('consume', { ...this.task, port: port2 } as ConsumerTask).then(
      () => port1.close(),
      (error: unknown) => this.#died(port1, error),
    );
    this.#post({ kind: 'nsqds', list: this.#nsqds });
    if (this.#paused) this.#post({ kind: 'pause', on: true });
  }

  /** The thread died: its messages time out at nsqd and come again, so what has not begun is dropped here. */
  #died(port: MessagePort, error: unknown): void {
    port.close();
    this.#port = undefined;
    const { host, runner, metrics } = this.#tools;
    metrics.expired += this.#line.withdraw(new Set(this.#line.queue.map((item) => item.handle)));
    runner.remove(this.#line);
    for (const nsqd of this.links.keys())
      this.#tools.onLink(this, { kind: 'down', nsqd, reason: 'the thread ended', retryIn: RESTART_DELAY });
    if (this.#stopping) return;
    const reason = error instanceof Error ? error.message : String(error);
    host.log.write(
      LEVEL.ERR,
      'nsq',
      `a consumer thread of ${this.task.topic}:${this.task.channel} ended (${reason}), starting another`,
    );
    host.clock.after(RESTART_DELAY, () => {
      if (this.#stopping) return;
      this.#line = this.#newLine();
      this.#start();
    });
  }

  #take(line: EventLine, unpacker: Unpacker, message: FromConsumer): void {
    const { metrics, runner, host } = this.#tools;
    switch (message.kind) {
      case 'events':
        runner.take(line, unpacker.unpack(message.packed));
        // Sent before the worker knew of the stop.
        if (this.#stopping && this.task.ackMode !== 'immediate') metrics.returned += line.giveBack();
        break;
      case 'revoked':
        metrics.expired += line.withdraw(new Set(message.handles));
        break;
      case 'up':
      case 'down':
        this.#tools.onLink(this, message);
        break;
      case 'not-json':
        metrics.consumed++;
        metrics.notJson++;
        metrics.finished++;
        host.log.write(
          LEVEL.ERR,
          'nsq',
          `message of ${this.task.topic} is no JSON, finished: ${message.text.slice(0, SHOWN)}`,
        );
        break;
      case 'touched':
        metrics.touched++;
        break;
      case 'late':
        metrics.late++;
        host.log.write(LEVEL.WARN, 'nsq', `nsqd took a message back before it was answered: ${message.reason}`);
        break;
    }
  }
}
