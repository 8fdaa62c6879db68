/** What dispatcher keeps while the server lives: the sets, the calls on them, the timers. */
import { type Host, LEVEL, stateKey, type TimerHandle } from '../../runtime/host.js';
import type { Call } from './calls.js';
import { type Destination, type DestinationSpec, makeDestination } from './destination.js';
import { readDestinations } from './list.js';
import { type DispatcherParams, dispatcherParams } from './params.js';
import { buildSets, type DestinationSet, type Sets } from './set.js';
import { SetTree } from './set-tree.js';

const SECOND = 1000;

export class Dispatcher {
  readonly host: Host;
  sets: Sets = new SetTree<DestinationSet>();
  readonly calls = new Map<string, Call>();
  readonly timers: TimerHandle[] = [];
  /** Are probes sent (dispatcher.ping_active)? */
  pingActive = 1;
  /** Milliseconds since the epoch of the last reload; 0 none. */
  lastReload = 0;

  /** Where the destinations were read from. */
  #source = '';

  constructor(host: Host) {
    this.host = host;
  }

  get params(): DispatcherParams {
    return dispatcherParams(this.host.program);
  }

  /** False where the last reload is too near; else it begins now. */
  beginReload(): boolean {
    const now = this.host.clock.now();
    const soon = Math.floor(this.lastReload / SECOND) > Math.floor(now / SECOND) - this.params.reload_delta;
    if (this.lastReload !== 0 && soon) return false;
    this.lastReload = now;
    return true;
  }

  /** Do the parameters name another list than that which was read? */
  get moved(): boolean {
    return this.#source !== sourceOf(this.params);
  }

  /** Reads all destinations anew; `failed`: all stays as it was. `some` of a table could not be used. */
  async load(): Promise<'all' | 'some' | 'failed'> {
    const list = await readDestinations(this.host, this.params);
    if (list !== undefined) this.#source = sourceOf(this.params);
    const left = list === undefined ? undefined : await this.replace(list);
    if (left === undefined) return 'failed';
    return left > 0 && this.params.db_url ? 'some' : 'all';
  }

  /** Makes these the destinations: how many cannot be used. Undefined: ds_load_mode says that this fails all. */
  async replace(list: readonly DestinationSpec[]): Promise<number | undefined> {
    const { params: p, host } = this;
    const made: (readonly [number, Destination])[] = [];
    for (const spec of list) {
      const destination = await makeDestination(host, p, spec);
      if (destination !== undefined) {
        made.push([spec.set, destination]);
        continue;
      }
      host.log.write(LEVEL.WARN, 'dispatcher', `unable to add destination ${spec.uri} to set ${spec.set} -- skipping`);
      if (p.ds_load_mode === 1) return undefined;
    }
    this.sets = buildSets(made, () => host.random());
    return list.length - made.length;
  }

  /** The destinations as they are now, in the order in which Kamailio copies them. */
  specs(): DestinationSpec[] {
    return this.sets.values().flatMap((set) =>
      set.destinations.map(({ uri, flags, priority, attrs, load }) => {
        return { set: set.id, uri, flags, priority, attrs: attrs.body ?? '', load };
      }),
    );
  }

  stopTimers(): void {
    for (const timer of this.timers.splice(0)) timer.cancel();
  }
}

function sourceOf(p: DispatcherParams): string {
  return p.db_url ? `${p.db_url} ${p.table_name} ${p.ds_db_extra_attrs}` : p.list_file;
}

export const DISPATCHER = stateKey<Dispatcher>('dispatcher');
