/**
 * Publishes to nsqd, and hears the answers to nsq_query on an ephemeral topic of its own at every nsqd it publishes to.
 * Runs in a thread of the nsq pool.
 */
import { parseLenient, stringOf } from '../../runtime/json-c.js';
import { upToNul } from './event-routes.js';
import { KeptLink } from './kept-link.js';
import type { ReaderLink, WriterLink } from './link.js';
import { openReader, openWriter } from './nsqjs.js';
import type { FromPublisher, LinkReport, Publication, PublisherTask, ToPublisher } from './protocol.js';
import { type Address, addressText } from './settings.js';

/** The one channel of the reply topic. */
const REPLY_CHANNEL = 'reply#ephemeral';
/** Messages of the reply topic in flight. */
const REPLIES_IN_FLIGHT = 200;

interface Target {
  readonly address: Address;
  readonly writer: KeptLink<WriterLink>;
  replies: KeptLink<ReaderLink> | undefined;
  /** When what waits for an OK was sent, oldest first. */
  readonly outstanding: Set<{ readonly since: number }>;
}

export class Publisher {
  readonly #task: PublisherTask;
  readonly #targets = new Map<string, Target>();
  readonly #known: Promise<void>;
  #gotList: () => void = () => {};
  #turn = 0;
  #busy = 0;
  #results: { id: number; error?: string }[] = [];
  #replies: (readonly [string, string])[] = [];
  readonly #watch: NodeJS.Timeout;
  #listening = false;
  #stopping = false;
  #finish: () => void = () => {};
  /** Resolves when the publisher has stopped. */
  readonly done: Promise<void>;

