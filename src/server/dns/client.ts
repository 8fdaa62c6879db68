/** Asks name servers: over UDP, each question from a port of its own, and over TCP where a reply is too long for that. */
import { randomInt } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { connect } from 'node:net';
import type { NameServer, ResolvConf } from './system.js';
import { type DnsRecord, type DnsReply, decodeReply, encodeQuestion, type RecordType } from './wire.js';

/** What replaces values of resolv.conf; -1 or missing does not. */
export interface AskOptions {
  /** Seconds. */
  readonly timeout?: number;
  readonly attempts?: number;
  readonly servers?: number;
  readonly useSearch?: boolean;
}

/** Where records come from. Undefined: nobody could say. */
export interface DnsSource {
  ask(name: string, type: RecordType, options: AskOptions): Promise<readonly DnsRecord[] | undefined>;
}

const SECOND = 1000;
const MAX_TCP_REPLY = 65_535;
const NO_ERROR = 0;
const NO_NAME = 3;

export class DnsClient implements DnsSource {
  readonly #conf: () => Promise<ResolvConf>;

  constructor(conf: () => Promise<ResolvConf>) {
    this.#conf = conf;
  }

  async ask(name: string, type: RecordType, options: AskOptions): Promise<readonly DnsRecord[] | undefined> {
    const conf = withOptions(await this.#conf(), options);
    let answered = false;
    for (const full of candidates(name, conf)) {
      const reply = await askServers(full, type, conf);
      if (reply === undefined) continue;
      answered = true;
      const records = full === name ? reply.records : renamed(reply.records, full, name);
      if (records.some((r) => r.name === name.toLowerCase())) return records;
    }
    return answered ? [] : undefined;
  }
}

function withOptions(conf: ResolvConf, options: AskOptions): ResolvConf {
  const given = (value: number | undefined, otherwise: number) =>
    value === undefined || value < 0 ? otherwise : value;
  return {
    servers: conf.servers.slice(0, given(options.servers, conf.servers.length) || conf.servers.length),
    search: options.useSearch === false ? [] : conf.search,
    ndots: conf.ndots,
    timeout: given(options.timeout, conf.timeout),
    attempts: Math.max(given(options.attempts, conf.attempts), 1),
  };
}

/** The name as it is, and in the domains of the search list: that first where it has dots enough. */
function candidates(name: string, { search, ndots }: ResolvConf): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const within = search.map((domain) => `${name}.${domain}`);
  return name.split('.').length > ndots ? [name, ...within] : [...within, name];
}

/** Records of the full name under the name that was asked for. */
function renamed(records: readonly DnsRecord[], full: string, name: string): readonly DnsRecord[] {
  const own = full.toLowerCase();
  return records.map((r) => (r.name === own ? { ...r, name: name.toLowerCase() } : r));
}

/** Each server in turn, as often as that; undefined where none answers. */
async function askServers(name: string, type: RecordType, conf: ResolvConf): Promise<DnsReply | undefined> {
  for (let round = 0; round < conf.attempts; round++) {
    for (const server of conf.servers) {
      const reply = await askServer(server, name, type, conf.timeout * SECOND);
      if (reply !== undefined && (reply.code === NO_ERROR || reply.code === NO_NAME)) return reply;
    }
  }
  return undefined;
}

async function askServer(
  server: NameServer,
  name: string,
  type: RecordType,
  timeout: number,
): Promise<DnsReply | undefined> {
  const id = randomInt(0x10000);
  const question = encodeQuestion(id, name, type);
  if (question === undefined) return undefined;
  const fits = (data: Buffer): DnsReply | undefined => {
    const reply = decodeReply(data);
    return reply?.id === id && reply.question === name.toLowerCase() ? reply : undefined;
  };
  const reply = await overUdp(server, question, fits, timeout);
  return reply?.truncated ? await overTcp(server, question, fits, timeout) : reply;
}

type Fits = (data: Buffer) => DnsReply | undefined;

function overUdp(server: NameServer, question: Buffer, fits: Fits, timeout: number): Promise<DnsReply | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(server.ip.includes(':') ? 'udp6' : 'udp4');
    let open = true;
    const end = (reply?: DnsReply): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    };
    const timer = setTimeout(end, timeout);
    socket.on('error', () => end());
    socket.on('message', (data: Buffer, from: RemoteInfo) => {
      const reply = from.port === server.port ? fits(data) : undefined;
      if (reply !== undefined) end(reply);
    });
    // connected: only the server can answer, and a closed port is told
    socket.connect(server.port, server.ip, (error?: Error) => {
      if (error) end();
      else socket.send(question, (failed) => void (failed && end()));
    });
  });
}

function overTcp(server: NameServer, question: Buffer, fits: Fits, timeout: number): Promise<DnsReply | undefined> {
  return new Promise((resolve) => {
    const socket = connect(server.port, server.ip);
    let received = Buffer.alloc(0);
    const end = (reply?: DnsReply): void => {
      socket.destroy();
      resolve(reply);
    };
    socket.setTimeout(timeout, () => end());
    socket.on('error', () => end());
    socket.on('close', () => end());
    socket.on('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(question.length);
      socket.write(Buffer.concat([length, question]));
    });
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const length = received.length < 2 ? MAX_TCP_REPLY : received.readUInt16BE(0);
      if (received.length >= length + 2) end(fits(received.subarray(2, length + 2)));
    });
  });
}
