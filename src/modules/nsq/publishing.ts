/** The script thread's end of the publisher: nsq_publish and nsq_query wait here for their answers. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type Host, LEVEL, type TimerHandle } from '../../runtime/host.js';
import { parseLenient, stringOf } from '../../runtime/json-c.js';
import type { Metrics } from './metrics.js';
import { validName } from './names.js';
import type { ThreadGroup } from './pool.js';
import type { FromPublisher, LinkReport, Publication, PublisherTask, ToPublisher } from './protocol.js';
import { addServerFields, parseQuery, type QueryIdentity } from './query.js';
import type { Address, ConnectionOptions } from './settings.js';

export interface PublishingOptions {
  readonly connection: ConnectionOptions;
  readonly clientId: string;
  readonly replyTopic: string;
  /** Milliseconds. */
  readonly publishTimeout: number;
  readonly queryTimeout: number;
  readonly maxMessageSize: number;
  readonly identity: QueryIdentity;
}

export interface PublishingTools {
  readonly host: Host;
  readonly metrics: Metrics;
  /** Makes the thread; called with the first publication. */
  threads(): Promise<ThreadGroup>;
  onLink(report: LinkReport): void;
  uuid(): string;
}

/** A query that waits for its answer. */
interface Asked {
  readonly done: (reply: string | undefined) => void;
}

export class Publishing {
  readonly #options: PublishingOptions;
  readonly #tools: PublishingTools;
  #port: MessagePort | undefined;
  #running: Promise<void> | undefined;
  #nsqds: readonly Address[] = [];
  #listening = false;
  #next = 1;
  #batch: Publication[] = [];
  readonly #waiting = new Map<number, (error: string | undefined) => void>();
  readonly #asked = new Map<string, Asked[]>();

  constructor(options: PublishingOptions, tools: PublishingTools) {
    this.#options = options;
    this.#tools = tools;
  }