  constructor(task: PublisherTask) {
    this.#task = task;
    this.done = new Promise((finish) => {
      this.#finish = finish;
    });
    this.#known = new Promise((got) => {
      this.#gotList = got;
    });
    task.port.on('message', (message: ToPublisher) => this.#take(message));
    this.#watch = setInterval(() => this.#dropSilent(), Math.max(50, task.timeout / 8));
  }

  #post(message: FromPublisher): void {
    this.#task.port.postMessage(message);
  }

  #take(message: ToPublisher): void {
    switch (message.kind) {
      case 'nsqds':
        this.#publishTo(message.list);
        break;
      case 'publish':
        for (const publication of message.list) {
          this.#busy++;
          void this.#publish(publication).then((error) => this.#report(publication.id, error));
        }
        break;
      case 'listen':
        this.#listening = true;
        for (const [name, target] of this.#targets) this.#listen(name, target);
        break;
      case 'stop':
        this.#stopping = true;
        setTimeout(() => this.#end(), message.limit).unref();
        if (this.#busy === 0) this.#end();
    }
  }

  // ----------------------------------------------------------------- targets

  #publishTo(list: readonly Address[]): void {
    const wanted = new Map(list.map((address) => [addressText(address), address]));
    for (const [name, target] of this.#targets) {
      if (wanted.has(name)) continue;
      this.#targets.delete(name);
      target.writer.stop('no longer listed');
      target.replies?.stop('no longer listed');
    }
    for (const [name, address] of wanted) {
      if (this.#targets.has(name)) continue;
      const target = this.#target(name, address);
      this.#targets.set(name, target);
      if (this.#listening) this.#listen(name, target);
    }
    if (wanted.size > 0) this.#gotList();
  }

  #target(name: string, address: Address): Target {
    const { connection, clientId } = this.#task;
    const report = (message: LinkReport) => this.#post(message);
    const writer = new KeptLink<WriterLink>(name, (signals) => openWriter(address, connection, clientId, signals), {
      report,
    });
    return { address, writer, replies: undefined, outstanding: new Set() };
  }

  /** The subscription to the answers; made with the first query. */
  #listen(name: string, target: Target): KeptLink<ReaderLink> {
    const { connection, clientId, replyTopic } = this.#task;
    target.replies ??= new KeptLink<ReaderLink>(
      name,
      (signals) =>
        openReader(target.address, replyTopic, REPLY_CHANNEL, { ...connection, outputBufferTimeout: null }, clientId, {
          ...signals,
          message: (delivery) => {
            delivery.finish();
            this.#reply(upToNul(delivery.text));
          },
          late: () => {},
        }),
      { report: () => {}, ready: (link) => link.setReady(REPLIES_IN_FLIGHT) },
    );
    return target.replies;
  }

  #reply(text: string): void {
    if (this.#replies.length === 0) {
      queueMicrotask(() => {
        this.#post({ kind: 'replies', list: this.#replies });
        this.#replies = [];
      });
    }
    const root = parseLenient(text);
    const id = root instanceof Map ? stringOf(root.get('Msg-ID') ?? null) : undefined;
    this.#replies.push([id ?? '', text]);
  }

  // -------------------------------------------------------------- publishing

  /** Undefined: nsqd said OK. Else why not. */
  async #publish({ topic, body, query }: Publication): Promise<string | undefined> {
    if (this.#targets.size === 0) await before(this.#known, this.#task.timeout);
    if (query) await this.#listenEverywhere();
    const target = this.#pick(query) ?? (await this.#firstReady(query));
    if (target === undefined) return 'no connection to any nsqd';
    const link = target.writer.link;
    if (link === undefined) return 'no connection to any nsqd';
    const entry = { since: Date.now() };
    target.outstanding.add(entry);
    return new Promise((done) => {
      link.publish(topic, Buffer.from(body, 'latin1'), (error) => {
        target.outstanding.delete(entry);
        done(error);
      });
    });
  }

  async #listenEverywhere(): Promise<void> {
    const opened: Promise<void>[] = [];
    for (const [name, target] of this.#targets) {
      const replies = this.#listen(name, target);
      if (replies.connecting) opened.push(replies.settled());
    }
    // One answer is enough to go on; the others join when they can.
    if (opened.length > 0 && this.#pick(true) === undefined) await Promise.race(opened);
  }

  /** The next target in turn that is ready. */
  #pick(query: boolean): Target | undefined {
    const ready = [...this.#targets.values()].filter(
      (t) => t.writer.link !== undefined && (!query || t.replies?.link !== undefined),
    );
    return ready.length === 0 ? undefined : ready[this.#turn++ % ready.length];
  }

  /** Nobody is ready: everybody tries at once, and the first that comes up is taken. */
  async #firstReady(query: boolean): Promise<Target | undefined> {
    const links = [...this.#targets.values()].flatMap((t) => (query && t.replies ? [t.writer, t.replies] : [t.writer]));
    for (const link of links) if (link.link === undefined) link.kick();
    const end = Date.now() + this.#task.timeout;
    for (;;) {
      const trying = links.filter((link) => link.connecting);
      if (trying.length === 0 || Date.now() > end) return this.#pick(query);
      await before(Promise.race(trying.map((link) => link.settled())), end - Date.now());
      const target = this.#pick(query);
      if (target !== undefined) return target;
    }
  }

  /** An nsqd that is silent for too long: its answers can no longer be told apart, so the connection goes. */
  #dropSilent(): void {
    const limit = Date.now() - this.#task.timeout;
    for (const target of this.#targets.values()) {
      const [oldest] = target.outstanding;
      if (oldest !== undefined && oldest.since < limit)
        target.writer.link?.destroy(`no answer in ${this.#task.timeout} ms`);
    }
  }

  #report(id: number, error: string | undefined): void {
    if (this.#results.length === 0) {
      queueMicrotask(() => {
        this.#post({ kind: 'published', list: this.#results });
        this.#results = [];
      });
    }
    this.#results.push(error === undefined ? { id } : { id, error });
    if (--this.#busy === 0 && this.#stopping) setImmediate(() => this.#end());
  }

  #end(): void {
    clearInterval(this.#watch);
    for (const target of this.#targets.values()) {
      target.writer.stop('stopped');
      target.replies?.stop('stopped');
    }
    this.#finish();
  }
}

function before(promise: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    const end = () => {
      clearTimeout(timer);
      done();
    };
    promise.then(end, end);
  });
}
