/** One client of the embedded broker: the V2 protocol over TCP, with nsqd 1.3.0's answers and errors. */
import type { Socket } from 'node:net';
import { entry } from '../entry.js';
import { validName } from '../names.js';
import { deferral, Fatal, setting, splitMany, whole } from './command-words.js';
import type { Channel, StoredMessage, Subscriber, Topics } from './topics.js';

export const VERSION = '1.3.0';
const RESPONSE = 0;
const ERROR = 1;
const MESSAGE = 2;
const STATE = { INIT: 0, SUBSCRIBED: 3, CLOSING: 4 } as const;
const LF = 10;
/** Bytes of a command's line; nsqd's reader takes no more. */
const MAX_LINE = 16_384;
const HAS_BODY: ReadonlySet<string> = new Set(['IDENTIFY', 'AUTH', 'PUB', 'MPUB', 'DPUB']);
const OK = frame(RESPONSE, 'OK');
const HEARTBEAT = frame(RESPONSE, '_heartbeat_');
const DEFAULT_HEARTBEAT = 30_000;

function frame(type: number, text: string): Buffer {
  const out = Buffer.allocUnsafe(8 + text.length);
  out.writeInt32BE(4 + text.length, 0);
  out.writeInt32BE(type, 4);
  out.write(text, 8, 'latin1');
  return out;
}

type Words = readonly string[];

export class Client implements Subscriber {
  readonly #topics: Topics;
  readonly #socket: Socket;
  readonly #onClose: (client: Client) => void;
  #input: Buffer = Buffer.alloc(0);
  #magic = false;
  #state: number = STATE.INIT;
  #identified = false;
  #channel: Channel | undefined;
  #rdy = 0;
  #heartbeat = DEFAULT_HEARTBEAT;
  #beat: NodeJS.Timeout | undefined;
  #heard = Date.now();
  #corked = false;
  #dead = false;
  msgTimeout: number;
  sampleRate = 0;
  #inFlight = 0;
  #messages = 0;
  #finishes = 0;
  #requeues = 0;
  readonly #published = new Map<string, number>();
  #info: Readonly<Record<string, unknown>> = {};
  readonly #since = Math.floor(Date.now() / 1000);

