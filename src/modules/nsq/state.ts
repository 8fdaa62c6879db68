/** The module at work: consumer workers, publisher, discovery and embedded broker of one server. */
import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { hostname } from 'node:os';
import { type Host, stateKey } from '../../runtime/host.js';
import { type BrokerThread, startBrokerThread } from './broker-thread.js';
import { calledFunctions } from './calls.js';
import { CATCH_ALL, eventParts, eventRouteCandidates, upToNul } from './event-routes.js';
import { EventLine, EventRunner } from './event-runner.js';
import { type Finder, findNsqds } from './finder.js';
import { Links } from './links.js';
import { Metrics } from './metrics.js';
import { Pool, type ThreadGroup } from './pool.js';
import { openPresentities, type PresentitySink } from './presentities.js';
import type { LinkReport } from './protocol.js';
import { Publishing } from './publishing.js';
import { Seat, type SeatTask } from './seat.js';
import type { Address, NsqSettings, Source, Subscription } from './settings.js';

export const NSQ = stateKey<NsqState>('nsq');

/** Where a message comes from. */
export interface Delivery {
  readonly topic: string;
  readonly channel: string;
  /** From 1. */
  readonly attempts: number;
  readonly nsqd: string;
}

/** All consumer workers of one subscription, with what tells them the nsqds. */
interface Line {
  readonly subscription: Subscription;
  readonly seats: readonly Seat[];
  readonly group: ThreadGroup;
  /** Undefined until the line may connect. */
  finder: Finder | undefined;
  /** Two lines with the same key are the same: a reload keeps it. */
  readonly key: string;
}

export class NsqState {
  readonly host: Host;
  readonly metrics = new Metrics();
  readonly links: Links;
  readonly #pool = new Pool();
  readonly #runner: EventRunner;
  #settings: NsqSettings;
  #lines: Line[] = [];
  #publishing: Publishing | undefined;
  #publishFinder: Finder | undefined;
  #broker: BrokerThread | undefined;
  /** Settled when the embedded broker listens, or when there is none. */
  #brokerUp: Promise<void> = Promise.resolve();
  #presentities: Promise<PresentitySink> | undefined;
  #stopped = false;

  constructor(host: Host, settings: NsqSettings) {
    this.host = host;
    this.#settings = settings;
    this.links = new Links(host, () => this.metrics.reconnects++);
    this.#runner = new EventRunner(host, this.metrics);
    for (const [name, value] of Object.entries(this.metrics)) {
      if (typeof value === 'number') host.statistics.set(`nsq.${snake(name)}`, () => this.metrics[name as 'consumed']);
    }
    host.statistics.set('nsq.connections', () => this.links.count);
  }

  get settings(): NsqSettings {
    return this.#settings;
  }

  get broker(): { readonly tcpPort: number; readonly httpPort: number } | undefined {
    return this.#broker;
  }

  get lines(): readonly { readonly subscription: Subscription; readonly seats: readonly Seat[] }[] {
    return this.#lines;
  }

  get pending(): { readonly publications: number; readonly queries: number } {
    return this.#publishing?.pending ?? { publications: 0, queries: 0 };
  }

  /** Is every subscription served by at least one connection? The reason why not, for a readiness probe. */
  unready(): string | undefined {
    for (const { subscription, seats } of this.#lines) {
      const up = seats.some((seat) => [...seat.links.values()].includes(undefined));
      if (!up) return `no nsqd connected for ${subscription.topic}:${subscription.channel}`;
    }
    return undefined;
  }

  // ------------------------------------------------------------ start and stop

