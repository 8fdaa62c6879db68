/** What module presence does from time to time. */
import type { TimerHandle } from '../../runtime/host.js';
import { cleanSubscriptions } from './notify.js';
import { cleanPresentities } from './publish.js';
import type { Presence } from './state.js';
import { STATUS } from './subscription.js';

const SECOND = 1000;
/** Seconds for which the decision on a watcher may be pending. */
const PENDING_FOR = 24 * 3600;

/** Watchers on whom nobody decided for a day. */
export async function cleanWatchers(presence: Presence): Promise<void> {
  await presence.watchers?.removeOlder(STATUS.PENDING, presence.now() - PENDING_FOR);
}

export class Timers {
  readonly #presence: Presence;
  #timers: TimerHandle[] = [];
  /** A round that is still going on is not begun again. */
  readonly #busy = new Set<string>();

  constructor(presence: Presence) {
    this.#presence = presence;
  }

  start(): void {
    this.stop();
    const { clean_period, db_update_period } = this.#presence.params;
    this.#every(clean_period, 'documents that have expired', async (presence) => {
      await cleanPresentities(presence);
      await cleanWatchers(presence);
    });
    this.#every(db_update_period, 'subscriptions that have expired', cleanSubscriptions);
  }

  #every(seconds: number, what: string, work: (presence: Presence) => Promise<void>): void {
    if (seconds <= 0) return;
    const { host } = this.#presence;
    const round = async (): Promise<void> => {
      if (this.#busy.has(what)) return;
      this.#busy.add(what);
      try {
        await work(this.#presence);
      } catch (e) {
        this.#presence.error(what, e);
      } finally {
        this.#busy.delete(what);
      }
    };
    this.#timers.push(host.clock.every(seconds * SECOND, () => host.detach(round(), `presence: ${what}`)));
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
  }
}
