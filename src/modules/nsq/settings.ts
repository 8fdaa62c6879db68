/** Parameters of all versions of the nsq module, brought together into what the rest works with (nsq.md, section 2). */
import { MAX_NAME, validName } from './names.js';

export interface Address {
  readonly host: string;
  /** 0: none given. */
  readonly port: number;
}

export interface Subscription {
  readonly topic: string;
  readonly channel: string;
}

/** When a message is finished: after the route whatever came of it, after it unless it dropped, or before it. */
export type AckMode = 'default' | 'after' | 'immediate';

/** What nsqjs needs to open a connection; plain data, it crosses to the worker. */
export interface ConnectionOptions {
  /** Milliseconds; null: nsqd's own. */
  readonly messageTimeout: number | null;
  /** Milliseconds that nsqd may hold a message in its output buffer; null: it holds none. */
  readonly outputBufferTimeout: number | null;
  readonly authSecret: string | null;
  readonly tls: {
    readonly verify: boolean;
    readonly ca: string | null;
    readonly cert: string | null;
    readonly key: string | null;
  } | null;
}

/** Where nsqd is. */
export type Source =
  | { readonly kind: 'nsqd'; readonly nsqds: readonly Address[] }
  | { readonly kind: 'lookupd'; readonly lookupds: readonly Address[] }
  | { readonly kind: 'embedded'; readonly port: number; readonly httpPort: number };

export interface NsqSettings {
  readonly subscriptions: readonly Subscription[];
  /** Is the subscription only the default that stands where none was given? */
  readonly subscriptionsAreDefault: boolean;
  /** Connections for each subscription and nsqd. */
  readonly workers: number;
  /** RDY of each connection. */
  readonly maxInFlight: number;
  readonly key: string;
  readonly subkey: string;
  readonly consumeFrom: Source;
  readonly publishTo: Source;
  readonly ackMode: AckMode;
  /** Milliseconds. */
  readonly queryTimeout: number;
  readonly publishTimeout: number;
  /** Bytes. */
  readonly maxMessageSize: number;
  readonly connection: ConnectionOptions;
  /** One character that stands for `.` inside a step of a JSON path. */
  readonly escape: string;
  /** Where nsq_pua_publish writes; undefined: it is switched off. */
  readonly presentities: { readonly url: string | undefined; readonly table: string } | undefined;
  /** Seconds that a stop waits for running routes. */
  readonly drainTimeout: number;
}

/** The values of `modparam`, as the definition in index.ts types them. */
export type NsqParams = Readonly<Record<string, number | string | null | readonly string[]>>;

export const DEFAULT_CHANNEL = 'Kamailio-Channel';
export const DEFAULT_TOPIC = 'Kamailio-Topic';
const LOOKUPD = '127.0.0.1';
const NSQD = '127.0.0.1';
/** Limits of nsqd for msg_timeout (1 s … -max-msg-timeout, 15 minutes). */
const MIN_MSG_TIMEOUT = 1000;
const MAX_MSG_TIMEOUT = 900_000;

/** Settings, and what is wrong with the parameters: texts for the log. Never throws. */
export function nsqSettings(params: NsqParams): {
  readonly settings: NsqSettings;
  readonly problems: readonly string[];
} {
  const read = new Reader(params);
  const found = subscriptions(read);
  const settings: NsqSettings = {
    subscriptions: found.length > 0 ? found : [{ topic: DEFAULT_TOPIC, channel: DEFAULT_CHANNEL }],
    subscriptionsAreDefault: found.length === 0,
    workers: Math.max(1, read.int('consumer_workers')),
    maxInFlight: Math.max(1, read.int('max_in_flight')),
    key: read.text('consumer_event_key') ?? '',
    subkey: read.text('consumer_event_subkey') ?? '',
    ...sources(read),
    ackMode: ackMode(read),
    queryTimeout: Math.max(1, read.int('query_timeout')) * 1000,
    publishTimeout: Math.max(1, read.int('publish_timeout')) * 1000,
    maxMessageSize: Math.max(1, read.int('max_msg_size')),
    connection: connectionOptions(read),
    escape: escapeCharacter(read),
    presentities:
      read.int('pua_mode') === 1
        ? { url: read.text('db_url'), table: read.text('presentity_table') ?? 'presentity' }
        : undefined,
    drainTimeout: Math.max(0, read.int('drain_timeout')) * 1000,
  };
  return { settings, problems: read.problems };
}

class Reader {
  readonly problems: string[] = [];
  readonly #params: NsqParams;
  constructor(params: NsqParams) {
    this.#params = params;
  }
  int(name: string): number {
    const v = this.#params[name];
    return typeof v === 'number' ? v : 0;
  }
  /** Undefined: not given, or empty. */
  text(name: string): string | undefined {
    const v = this.#params[name];
    return typeof v === 'string' && v !== '' ? v : undefined;
  }
  list(name: string): readonly string[] {
    const v = this.#params[name];
    return Array.isArray(v) ? v : [];
  }
}

