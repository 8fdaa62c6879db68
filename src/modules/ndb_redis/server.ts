/** One redis server of the script: its connection, made anew when it is lost, and what its commands gave. */
import { createClient, ErrorReply, RESP_TYPES } from '@redis/client';
import { type Host, LEVEL } from '../../runtime/module.js';
import { parseParams } from '../../sip/uri.js';
import { type Reply, replyOf } from './reply.js';

export interface RedisParams {
  readonly server: readonly string[];
  readonly init_without_redis: number;
  readonly connect_timeout: number;
  readonly cmd_timeout: number;
  readonly disable_time: number;
  readonly allowed_timeouts: number;
  readonly flush_on_reconnect: number;
}

export interface Address {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly database: number;
  readonly password: string | undefined;
}

const DEFAULT_PORT = 6379;
const SECOND = 1000;

/** `name=a;addr=127.0.0.1;port=6379;db=1;pass=x;unix=/path`, or why not. */
export function parseServer(text: string): Address | string {
  const fields = new Map(parseParams(text.replace(/;$/, '')).map(([name, value]) => [name, value ?? '']));
  const number = (name: string, otherwise: number) =>
    /^\d+$/.test(fields.get(name) ?? '') ? Number(fields.get(name)) : otherwise;
  if (fields.has('sentinel') || fields.has('sentinel_group')) return 'sentinels are not built in kamscript: give addr';
  const name = fields.get('name');
  if (!name) return 'no server name';
  return {
    name,
    host: fields.get('addr') ?? '',
    port: number('port', DEFAULT_PORT),
    path: fields.get('unix') ?? '',
    database: number('db', 0),
    password: fields.get('pass'),
  };
}

function makeClient({ host, port, path, database, password }: Address, connectTimeout: number) {
  const at = path === '' ? { host, port } : { path, tls: false as const };
  return createClient({
    // replies as hiredis has them: a hash is an array
    RESP: 2,
    socket: { ...at, connectTimeout, reconnectStrategy: false },
    database,
    ...(password === undefined ? {} : { password }),
    disableOfflineQueue: true,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
}

type Client = ReturnType<typeof makeClient>;

export class RedisServer {
  readonly address: Address;
  readonly #host: Host;
  readonly #params: () => RedisParams;
  #client: Client | undefined;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  /** Until when it is not asked (ms since the epoch). */
  #disabledUntil = 0;
  /** Commands of redis_pipe_cmd(), with the names for their replies. */
  piped: { readonly words: readonly string[]; readonly reply: string }[] = [];

  constructor(host: Host, address: Address, params: () => RedisParams) {
    this.#host = host;
    this.address = address;
    this.#params = params;
  }

  /** Connects. Rejects where that fails. */
  connect(): Promise<void> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<void> {
    this.close();
    const client = makeClient(this.address, this.#params().connect_timeout);
    // a lost connection is found by the next command, which says so
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (e) {
      client.destroy();
      throw e;
    }
    this.#client = client;
  }

  close(): void {
    if (this.#client?.isOpen) this.#client.destroy();
    this.#client = undefined;
  }

  get isDisabled(): boolean {
    if (this.#disabledUntil === 0) return false;
    if (this.#host.clock.now() <= this.#disabledUntil) return true;
    this.#say(LEVEL.NOTICE, `REDIS server ${this.address.name} re-enabled`);
    this.#disabledUntil = 0;
    this.#failures = 0;
    return false;
  }

  /**
   * Runs commands, all sent before the first reply is awaited. A lost connection is made anew once. undefined: no reply
   * came (the log says why).
   */
  async run(commands: readonly (readonly string[])[]): Promise<readonly Reply[] | undefined> {
    for (const attempt of [1, 2]) {
      try {
        if (attempt === 2 || !this.#client?.isReady) await this.#again();
      } catch (e) {
        this.#failed();
        this.#say(LEVEL.ERR, `unable to reconnect to redis server: ${this.address.name}: ${textOf(e)}`);
        return undefined;
      }
      try {
        const replies = await Promise.all(commands.map((words) => this.#send(words)));
        this.#failures = 0;
        return replies;
      } catch (e) {
        if (attempt === 1) continue;
        this.#failed();
        this.#say(LEVEL.ERR, `Unable to read reply: ${textOf(e)}`);
      }
    }
    return undefined;
  }

  async #again(): Promise<void> {
    await this.connect();
    if (this.#params().flush_on_reconnect !== 0) await this.#send(['FLUSHALL']);
  }

  /** An error that redis answers is a reply; anything else rejects. */
  async #send(words: readonly string[]): Promise<Reply> {
    const client = this.#client;
    if (client === undefined) throw new Error('not connected');
    const limit = this.#params().cmd_timeout;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no reply within ${limit} ms`));
        this.close();
      }, limit);
    });
    try {
      const bytes = words.map((word) => Buffer.from(word, 'latin1'));
      return replyOf(await Promise.race([client.sendCommand(bytes), late]));
    } catch (e) {
      if (e instanceof ErrorReply) return replyOf(e);
      throw e;
    } finally {
      clearTimeout(timer);
    }
  }

  #failed(): void {
    const { allowed_timeouts: allowed, disable_time: seconds } = this.#params();
    if (allowed < 0 || ++this.#failures <= allowed) return;
    this.#disabledUntil = this.#host.clock.now() + seconds * SECOND;
    this.#say(LEVEL.WARN, `REDIS server ${this.address.name} disabled for ${seconds} seconds`);
  }

  #say(level: number, text: string): void {
    this.#host.log.write(level, 'ndb_redis', `${text}\n`);
  }
}

const textOf = (e: unknown): string => (e instanceof Error ? e.message : String(e));
