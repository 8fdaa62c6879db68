/** Which nsqds have a topic: all nsqlookupds are asked, and their answers joined, as they do not know each other. */
import { get } from 'node:http';
import type { TimerHandle } from '../../runtime/host.js';
import { type Address, addressText } from './settings.js';

/** Milliseconds between rounds while no nsqd is known, and once one is; both ±30 %. */
const SEARCHING = 2000;
const SETTLED = 15_000;
const JITTER = 0.3;
/** Least time between two rounds, when a lost connection asks for one. */
const HURRY = 500;
const TIMEOUT = 2000;
const MAX_ANSWER = 8_388_608;

export interface DiscoveryTools {
  after(ms: number, fn: () => void): TimerHandle;
  random(): number;
  /** JSON of an HTTP answer 200; undefined for 404; rejects otherwise. */
  ask(at: Address, path: string): Promise<unknown>;
  /** An nsqlookupd stopped answering, or answers again (`error` undefined). */
  onLookupd(at: Address, error: string | undefined): void;
}

export class Discovery {
  readonly #lookupds: readonly Address[];
  readonly #path: string;
  readonly #tools: DiscoveryTools;
  readonly #onList: (list: readonly Address[]) => void;
  /** Last answer of each lookupd. One that does not answer keeps its last word. */
  readonly #answers = new Map<Address, readonly Address[]>();
  readonly #failing = new Set<Address>();
  #known = '';
  #timer: TimerHandle | undefined;
  #asking = false;
  #stopped = false;

  /** `topic` null: all nsqds. `onList` is called with each list that differs from the one before. */
  constructor(
    lookupds: readonly Address[],
    topic: string | null,
    tools: DiscoveryTools,
    onList: (list: readonly Address[]) => void,
  ) {
    this.#lookupds = lookupds;
    this.#path = topic === null ? '/nodes' : `/lookup?topic=${encodeURIComponent(topic)}`;
    this.#tools = tools;
    this.#onList = onList;
    void this.#round();
  }

  /** A connection went: looks again soon. */
  hurry(): void {
    if (this.#asking || this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#tools.after(HURRY, () => void this.#round());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    this.#asking = true;
    await Promise.all(this.#lookupds.map((at) => this.#askOne(at)));
    this.#asking = false;
    if (this.#stopped) return;
    const pause = (this.#known === '' ? SEARCHING : SETTLED) * (1 - JITTER + 2 * JITTER * this.#tools.random());
    this.#timer = this.#tools.after(pause, () => void this.#round());
  }

  async #askOne(at: Address): Promise<void> {
    try {
      this.#answers.set(at, producers(await this.#tools.ask(at, this.#path)));
      if (this.#failing.delete(at)) this.#tools.onLookupd(at, undefined);
    } catch (error) {
      if (!this.#failing.has(at) && !this.#stopped)
        this.#tools.onLookupd(at, error instanceof Error ? error.message : String(error));
      this.#failing.add(at);
    }
    // Not only at the end of the round: a dead lookupd must not hold up what another one knows.
    if (!this.#stopped) this.#publish();
  }

  #publish(): void {
    const joined = new Map<string, Address>();
    for (const list of this.#answers.values()) for (const address of list) joined.set(addressText(address), address);
    const known = [...joined.keys()].sort().join();
    if (known === this.#known) return;
    this.#known = known;
    this.#onList([...joined.values()]);
  }
}

/** Addresses in an answer of /lookup or /nodes; before nsq 1.0 it lay within `data`. Tombstoned nodes are left out. */
export function producers(answer: unknown): Address[] {
  if (typeof answer !== 'object' || answer === null) return [];
  const body = 'data' in answer ? answer.data : answer;
  if (typeof body !== 'object' || body === null || !('producers' in body) || !Array.isArray(body.producers)) return [];
  const out: Address[] = [];
  for (const p of body.producers as readonly unknown[]) {
    if (typeof p !== 'object' || p === null) continue;
    const { broadcast_address: host, tcp_port: port, tombstones } = p as Record<string, unknown>;
    if (typeof host !== 'string' || host === '' || typeof port !== 'number') continue;
    if (Array.isArray(tombstones) && tombstones.length > 0 && tombstones.every((t) => t === true)) continue;
    out.push({ host, port });
  }
  return out;
}

/** GET over HTTP with a time limit: JSON, undefined on 404, else an error. */
export function askJson({ host, port }: Address, path: string): Promise<unknown> {
  return new Promise((done, fail) => {
    const request = get(
      { host, port, path, headers: { Accept: 'application/vnd.nsq; version=1.0' }, agent: false, timeout: TIMEOUT },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
          if (text.length > MAX_ANSWER) request.destroy(new Error('the answer is too long'));
        });
        response.on('error', fail);
        response.on('end', () => {
          if (response.statusCode === 404) return done(undefined);
          if (response.statusCode !== 200) return fail(new Error(`HTTP status ${response.statusCode}`));
          try {
            done(JSON.parse(text));
          } catch {
            fail(new Error('the answer is no JSON'));
          }
        });
      },
    );
    const limit = setTimeout(() => request.destroy(new Error(`no answer in ${TIMEOUT} ms`)), TIMEOUT);
    request.on('close', () => clearTimeout(limit));
    request.on('error', (error: NodeJS.ErrnoException) => fail(new Error(error.message || (error.code ?? 'failed'))));
  });
}