function subscriptions(read: Reader): Subscription[] {
  const fallback = read.text('default_channel') ?? DEFAULT_CHANNEL;
  const all: Subscription[] = [];
  for (const prefix of ['listen', 'consumer']) {
    const topic = read.text(`${prefix}_topic`);
    const channel = read.text(`${prefix}_channel`);
    if (topic !== undefined) all.push({ topic, channel: channel ?? fallback });
    else if (channel !== undefined)
      read.problems.push(`${prefix}_channel is set but ${prefix}_topic is not: channel '${channel}' of which topic?`);
  }
  for (const line of read.list('topic_channel')) {
    const cut = line.indexOf(':');
    all.push(
      cut < 0
        ? { topic: line, channel: fallback }
        : { topic: line.slice(0, cut), channel: line.slice(cut + 1) || fallback },
    );
  }
  const unique = new Map<string, Subscription>();
  for (const s of all) {
    for (const [what, name] of [
      ['topic', s.topic],
      ['channel', s.channel],
    ] as const) {
      if (!validName(name))
        read.problems.push(
          `'${name}' is no valid ${what} name (1-${MAX_NAME} characters of [.a-zA-Z0-9_-], '#ephemeral' may follow)`,
        );
    }
    unique.set(`${s.topic}:${s.channel}`, s);
  }
  return [...unique.values()];
}

function sources(read: Reader): { consumeFrom: Source; publishTo: Source } {
  const nsqd = read.text('nsqd_address');
  if (nsqd?.trim() === 'embedded') {
    const embedded: Source = {
      kind: 'embedded',
      port: read.int('embedded_port'),
      httpPort: read.int('embedded_http_port'),
    };
    return { consumeFrom: embedded, publishTo: embedded };
  }
  const lookupd = read.text('lookupd_address');
  const useNsqd = read.int('consumer_use_nsqd') === 1;
  const nsqds = addresses(read, 'nsqd_address', nsqd ?? NSQD, read.int('nsqd_port'));
  const lookupds = addresses(read, 'lookupd_address', lookupd ?? LOOKUPD, read.int('lookupd_port'));
  const direct: Source = { kind: 'nsqd', nsqds };
  const looked: Source = { kind: 'lookupd', lookupds };
  return {
    // nsqd_address alone says where to consume, too: the founding README's script has nothing else to say it with.
    consumeFrom: useNsqd || (nsqd !== undefined && lookupd === undefined) ? direct : looked,
    publishTo: nsqd !== undefined || useNsqd ? direct : looked,
  };
}

function addresses(read: Reader, name: string, text: string, defaultPort: number): Address[] {
  const out: Address[] = [];
  for (const entry of text.split(',')) {
    if (entry.trim() === '') continue;
    const address = parseAddress(entry.trim());
    if (address === undefined)
      read.problems.push(`${name}: '${entry.trim()}' is no address (host, host:port or [v6]:port)`);
    else out.push(address.port === 0 ? { host: address.host, port: defaultPort } : address);
  }
  return out;
}

const BRACKETED = /^\[([0-9a-fA-F:.%]+)\](?::(\d+))?$/;
const PLAIN = /^([^\s:/[\]]+)(?::(\d+))?$/;
const BARE_V6 = /^[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F.]*$/;

/** `host`, `host:port`, `[v6]:port` or a bare IPv6 address; port 0 when none is given. */
export function parseAddress(text: string): Address | undefined {
  const m = BRACKETED.exec(text) ?? PLAIN.exec(text);
  if (m === null) return BARE_V6.test(text) ? { host: text, port: 0 } : undefined;
  const port = m[2] === undefined ? 0 : Number(m[2]);
  return port > 65535 || (m[2] !== undefined && port === 0) ? undefined : { host: m[1]!, port };
}

/** `host:port` as people write it. */
export const addressText = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

function ackMode(read: Reader): AckMode {
  const text = read.text('ack_mode');
  if (text === undefined) return 'default';
  if (text === 'after' || text === 'immediate') return text;
  read.problems.push(`ack_mode is 'after' or 'immediate', not '${text}'`);
  return 'default';
}

function connectionOptions(read: Reader): ConnectionOptions {
  const timeout = read.int('msg_timeout');
  if (timeout !== 0 && (timeout < MIN_MSG_TIMEOUT || timeout > MAX_MSG_TIMEOUT))
    read.problems.push('msg_timeout lies between 1000 and 900000 ms');
  const buffer = read.int('output_buffer_timeout');
  if (buffer !== 0 && (buffer < 25 || buffer > 30_000))
    read.problems.push('output_buffer_timeout lies between 25 and 30000 ms (0: send at once)');
  const files = {
    ca: read.text('tls_ca_file') ?? null,
    cert: read.text('tls_cert_file') ?? null,
    key: read.text('tls_key_file') ?? null,
  };
  const wanted = read.int('tls') !== 0;
  if ((files.cert === null) !== (files.key === null)) read.problems.push('tls_cert_file and tls_key_file go together');
  return {
    messageTimeout: timeout === 0 ? null : timeout,
    outputBufferTimeout: buffer === 0 ? null : buffer,
    authSecret: read.text('auth_secret') ?? null,
    tls: wanted ? { verify: read.int('tls_verify') !== 0, ...files } : null,
  };
}

function escapeCharacter(read: Reader): string {
  const text = read.text('json_escape_char') ?? '%';
  if (text.length !== 1) read.problems.push(`json_escape_char is one character, not '${text}'`);
  return text[0]!;
}
