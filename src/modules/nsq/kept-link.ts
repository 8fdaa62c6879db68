/** One connection to one nsqd that is opened again whenever it goes, with growing delays. */
import type { LinkReport } from './protocol.js';

const FIRST_DELAY = 250;
const LONGEST_DELAY = 5000;
/** A connection that lived this long was a good one: the next delay is the first again. */
const GOOD_AFTER = 10_000;

export interface Opened {
  readonly version: string;
  destroy(reason: string): void;
}

/** Called by the connection: once ready, once closed. */
export interface LinkSignals {
  ready(): void;
  closed(reason: string): void;
}

export class KeptLink<L extends Opened> {
  readonly nsqd: string;
  readonly #open: (signals: LinkSignals) => L;
  readonly #report: (report: LinkReport) => void;
  readonly #onReady: (link: L) => void;
  readonly #onLost: (reason: string) => void;
  #link: L | undefined;
  #ready = false;
  #stopped = false;
  #tries = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #changed: (() => void)[] = [];

  constructor(
    nsqd: string,
    open: (signals: LinkSignals) => L,
    on: { report: (report: LinkReport) => void; ready?: (link: L) => void; lost?: (reason: string) => void },
  ) {
    this.nsqd = nsqd;
    this.#open = open;
    this.#report = on.report;
    this.#onReady = on.ready ?? (() => {});
    this.#onLost = on.lost ?? (() => {});
    this.#connect();
  }

  /** The connection, when it is ready. */
  get link(): L | undefined {
    return this.#ready ? this.#link : undefined;
  }

  get connecting(): boolean {
    return !this.#stopped && !this.#ready && this.#timer === undefined;
  }

  /** Does not wait for the next try but makes it now. */
  kick(): void {
    if (this.#timer === undefined || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Resolves when the try under way is over, whatever came of it. */
  settled(): Promise<void> {
    return this.connecting ? new Promise((done) => this.#changed.push(done)) : Promise.resolve();
  }

  /** Ends for good; the connection itself is left to the caller if `keep`. */
  stop(reason: string, keep = false): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (!keep) this.#link?.destroy(reason);
    this.#tell();
  }

  #connect(): void {
    this.#timer = undefined;
    try {
      this.#link = this.#open({ ready: () => this.#up(), closed: (reason) => this.#down(reason) });
    } catch (error) {
      // A TLS file that went away, an option nsqjs refuses: as good as a connection that failed.
      this.#down(error instanceof Error ? error.message : String(error));
    }
  }

  #up(): void {
    const link = this.#link;
    if (this.#stopped || link === undefined) return;
    this.#ready = true;
    this.#since = Date.now();
    this.#onReady(link);
    this.#report({ kind: 'up', nsqd: this.nsqd, version: link.version });
    this.#tell();
  }

  #down(reason: string): void {
    const lasted = this.#ready ? Date.now() - this.#since : 0;
    this.#ready = false;
    this.#link = undefined;
    if (lasted > GOOD_AFTER) this.#tries = 0;
    this.#onLost(reason);
    if (this.#stopped) {
      this.#tell();
      return;
    }
    const retryIn = Math.min(FIRST_DELAY * 2 ** this.#tries++, LONGEST_DELAY) * (0.8 + 0.4 * Math.random());
    this.#timer = setTimeout(() => this.#connect(), retryIn);
    this.#report({ kind: 'down', nsqd: this.nsqd, reason, retryIn: Math.round(retryIn) });
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const done of waiting) done();
  }
}