  /**
   * Starts the embedded broker, whose port may be taken, and the threads, which take their time; they connect to nothing
   * before `ready`.
   */
  async start(): Promise<void> {
    if (this.host.sandbox !== undefined) return;
    checkTlsFiles(this.#settings);
    await this.#openPresentities();
    const broker = this.#openBroker();
    this.#openPublisher();
    await this.#makeLines();
    // A free port is always found, so SIP need not wait; one that was asked for may be taken.
    if (this.#fixedPorts) await broker;
  }

  /** Runs event_route[nsq:mod-init], then connects. */
  async ready(): Promise<void> {
    await this.#brokerUp;
    await this.host.runEvent('nsq:mod-init', this.host.fakeRequest());
    this.#connectLines();
  }

  get #fixedPorts(): boolean {
    const { consumeFrom } = this.#settings;
    return consumeFrom.kind === 'embedded' && consumeFrom.port + consumeFrom.httpPort > 0;
  }

  #openBroker(): Promise<void> {
    const { consumeFrom } = this.#settings;
    if (consumeFrom.kind === 'embedded') {
      this.#brokerUp = startBrokerThread(this.host, this.#pool, consumeFrom).then((broker) => {
        this.#broker = broker;
      });
      // Whoever awaits it hears of a failure; until then it is nobody's.
      this.#brokerUp.catch(() => {});
    }
    return this.#brokerUp;
  }

  /** Opened at start where the script calls nsq_pua_publish, else with the first call that a reload brought. */
  presentities(): Promise<PresentitySink> {
    const { presentities } = this.#settings;
    this.#presentities ??= openPresentities(this.host, presentities?.url, presentities?.table ?? '');
    return this.#presentities;
  }

  async #openPresentities(): Promise<void> {
    await this.#closePresentities();
    const used = calledFunctions(this.host.program.script, ['nsq_pua_publish']).size > 0;
    if (used && this.#settings.presentities !== undefined) await this.presentities();
  }

  async #closePresentities(): Promise<void> {
    const open = this.#presentities;
    this.#presentities = undefined;
    await open?.then(
      (sink) => sink.close?.(),
      () => {},
    );
  }

  #openPublisher(): void {
    const called = calledFunctions(this.host.program.script, ['nsq_publish', 'nsq_query']);
    if (called.size > 0) this.#publisher().open(called.has('nsq_query'));
  }

  async #makeLines(): Promise<void> {
    for (const subscription of this.#wanted()) {
      const key = this.#keyOf(subscription);
      if (this.#lines.some((line) => line.key === key) || this.#stopped) continue;
      this.#lines.push(await this.#makeLine(subscription, key));
    }
  }

  #connectLines(): void {
    const { consumeFrom } = this.#settings;
    for (const line of this.#lines) {
      line.finder ??= this.#find(consumeFrom, line.subscription.topic, (list) => {
        for (const seat of line.seats) seat.connectTo(list);
      });
    }
  }

  /** Without any subscription C reads Kamailio-Topic; that is pointless where no event route would see it. */
  #wanted(): readonly Subscription[] {
    const { subscriptions, subscriptionsAreDefault } = this.#settings;
    const listens = [...this.host.program.routes.event.keys()].some((name) => name.startsWith(CATCH_ALL));
    return subscriptionsAreDefault && !listens ? [] : subscriptions;
  }

  #keyOf(subscription: Subscription): string {
    const { workers, maxInFlight, key, subkey, consumeFrom, ackMode, connection } = this.#settings;
    return JSON.stringify([subscription, workers, maxInFlight, key, subkey, consumeFrom, ackMode, connection]);
  }

  async #makeLine(subscription: Subscription, key: string): Promise<Line> {
    const { workers, maxInFlight, ackMode, connection } = this.#settings;
    const group = await this.#pool.threads(workers);
    const keys = { key: this.#settings.key, subkey: this.#settings.subkey };
    const seats = Array.from({ length: workers }, (_, n) => {
      const task: SeatTask = {
        ...subscription,
        maxInFlight,
        ackMode,
        keys,
        connection,
        clientId: `kamscript-${this.host.pid}-${n + 1}`,
      };
      return new Seat(task, group, {
        host: this.host,
        runner: this.#runner,
        metrics: this.metrics,
        onLink: (seat, report) => this.#onSeatLink(seat, report),
      });
    });
    return { subscription, seats, group, finder: undefined, key };
  }

  /** Tells `onList` the nsqds of a source, now and whenever they change. */
  #find(source: Source, topic: string | null, onList: (list: readonly Address[]) => void): Finder {
    const embedded = this.#brokerUp.then(() => this.#broker?.tcpPort);
    return findNsqds(source, topic, { host: this.host, embedded }, onList);
  }

  #onSeatLink(seat: Seat, report: LinkReport): void {
    const wasUp = seat.links.has(report.nsqd) && seat.links.get(report.nsqd) === undefined;
    seat.links.set(report.nsqd, report.kind === 'up' ? undefined : report.reason);
    this.links.report(report, wasUp);
    if (report.kind === 'down') this.#lines.find((line) => line.seats.includes(seat))?.finder?.hurry?.();
  }

  /** The new parameters of a reload: what is the same stays, the rest is started and stopped. */
  async reconfigure(settings: NsqSettings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    if (this.host.sandbox !== undefined) return;
    if (JSON.stringify(before.consumeFrom) !== JSON.stringify(settings.consumeFrom)) {
      await this.#broker?.stop();
      this.#broker = undefined;
      await this.#openBroker();
    }
    const publishing =
      JSON.stringify(publishingPart(before)) !== JSON.stringify(publishingPart(settings))
        ? this.#publishing
        : undefined;
    if (publishing !== undefined) {
      this.#publishing = undefined;
      this.#publishFinder?.stop();
    }
    const keys = new Set(this.#wanted().map((one) => this.#keyOf(one)));
    const gone = this.#lines.filter((line) => !keys.has(line.key));
    this.#lines = this.#lines.filter((line) => keys.has(line.key));
    await this.#openPresentities();
    this.#openPublisher();
    await this.#makeLines();
    this.#connectLines();
    await Promise.all([
      ...gone.map((line) => this.#stopLine(line, before.drainTimeout)),
      publishing?.stop(before.drainTimeout),
    ]);
  }

  async #stopLine(line: Line, limit: number): Promise<void> {
    line.finder?.stop();
    await Promise.all(line.seats.map((seat) => seat.stop(limit)));
    await line.group.end();
  }

  /** Ends in order: nothing new comes in, what runs may still publish, then that is sent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const limit = this.#settings.drainTimeout;
    await Promise.all(this.#lines.map((line) => this.#stopLine(line, limit)));
    this.#publishFinder?.stop();
    await this.#publishing?.stop(limit);
    await this.#closePresentities();
    await this.#brokerUp.catch(() => {});
    await this.#broker?.stop();
    await this.#pool.end();
  }

  // ----------------------------------------------------------------- functions

  publish(topic: string, body: string): Promise<string | undefined> {
    return this.#publisher().publish(topic, body);
  }

  query(topic: string, payload: string) {
    return this.#publisher().query(topic, payload);
  }

  #publisher(): Publishing {
    if (this.#publishing !== undefined) return this.#publishing;
    const { publishTimeout, queryTimeout, maxMessageSize, connection, publishTo } = this.#settings;
    const up = new Set<string>();
    const publishing = new Publishing(
      {
        connection,
        publishTimeout,
        queryTimeout,
        maxMessageSize,
        clientId: `kamscript-${this.host.pid}`,
        replyTopic: `kamailio-reply.${randomUUID().replaceAll('-', '')}#ephemeral`,
        identity: { appName: 'kamscript', appVersion: '0.1.0', node: `kamscript@${hostname()}` },
      },
      {
        host: this.host,
        metrics: this.metrics,
        threads: () => this.#pool.threads(1),
        uuid: randomUUID,
        onLink: (report) => {
          const wasUp = up.has(report.nsqd);
          if (report.kind === 'up') up.add(report.nsqd);
          else up.delete(report.nsqd);
          this.links.report(report, wasUp);
        },
      },
    );
    this.#publishing = publishing;
    if (this.host.sandbox !== undefined) return publishing;
    this.#publishFinder = this.#find(publishTo, null, (list) => publishing.publishTo(list));
    return publishing;
  }

  /**
   * Runs one message as a consumer worker hands it over: what a script test does in place of nsqd. `onVerdict` hears when
   * it is done with. False: it is no JSON, and nothing runs.
   */
  deliver(payload: string, from: Delivery, onVerdict: (verdict: number) => void): boolean {
    const { key, subkey, ackMode } = this.#settings;
    const text = upToNul(payload);
    const parts = eventParts(text, { key, subkey });
    if (parts === undefined) return false;
    const [first, second, ...fallbacks] = eventRouteCandidates(parts, { key, subkey });
    const line = new EventLine({ topic: from.topic, channel: from.channel, ackMode, fallbacks }, ([, verdict]) => {
      this.#runner.remove(line);
      onVerdict(verdict!);
    });
    this.#runner.add(line);
    const { attempts, nsqd } = from;
    this.#runner.take(line, [
      { handle: 1, first: first!, second: second!, text, attempts, nsqd, expires: Number.POSITIVE_INFINITY },
    ]);
    return true;
  }

  /** Stops and resumes taking messages, of one topic or of all; gives the number of workers it concerns. */
  pause(on: boolean, topic?: string): number {
    const seats = this.#lines
      .filter((line) => topic === undefined || line.subscription.topic === topic)
      .flatMap((line) => line.seats);
    for (const seat of seats) seat.pause(on);
    return seats.length;
  }
}

/** Threads read them at each connection; a wrong name is better said before. */
function checkTlsFiles({ connection: { tls } }: NsqSettings): void {
  for (const what of ['ca', 'cert', 'key'] as const) {
    const file = tls?.[what];
    if (typeof file !== 'string') continue;
    try {
      accessSync(file, constants.R_OK);
    } catch (error) {
      throw new Error(
        `nsq: tls_${what}_file cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

function publishingPart({ publishTo, publishTimeout, queryTimeout, maxMessageSize, connection }: NsqSettings) {
  return { publishTo, publishTimeout, queryTimeout, maxMessageSize, connection };
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