  get pending(): { readonly publications: number; readonly queries: number } {
    return { publications: this.#waiting.size, queries: this.#asked.size };
  }

  publishTo(list: readonly Address[]): void {
    this.#nsqds = list;
    this.#post({ kind: 'nsqds', list });
  }

  /** Starts the thread before the first call; with `queries` it subscribes to the answers, too. */
  open(queries: boolean): void {
    if (this.#tools.host.sandbox !== undefined) return;
    this.#listening ||= queries;
    if (this.#port === undefined) this.#ensure();
    else if (queries) this.#post({ kind: 'listen' });
  }

  /** Undefined: nsqd said OK. Else why not. */
  async publish(topic: string, body: string): Promise<string | undefined> {
    const began = performance.now();
    const error = this.#refuse(topic, body) ?? (await this.#send(topic, body, false));
    const { metrics } = this.#tools;
    if (error !== undefined) metrics.publishFailed++;
    else {
      metrics.published++;
      metrics.publishTime.add(performance.now() - began);
    }
    return error;
  }

  /** The answer as received, or why there is none. */
  async query(topic: string, payload: string): Promise<{ readonly reply: string } | { readonly error: string }> {
    const { metrics, host } = this.#tools;
    metrics.queries++;
    const request = parseQuery(payload);
    if (request === undefined) return this.#queryFailed('the payload is no JSON object');
    const { id, text } = addServerFields(request, this.#options.identity, this.#options.replyTopic, this.#tools.uuid);
    const refused = this.#refuse(topic, text);
    if (refused !== undefined) return this.#queryFailed(refused);
    const began = performance.now();
    let done: (reply: string | undefined) => void = () => {};
    const answer = new Promise<string | undefined>((resolve) => {
      done = resolve;
    });
    const entry: Asked = { done };
    this.#asked.set(id, [...(this.#asked.get(id) ?? []), entry]);
    let failed: string | undefined;
    let answered = false;
    let timer: TimerHandle | undefined;
    void this.#send(topic, text, true).then((error) => {
      failed = error;
      if (error !== undefined) done(undefined);
      // The responder's time begins when nsqd has the question: a broker that is slow to reach has publish_timeout.
      else if (!answered) timer = host.clock.after(this.#options.queryTimeout, () => done(undefined));
    });
    const reply = await answer;
    answered = true;
    timer?.cancel();
    this.#forget(id, entry);
    if (reply !== undefined) {
      metrics.answered++;
      metrics.queryTime.add(performance.now() - began);
      return { reply };
    }
    if (failed !== undefined) return this.#queryFailed(failed);
    metrics.queryTimeouts++;
    return { error: `no answer in ${this.#options.queryTimeout} ms` };
  }

  #queryFailed(error: string): { readonly error: string } {
    this.#tools.metrics.queryFailed++;
    return { error };
  }

  #forget(id: string, entry: Asked): void {
    const rest = (this.#asked.get(id) ?? []).filter((one) => one !== entry);
    if (rest.length > 0) this.#asked.set(id, rest);
    else this.#asked.delete(id);
  }

  /** What nsqd would close the connection for, with everything that is under way on it. */
  #refuse(topic: string, body: string): string | undefined {
    if (!validName(topic)) return `'${topic}' is no valid topic name`;
    if (body === '') return 'the payload is empty';
    if (body.length > this.#options.maxMessageSize)
      return `the payload is too big (${body.length} > ${this.#options.maxMessageSize} bytes)`;
    return undefined;
  }

  #send(topic: string, body: string, query: boolean): Promise<string | undefined> {
    const { sandbox, recorder } = this.#tools.host;
    recorder?.published(topic, body);
    if (sandbox !== undefined) return Promise.resolve(sandbox.publish(topic, body, query ? this.#answer : undefined));
    this.#ensure();
    const id = this.#next++;
    return new Promise((done) => {
      this.#waiting.set(id, done);
      if (this.#batch.length === 0) queueMicrotask(() => this.#flush());
      this.#batch.push({ id, topic, body, query });
    });
  }

  #flush(): void {
    // Until the thread exists its port keeps them.
    const list = this.#batch;
    this.#batch = [];
    this.#post({ kind: 'publish', list });
  }

  #post(message: ToPublisher): void {
    this.#port?.postMessage(message);
  }

  // ------------------------------------------------------------------ thread

  #ensure(): void {
    if (this.#port !== undefined) return;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (message: FromPublisher) => this.#take(message));
    this.#post({ kind: 'nsqds', list: this.#nsqds });
    if (this.#listening) this.#post({ kind: 'listen' });
    this.#running = this.#run(port1, port2);
  }

  async #run(port: MessagePort, far: MessagePort): Promise<void> {
    const { connection, clientId, replyTopic, publishTimeout } = this.#options;
    const task: PublisherTask = { port: far, connection, clientId, replyTopic, timeout: publishTimeout };
    let group: ThreadGroup | undefined;
    try {
      group = await this.#tools.threads();
      await group.run('publish', task);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#tools.host.log.write(
        LEVEL.ERR,
        'nsq',
        `the publisher thread ended (${reason}); the next publication starts another`,
      );
    }
    port.close();
    if (this.#port === port) this.#port = undefined;
    for (const [id, done] of this.#waiting) {
      this.#waiting.delete(id);
      done('the publisher ended');
    }
    await group?.end();
  }

  /** Waits for what is under way, `limit` ms at most. */
  async stop(limit: number): Promise<void> {
    this.#post({ kind: 'stop', limit });
    await this.#running;
    for (const list of this.#asked.values()) for (const { done } of list) done(undefined);
  }

  #take(message: FromPublisher): void {
    switch (message.kind) {
      case 'published':
        for (const { id, error } of message.list) {
          this.#waiting.get(id)?.(error);
          this.#waiting.delete(id);
        }
        break;
      case 'replies':
        for (const [id, text] of message.list) this.#reply(id, text);
        break;
      default:
        this.#tools.onLink(message);
    }
  }

  /** A reply payload of which the Msg-ID is not known yet. */
  readonly #answer = (text: string): void => {
    const root = parseLenient(text);
    this.#reply(root instanceof Map ? (stringOf(root.get('Msg-ID') ?? null) ?? '') : '', text);
  };

  #reply(id: string, text: string): void {
    const first = this.#asked.get(id)?.[0];
    if (first !== undefined) {
      this.#forget(id, first);
      first.done(text);
      return;
    }
    const { metrics, host } = this.#tools;
    metrics.strayReplies++;
    if (host.log.level >= LEVEL.DBG)
      host.log.write(LEVEL.DBG, 'nsq', `a reply with Msg-ID '${id}' that no query waits for`);
  }
}
