/** The tables of a server and what lets them expire. They outlive a reload. */
import type { Context } from '../../runtime/context.js';
import type { Host, TimerHandle } from '../../runtime/host.js';
import { extraKey, STOP, stateKey } from '../../runtime/module.js';
import { parseTables } from './spec.js';
import { type Cell, type ChangeListener, Table, type TableChange } from './table.js';

export interface HtableParams {
  readonly htable: readonly string[];
  readonly timer_interval: number;
  readonly enable_dmq: number;
  readonly dmq_init_sync: number;
}

export const HTABLE = stateKey<HtableState>('htable');

/** The cell that expires, in its event route. */
export const EXPIRED = extraKey<Cell>('htable expired cell');

const DEFAULT_INTERVAL = 20;

export class HtableState {
  /** In the order of their definition. */
  readonly tables = new Map<string, Table>();
  /** Told of the changes of every table, of those too that a reload brings. */
  readonly onChange: ChangeListener[] = [];
  /** Grows when tables come or go: who keeps a table looks it up again. */
  version = 0;
  readonly host: Host;
  #timer: TimerHandle | undefined;
  #interval = 0;

  constructor(host: Host, params: HtableParams) {
    this.host = host;
    this.configure(params);
  }

  /** Takes over the definitions: tables that stay keep their cells, tables that are gone are dropped. */
  configure(params: HtableParams): void {
    const { tables } = parseTables(params.htable);
    const wanted = new Set(tables.map((t) => t.name));
    for (const name of this.tables.keys()) if (!wanted.has(name)) this.tables.delete(name);
    for (const spec of tables) {
      const table = this.tables.get(spec.name);
      if (table === undefined) this.tables.set(spec.name, new Table(spec));
      else table.spec = spec;
    }
    this.version++;
    this.#setTimer(params.timer_interval > 0 ? params.timer_interval : DEFAULT_INTERVAL);
  }

  #setTimer(interval: number): void {
    const wanted = [...this.tables.values()].some((t) => t.spec.autoexpire > 0) ? interval : 0;
    if (wanted === this.#interval) return;
    this.#timer?.cancel();
    this.#interval = wanted;
    this.#timer = wanted > 0 ? this.host.clock.every(wanted * 1000, () => this.sweep()) : undefined;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Seconds since the epoch. */
  now(): number {
    return Math.floor(this.host.clock.now() / 1000);
  }

  table(name: string): Table | undefined {
    return this.tables.get(name);
  }

  /** Tells those who listen, before the change is done. */
  tell(table: Table, change: TableChange): void {
    for (const listener of table.onChange) listener(change);
    for (const listener of this.onChange) listener(change);
  }

  /** Does somebody listen? Spares making the change's record on the fast way. */
  isHeard(table: Table): boolean {
    return table.onChange.length > 0 || this.onChange.length > 0;
  }

  /** Removes what has expired, each cell after its event route has run. */
  sweep(): void {
    const now = this.now();
    for (const table of this.tables.values()) {
      if (table.spec.autoexpire === 0) continue;
      const due = [...table.cells.values()].filter((c) => table.isExpired(c, now)).sort((a, b) => table.compare(a, b));
      for (const cell of due) this.#expire(table, cell, now);
    }
  }

  #expire(table: Table, cell: Cell, now: number): void {
    const run = this.host.runEvent(`htable:expired:${table.name}`, undefined, (ctx: Context) =>
      ctx.setExtra(EXPIRED, cell),
    );
    const drop = () => {
      if (cell.live && table.isExpired(cell, now)) table.delete(cell.key);
    };
    if (run instanceof Promise) this.host.detach(run.then(drop), `event_route[htable:expired:${table.name}]`);
    else drop();
  }

  /** event_route[htable:mod-init]; `drop` in it ends the server. */
  async modInit(): Promise<void> {
    const ctx = await this.host.runEvent('htable:mod-init');
    if (ctx?.stop === STOP.DROP) this.host.shutdown("exit due to 'drop' in event route");
  }
}