  constructor(topics: Topics, socket: Socket, onClose: (client: Client) => void) {
    this.#topics = topics;
    this.#socket = socket;
    this.#onClose = onClose;
    this.msgTimeout = topics.limits.msgTimeout;
    socket.setNoDelay(true);
    socket.on('data', (data) => this.#feed(data));
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
    this.#startBeat();
  }

  // ------------------------------------------------------------ as subscriber

  get ready(): boolean {
    return this.#state === STATE.SUBSCRIBED && this.#inFlight < this.#rdy && !this.#dead;
  }

  deliver(message: StoredMessage): void {
    this.#inFlight++;
    this.#messages++;
    const head = Buffer.allocUnsafe(34);
    head.writeInt32BE(30 + message.body.length, 0);
    head.writeInt32BE(MESSAGE, 4);
    head.writeBigInt64BE(message.timestamp, 8);
    head.writeUInt16BE(message.attempts & 0xffff, 16);
    head.write(message.id, 18, 'latin1');
    this.#write(head);
    this.#write(message.body);
  }

  released(): void {
    this.#inFlight--;
  }

  close(): void {
    this.#dead = true;
    this.#socket.destroySoon();
  }

  // --------------------------------------------------------------- connection

  #closed(): void {
    this.#dead = true;
    clearInterval(this.#beat);
    this.#channel?.remove(this);
    this.#onClose(this);
  }

  /** What is written in one turn of the loop leaves together. */
  #write(data: Buffer): void {
    if (this.#socket.destroyed) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(data);
  }

  #startBeat(): void {
    clearInterval(this.#beat);
    if (this.#heartbeat <= 0) return;
    this.#beat = setInterval(() => {
      if (Date.now() - this.#heard > this.#heartbeat * 2) this.#socket.destroy();
      else this.#write(HEARTBEAT);
    }, this.#heartbeat).unref();
  }

  #feed(data: Buffer): void {
    this.#heard = Date.now();
    if (this.#dead) return;
    this.#input = this.#input.length > 0 ? Buffer.concat([this.#input, data]) : data;
    try {
      if (this.#magic || this.#readMagic()) while (this.#command());
    } catch (error) {
      this.#write(frame(ERROR, error instanceof Fatal ? error.message : 'E_INVALID internal error'));
      this.close();
    }
  }

  #readMagic(): boolean {
    if (this.#input.length < 4) return false;
    if (this.#input.toString('latin1', 0, 4) !== '  V2') throw new Fatal('E_BAD_PROTOCOL');
    this.#magic = true;
    this.#input = this.#input.subarray(4);
    return true;
  }

  /** Takes one command out of the input; false when there is none in full. */
  #command(): boolean {
    const end = this.#input.indexOf(LF);
    if (end < 0) {
      if (this.#input.length > MAX_LINE) throw new Fatal('E_INVALID invalid command');
      return false;
    }
    let line = this.#input.toString('latin1', 0, end);
    if (line.endsWith('\r')) line = line.slice(0, -1);
    const words = line.split(' ');
    const name = words[0]!;
    let used = end + 1;
    let body: Buffer | undefined;
    if (HAS_BODY.has(name)) {
      // Before its body is awaited, so that a wrong name or size is answered at once.
      this.#checkWords(name, words);
      if (this.#input.length < used + 4) return false;
      const size = this.#input.readInt32BE(used);
      this.#checkSize(name, size);
      if (this.#input.length < used + 4 + size) return false;
      body = this.#input.subarray(used + 4, used + 4 + size);
      used += 4 + size;
    }
    this.#input = this.#input.subarray(used);
    const run = entry(COMMANDS, name);
    if (run === undefined) throw new Fatal(`E_INVALID invalid command ${name}`);
    run(this, words, body ?? EMPTY);
    return !this.#dead;
  }

  #checkWords(name: string, words: Words): void {
    if (name === 'IDENTIFY') {
      if (this.#state !== STATE.INIT || this.#identified) throw new Fatal('E_INVALID cannot IDENTIFY in current state');
    } else if (name === 'AUTH') {
      if (this.#state !== STATE.INIT) throw new Fatal('E_INVALID cannot AUTH in current state');
      if (words.length !== 1) throw new Fatal('E_INVALID AUTH invalid number of parameters');
    } else {
      if (words.length < (name === 'DPUB' ? 3 : 2))
        throw new Fatal(`E_INVALID ${name} insufficient number of parameters`);
      if (!validName(words[1]!))
        throw new Fatal(`E_BAD_TOPIC ${name} topic name ${JSON.stringify(words[1])} is not valid`);
      if (name === 'DPUB') deferral(words[2]!, this.#topics.limits.maxDefer);
    }
  }

  #checkSize(name: string, size: number): void {
    const { maxMsgSize, maxBodySize } = this.#topics.limits;
    const single = name === 'PUB' || name === 'DPUB';
    const [code, what, limit] = single ? ['E_BAD_MESSAGE', 'message', maxMsgSize] : ['E_BAD_BODY', 'body', maxBodySize];
    if (size <= 0) throw new Fatal(`${code} ${name} invalid ${single ? 'message body' : 'body'} size ${size}`);
    if (size > Number(limit)) throw new Fatal(`${code} ${name} ${what} too big ${size} > ${limit}`);
  }

  // ----------------------------------------------------------------- commands

  identify(body: Buffer): void {
    let info: unknown;
    try {
      info = JSON.parse(body.toString('utf8'));
    } catch {
      info = undefined;
    }
    if (typeof info !== 'object' || info === null) throw new Fatal('E_BAD_BODY IDENTIFY failed to decode JSON body');
    const asked = info as Readonly<Record<string, unknown>>;
    this.#identified = true;
    this.#info = asked;
    this.#heartbeat = setting(asked, 'heartbeat_interval', 'heartbeat interval', {
      off: 0,
      min: 1000,
      max: 60_000,
      otherwise: this.#heartbeat,
    });
    // -1: unbuffered; nsqd then says a size of 1 and no timeout.
    const bufferSize = setting(asked, 'output_buffer_size', 'output buffer size', {
      off: 1,
      min: 64,
      max: 65_536,
      otherwise: 16_384,
    });
    const bufferTimeout = setting(asked, 'output_buffer_timeout', 'output buffer timeout', {
      off: 0,
      min: 25,
      max: 30_000,
      otherwise: bufferSize === 1 ? 0 : 250,
    });
    this.sampleRate = setting(asked, 'sample_rate', 'sample rate', { min: 1, max: 99, otherwise: 0 });
    const { limits } = this.#topics;
    this.msgTimeout = setting(asked, 'msg_timeout', 'msg timeout', {
      min: 1000,
      max: limits.maxMsgTimeout,
      otherwise: limits.msgTimeout,
    });
    this.#startBeat();
    if (asked.feature_negotiation !== true) {
      this.#write(OK);
      return;
    }
    if (asked.snappy === true && asked.deflate === true)
      throw new Fatal('E_IDENTIFY_FAILED cannot enable both deflate and snappy compression');
    const answer = {
      max_rdy_count: limits.maxRdy,
      version: VERSION,
      max_msg_timeout: limits.maxMsgTimeout,
      msg_timeout: this.msgTimeout,
      tls_v1: false,
      deflate: false,
      deflate_level: 0,
      max_deflate_level: 6,
      snappy: false,
      sample_rate: this.sampleRate,
      auth_required: false,
      output_buffer_size: bufferSize,
      output_buffer_timeout: bufferTimeout,
    };
    this.#write(frame(RESPONSE, JSON.stringify(answer)));
  }

  subscribe(words: Words): void {
    if (this.#state !== STATE.INIT) throw new Fatal('E_INVALID cannot SUB in current state');
    if (this.#heartbeat <= 0) throw new Fatal('E_INVALID cannot SUB with heartbeats disabled');
    if (words.length < 3) throw new Fatal('E_INVALID SUB insufficient number of parameters');
    const [, topic, channel] = words as [string, string, string];
    if (!validName(topic)) throw new Fatal(`E_BAD_TOPIC SUB topic name ${JSON.stringify(topic)} is not valid`);
    if (!validName(channel)) throw new Fatal(`E_BAD_CHANNEL SUB channel name ${JSON.stringify(channel)} is not valid`);
    this.#state = STATE.SUBSCRIBED;
    this.#write(OK);
    this.#channel = this.#topics.topic(topic).channel(channel);
    this.#channel.add(this);
  }

  setReady(words: Words): void {
    if (this.#state === STATE.CLOSING) return;
    if (this.#state !== STATE.SUBSCRIBED) throw new Fatal('E_INVALID cannot RDY in current state');
    const count = words[1] === undefined ? 1 : whole(words[1]);
    if (count === undefined) throw new Fatal(`E_INVALID RDY could not parse count ${words[1]}`);
    const { maxRdy } = this.#topics.limits;
    if (count < 0 || count > maxRdy) throw new Fatal(`E_INVALID RDY count ${count} out of range 0-${maxRdy}`);
    this.#rdy = count;
    this.#channel?.pump();
  }

  answer(words: Words, params: number, take: (channel: Channel, id: string) => string | undefined): void {
    const name = words[0]!;
    const channel = this.#channel;
    if (channel === undefined) throw new Fatal(`E_INVALID cannot ${name} in current state`);
    if (words.length < params) throw new Fatal(`E_INVALID ${name} insufficient number of params`);
    const id = words[1]!;
    if (id.length !== 16) throw new Fatal('E_INVALID invalid message ID');
    const refused = take(channel, id);
    if (refused !== undefined) this.#write(frame(ERROR, `E_${name}_FAILED ${name} ${id} failed ${refused}`));
  }

  finish(words: Words): void {
    this.answer(words, 2, (channel, id) => {
      const refused = channel.finish(this, id);
      if (refused === undefined) this.#finishes++;
      return refused;
    });
  }

  requeue(words: Words): void {
    this.answer(words, 3, (channel, id) => {
      const delay = whole(words[2]!);
      if (delay === undefined) throw new Fatal(`E_INVALID REQ could not parse timeout ${words[2]}`);
      const refused = channel.requeue(this, id, Math.min(Math.max(0, delay), this.#topics.limits.maxDefer));
      if (refused === undefined) this.#requeues++;
      return refused;
    });
  }

  startClose(): void {
    if (this.#state !== STATE.SUBSCRIBED) throw new Fatal('E_INVALID cannot CLS in current state');
    this.#state = STATE.CLOSING;
    this.#write(frame(RESPONSE, 'CLOSE_WAIT'));
  }

  publish(words: Words, body: Buffer): void {
    const defer = words[0] === 'DPUB' ? deferral(words[2]!, this.#topics.limits.maxDefer) : 0;
    this.#put(words[1]!, [Buffer.from(body)], defer);
  }

  publishMany(words: Words, body: Buffer): void {
    const list = splitMany(body, this.#topics.limits);
    if (typeof list === 'string') throw new Fatal(list);
    this.#put(words[1]!, list, 0);
  }

  #put(name: string, bodies: readonly Buffer[], defer: number): void {
    const topic = this.#topics.topic(name);
    for (const body of bodies) topic.put(body, defer);
    this.#published.set(name, (this.#published.get(name) ?? 0) + bodies.length);
    this.#write(OK);
  }

  // --------------------------------------------------------------- statistics

  get isProducer(): boolean {
    return this.#published.size > 0;
  }

  statistics(): Readonly<Record<string, unknown>> {
    const text = (key: string) => (typeof this.#info[key] === 'string' ? this.#info[key] : '');
    return {
      client_id: text('client_id'),
      hostname: text('hostname'),
      version: 'V2',
      user_agent: text('user_agent'),
      remote_address: `${this.#socket.remoteAddress}:${this.#socket.remotePort}`,
      state: this.#state,
      ready_count: this.#rdy,
      in_flight_count: this.#inFlight,
      message_count: this.#messages,
      finish_count: this.#finishes,
      requeue_count: this.#requeues,
      connect_ts: this.#since,
      sample_rate: this.sampleRate,
      deflate: false,
      snappy: false,
      tls: false,
      pub_counts: [...this.#published].map(([topic, count]) => ({ topic, count })),
    };
  }
}

const EMPTY = Buffer.alloc(0);

const COMMANDS: Readonly<Record<string, (client: Client, words: Words, body: Buffer) => void>> = {
  IDENTIFY: (client, _, body) => client.identify(body),
  AUTH: () => {
    throw new Fatal('E_AUTH_DISABLED AUTH disabled');
  },
  SUB: (client, words) => client.subscribe(words),
  RDY: (client, words) => client.setReady(words),
  FIN: (client, words) => client.finish(words),
  REQ: (client, words) => client.requeue(words),
  TOUCH: (client, words) => client.answer(words, 2, (channel, id) => channel.touch(client, id)),
  CLS: (client) => client.startClose(),
  PUB: (client, words, body) => client.publish(words, body),
  DPUB: (client, words, body) => client.publish(words, body),
  MPUB: (client, words, body) => client.publishMany(words, body),
  NOP: () => {},
};
