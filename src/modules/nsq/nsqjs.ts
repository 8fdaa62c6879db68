/**
 * All calls of nsqjs. It gives the framing, the negotiation, TLS and AUTH; readiness, reconnecting, pause and drain are
 * ours (nsq.md, section 10, says what is kept away from). A link reports its end exactly once and never throws.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
// The two connection classes that the package exports, without Reader and Writer: those bring an HTTP client that is not
// used here, and a third of the time that a thread takes to start.
import { NSQDConnection, type NsqjsOptions, WriterNSQDConnection } from 'nsqjs/lib/nsqdconnection.js';
import type { Delivery, LinkEvents, ReaderEvents, ReaderLink, WriterLink } from './link.js';
import { guarded, messageOf, Watch } from './link-watch.js';
import { Outbox } from './outbox.js';
import { type Address, addressText, type ConnectionOptions } from './settings.js';

/** Seconds; nsqd closes after two that go unanswered, and so do we. */
const HEARTBEAT = 30;
/** Milliseconds for nsqd's answer to CLS, and for what was written to go out. */
const CLOSE_TIMEOUT = 500;
/** The frame with which nsqd answers CLS: size, type 0, text. */
const CLOSE_WAIT = Buffer.from('\0\0\0\x0e\0\0\0\0CLOSE_WAIT', 'latin1');
/** Offset of the body in a message. */
const BODY = 26;
const NON_FATAL = /\bE_(?:FIN|REQ|TOUCH)_FAILED\b/;

/**
 * TLS over a connection's socket. nsqjs's own way names no host, so that a certificate would have to be for `localhost`.
 */
function startTls(connection: NSQDConnection, host: string, options: NsqjsOptions): void {
  const raw = connection.conn;
  if (raw === null) return;
  for (const event of ['data', 'error', 'close']) raw.removeAllListeners(event);
  const { ca, cert, key } = options;
  const socket = connectTls({
    socket: raw,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: options.tlsVerification ?? true,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
  });
  connection.conn = socket;
  connection.outWriter = socket;
  connection.registerStreamListeners(socket);
}

class GuardedReader extends NSQDConnection {
  readonly #watch: Watch;
  readonly #host: string;
  readonly #options: NsqjsOptions;
  #first = true;
  readonly outbox = new Outbox(this);
  /** Called once nsqd has confirmed that no more messages come. */
  onCloseWait: (() => void) | undefined;
  #answers = '';

  constructor(watch: Watch, { host, port }: Address, topic: string, channel: string, options: NsqjsOptions) {
    super(host, port, topic, channel, options);
    this.#watch = watch;
    this.#host = host;
    this.#options = options;
  }

