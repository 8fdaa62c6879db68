/** Brokers and workers for the tests of nsq: the embedded broker always, a real nsqd where scripts/install-nsq.sh built one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Unpacker } from '../../../src/modules/nsq/batch.js';
import { startBroker } from '../../../src/modules/nsq/broker.js';
import { Consumer } from '../../../src/modules/nsq/consumer.js';
import type {
  ConsumerTask,
  EventItem,
  FromConsumer,
  FromPublisher,
  PublisherTask,
  ToConsumer,
  ToPublisher,
} from '../../../src/modules/nsq/protocol.js';
import { Publisher } from '../../../src/modules/nsq/publisher.js';
import type { Address, ConnectionOptions } from '../../../src/modules/nsq/settings.js';

export const BIN = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'kamscript/bin');
export const hasRealNsqd = existsSync(join(BIN, 'nsqd'));

export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Waits until `look` gives something; fails with `what`. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string | (() => string),
  ms = 8000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${ms} ms: ${typeof what === 'string' ? what : what()}`);
    await sleep(10);
  }
}

export interface ChannelStats {
  readonly depth: number;
  readonly in_flight_count: number;
  readonly deferred_count: number;
  readonly requeue_count: number;
  readonly timeout_count: number;
  readonly message_count: number;
  readonly clients:
    | readonly { readonly ready_count: number; readonly client_id: string; readonly user_agent: string }[]
    | null;
}

/** A broker of either kind, by its HTTP calls. */
export class TestBroker {
  readonly tcp: Address;
  readonly http: Address;
  readonly stop: () => Promise<void>;
  constructor(tcpPort: number, httpPort: number, stop: () => Promise<void>) {
    this.tcp = { host: '127.0.0.1', port: tcpPort };
    this.http = { host: '127.0.0.1', port: httpPort };
    this.stop = stop;
  }
  async call(method: string, path: string, body?: string | Buffer): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.http.port}${path}`, {
      method,
      ...(body === undefined ? {} : { body: new Uint8Array(Buffer.from(body)) }),
    });
    return { status: response.status, text: await response.text() };
  }
  async pub(topic: string, ...bodies: (string | object)[]): Promise<void> {
    for (const body of bodies)
      await this.call('POST', `/pub?topic=${topic}`, typeof body === 'string' ? body : JSON.stringify(body));
  }
  async mpub(topic: string, bodies: readonly object[]): Promise<void> {
    await this.call('POST', `/mpub?topic=${topic}`, bodies.map((b) => JSON.stringify(b)).join('\n'));
  }
  async channel(topic: string, channel: string): Promise<ChannelStats | undefined> {
    const { text } = await this.call('GET', `/stats?format=json&topic=${topic}&channel=${channel}`);
    const stats = JSON.parse(text) as { topics: { channels: ChannelStats[] | null }[] | null };
    return stats.topics?.[0]?.channels?.[0];
  }
  idle(topic: string, channel: string, ms?: number): Promise<ChannelStats> {
    return until(
      async () => {
        const c = await this.channel(topic, channel);
        return c && c.depth + c.in_flight_count + c.deferred_count === 0 && c;
      },
      `${topic}:${channel} is not drained`,
      ms,
    );
  }
}

export async function embedded(options: Parameters<typeof startBroker>[0] = {}): Promise<TestBroker> {
  const broker = await startBroker(options);
  return new TestBroker(broker.tcpPort, broker.httpPort, () => broker.stop());
}

export function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

/** The real nsqd of scripts/install-nsq.sh. `stop` is clean. */
export async function realNsqd(
  more: readonly string[] = [],
  ports?: { tcp: number; http: number; dir?: string },
): Promise<TestBroker & { child: ChildProcess }> {
  const tcp = ports?.tcp ?? (await freePort());
  const http = ports?.http ?? (await freePort());
  const dir = ports?.dir ?? mkdtempSync(join(tmpdir(), 'nsqd-'));
  const args = [
    '-tcp-address',
    `127.0.0.1:${tcp}`,
    '-http-address',
    `127.0.0.1:${http}`,
    '-https-address',
    '127.0.0.1:0',
    '-broadcast-address',
    '127.0.0.1',
    '-data-path',
    dir,
  ];
  const child = spawn(join(BIN, 'nsqd'), [...args, ...more], { stdio: 'ignore' });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const broker = new TestBroker(tcp, http, async () => {
    child.kill('SIGTERM');
    await exited;
    if (!ports?.dir) rmSync(dir, { recursive: true, force: true });
  });
  await until(
    () =>
      broker.call('GET', '/ping').then(
        (r) => r.status === 200,
        () => false,
      ),
    'nsqd does not come up',
  );
  return Object.assign(broker, { child });
}

export const PLAIN: ConnectionOptions = {
  messageTimeout: null,
  outputBufferTimeout: null,
  authSecret: null,
  tls: null,
};

/** A consumer worker in this thread, driven as the script thread drives it. */
export class TestConsumer {
  readonly events: EventItem[] = [];
  readonly reports: FromConsumer[] = [];
  readonly port: MessagePort;
  readonly worker: Consumer;
  onEvent: (event: EventItem) => void = () => {};
  constructor(task: Partial<ConsumerTask> & { topic: string }, nsqds: readonly Address[]) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.worker = new Consumer({
      port: port2,
      channel: 'ch',
      maxInFlight: 5,
      ackMode: 'default',
      keys: { key: 'Event-Category', subkey: 'Event-Name' },
      connection: PLAIN,
      clientId: 'test',
      ...task,
    });
    void this.worker.done.then(() => port2.close());
    const unpacker = new Unpacker();
    port1.on('message', (message: FromConsumer) => {
      this.reports.push(message);
      if (message.kind !== 'events') return;
      for (const event of unpacker.unpack(message.packed)) {
        this.events.push(event);
        this.onEvent(event);
      }
    });
    this.send({ kind: 'nsqds', list: nsqds });
  }
  send(message: ToConsumer): void {
    this.port.postMessage(message);
  }
  verdict(event: EventItem, verdict: number): void {
    this.send({ kind: 'verdicts', list: [event.handle, verdict] });
  }
  up(count = 1): Promise<unknown> {
    return until(() => this.reports.filter((r) => r.kind === 'up').length >= count, 'the consumer does not connect');
  }
  some(count: number, ms?: number): Promise<unknown> {
    return until(() => this.events.length >= count, `${count} events do not arrive`, ms);
  }
  async stop(limit = 1000): Promise<void> {
    this.send({ kind: 'stop', limit });
    await this.worker.done;
  }
}

export class TestPublisher {
  readonly messages: FromPublisher[] = [];
  readonly port: MessagePort;
  readonly worker: Publisher;
  #next = 1;
  constructor(nsqds: readonly Address[], more: Partial<PublisherTask> = {}) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.worker = new Publisher({
      port: port2,
      connection: PLAIN,
      clientId: 'test',
      replyTopic: 'reply.test#ephemeral',
      timeout: 1000,
      ...more,
    });
    void this.worker.done.then(() => port2.close());
    port1.on('message', (message: FromPublisher) => this.messages.push(message));
    this.send({ kind: 'nsqds', list: nsqds });
  }
  send(message: ToPublisher): void {
    this.port.postMessage(message);
  }
  /** Undefined: nsqd said OK. */
  async publish(topic: string, body: string, query = false): Promise<string | undefined> {
    const id = this.#next++;
    this.send({ kind: 'publish', list: [{ id, topic, body, query }] });
    const result = await until(
      () => this.messages.flatMap((m) => (m.kind === 'published' ? m.list : [])).find((r) => r.id === id),
      `no result of publication ${id}`,
      15_000,
    );
    return result.error;
  }
  async stop(): Promise<void> {
    this.send({ kind: 'stop', limit: 1000 });
    await this.worker.done;
  }
}
