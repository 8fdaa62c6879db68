/** The state of every nsqd seen through all connections to it: log lines when one goes and comes back, health, statistics. */
import { type Host, LEVEL } from '../../runtime/host.js';
import type { LinkReport } from './protocol.js';

export interface NsqdState {
  /** Connections that are up. */
  up: number;
  version: string;
  /** Last reason for a loss or a failed try; undefined while all is well. */
  problem: string | undefined;
  /** Milliseconds since the epoch of the last change between none and some. */
  since: number;
}

export class Links {
  readonly #host: Host;
  readonly #onReconnect: () => void;
  readonly nsqds = new Map<string, NsqdState>();

  constructor(host: Host, onReconnect: () => void) {
    this.#host = host;
    this.#onReconnect = onReconnect;
  }

  /** `wasUp`: was this very connection up before the report? */
  report(report: LinkReport, wasUp: boolean): void {
    const { nsqd } = report;
    const state = this.nsqds.get(nsqd) ?? { up: 0, version: '', problem: undefined, since: this.#host.clock.now() };
    this.nsqds.set(nsqd, state);
    if (report.kind === 'up') this.#up(nsqd, state, report.version, wasUp);
    else this.#down(nsqd, state, report.reason, wasUp);
  }

  #up(nsqd: string, state: NsqdState, version: string, wasUp: boolean): void {
    if (!wasUp) state.up++;
    state.version = version;
    if (state.up !== 1) return;
    const again = state.problem !== undefined;
    if (again) this.#onReconnect();
    state.problem = undefined;
    state.since = this.#host.clock.now();
    this.#host.log.write(LEVEL.INFO, 'nsq', `nsqd ${nsqd} ${again ? 'is back' : 'connected'} (version ${version})`);
  }

  #down(nsqd: string, state: NsqdState, reason: string, wasUp: boolean): void {
    if (wasUp) state.up--;
    const first = state.problem === undefined;
    if (state.up > 0) return;
    state.problem = reason;
    if (!wasUp && !first) return;
    state.since = this.#host.clock.now();
    this.#host.log.write(
      LEVEL.ERR,
      'nsq',
      `nsqd ${nsqd} ${wasUp ? 'is gone' : 'cannot be reached'}: ${reason}; trying again`,
    );
  }

  /** Connections that are up. */
  get count(): number {
    let sum = 0;
    for (const state of this.nsqds.values()) sum += state.up;
    return sum;
  }
}