  override receiveData(data: Buffer): void {
    guarded(this.#watch, data, this.#first, (d) => super.receiveData(d));
    this.#first = false;
    // nsqjs drops this answer. It is the last that nsqd sends but heartbeats; a timer covers a frame that came in pieces.
    if (this.onCloseWait !== undefined && data.subarray(-CLOSE_WAIT.length).equals(CLOSE_WAIT)) this.onCloseWait();
  }

  override write(data: string | Buffer): void {
    this.outbox.put(data);
  }

  override startTLS(): void {
    startTls(this, this.#host, this.#options);
  }

  /** In place of nsqjs's own messages, each of which is an EventEmitter with a timer. */
  override createMessage(payload: Buffer): Delivery {
    return new OpenMessage(this, payload);
  }

  /** FIN, REQ and TOUCH; those of one turn as one text. */
  answer(command: string): void {
    if (!this.#watch.open) return;
    if (this.#answers === '') queueMicrotask(() => this.flush());
    this.#answers += command;
  }

  flush(): void {
    if (this.#answers !== '') {
      this.outbox.put(this.#answers);
      this.#answers = '';
    }
    this.outbox.flush();
  }
}

class GuardedWriter extends WriterNSQDConnection {
  readonly #watch: Watch;
  readonly #host: string;
  readonly #options: NsqjsOptions;
  #first = true;
  readonly outbox = new Outbox(this);

  constructor(watch: Watch, { host, port }: Address, options: NsqjsOptions) {
    super(host, port, options);
    this.#watch = watch;
    this.#host = host;
    this.#options = options;
  }

  override receiveData(data: Buffer): void {
    guarded(this.#watch, data, this.#first, (d) => super.receiveData(d));
    this.#first = false;
  }

  override write(data: string | Buffer): void {
    this.outbox.put(data);
  }

  override startTLS(): void {
    startTls(this, this.#host, this.#options);
  }
}

/** A message as it lies in its frame; what is not asked for is not taken out. */
class OpenMessage implements Delivery {
  readonly #connection: GuardedReader;
  readonly #payload: Buffer;
  #answered = false;

  constructor(connection: GuardedReader, payload: Buffer) {
    this.#connection = connection;
    this.#payload = payload;
  }

  get text(): string {
    return this.#payload.toString('latin1', BODY);
  }

  get attempts(): number {
    return this.#payload.readUInt16BE(8);
  }

  get #id(): string {
    return this.#payload.toString('latin1', 10, BODY);
  }

  finish(): void {
    this.#answer(`FIN ${this.#id}\n`);
  }

  requeue(delay: number): void {
    this.#answer(`REQ ${this.#id} ${delay}\n`);
  }

  touch(): void {
    if (!this.#answered) this.#connection.answer(`TOUCH ${this.#id}\n`);
  }

  #answer(command: string): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#connection.answer(command);
  }
}

/** A connection that consumes one channel at one nsqd. It delivers nothing before setReady(). */
export function openReader(
  at: Address,
  topic: string,
  channel: string,
  options: ConnectionOptions,
  clientId: string,
  events: ReaderEvents,
): ReaderLink {
  const watch = new Watch(events);
  const connection = new GuardedReader(watch, at, topic, channel, nsqjsOptions(options, clientId));
  connection.on('message', (delivery: Delivery) => {
    if (watch.open) events.message(delivery);
  });
  connection.on('error', (error: Error) => {
    const text = messageOf(error);
    if (NON_FATAL.test(text)) events.late(text);
    else watch.failed(error);
  });
  watch.over(connection);
  return {
    get version() {
      return connection.nsqdVersion ?? '?';
    },
    get messageTimeout() {
      return connection.msgTimeout;
    },
    setReady: (count) => {
      if (watch.open) connection.setRdy(count);
    },
    stopDelivery: (done) => stopDelivery(watch, connection, done),
    end: () => {
      if (!watch.open) return;
      connection.flush();
      connection.conn?.end();
      setTimeout(() => watch.end('closed'), CLOSE_TIMEOUT).unref();
    },
    destroy: (reason) => watch.end(reason),
  };
}

function stopDelivery(watch: Watch, connection: GuardedReader, done: () => void): void {
  if (!watch.open || !watch.ready) {
    watch.end('closed');
    done();
    return;
  }
  const timer = setTimeout(() => connection.onCloseWait?.(), CLOSE_TIMEOUT);
  connection.onCloseWait = () => {
    connection.onCloseWait = undefined;
    clearTimeout(timer);
    done();
  };
  connection.setRdy(0);
  connection.write('CLS\n');
}

/** A connection that publishes to one nsqd. */
export function openWriter(at: Address, options: ConnectionOptions, clientId: string, events: LinkEvents): WriterLink {
  const watch = new Watch(events);
  const connection = new GuardedWriter(watch, at, nsqjsOptions(options, clientId));
  connection.on('error', (error: Error) => watch.failed(error));
  watch.over(connection);
  return {
    get version() {
      return connection.nsqdVersion ?? '?';
    },
    publish: (topic, body, done) => {
      if (!watch.open) return done(`no connection to ${addressText(at)}`);
      connection.produceMessages(topic, [body], undefined, (error) => (error ? done(messageOf(error)) : done()));
    },
    destroy: (reason) => watch.end(reason),
  };
}

function nsqjsOptions(options: ConnectionOptions, clientId: string): NsqjsOptions {
  const { tls } = options;
  const file = (path: string | null) => (path === null ? null : readFileSync(path));
  return {
    clientId,
    authSecret: options.authSecret,
    heartbeatInterval: HEARTBEAT,
    idleTimeout: HEARTBEAT * 2.5,
    messageTimeout: options.messageTimeout,
    // -1: nsqd sends at once. A timeout alone would leave messages in its buffer (nsq.md, section 10, first trap).
    outputBufferSize: options.outputBufferTimeout === null ? -1 : null,
    outputBufferTimeout: options.outputBufferTimeout,
    requeueDelay: 0,
    ...(tls === null
      ? {}
      : { tls: true, tlsVerification: tls.verify, ca: file(tls.ca), cert: file(tls.cert), key: file(tls.key) }),
  };
}
