/** The tables of a server and what lets them expire. They outlive a reload. */
import type { Context } from '../../runtime/context.js';
import { DbError } from '../../runtime/database.js';
import type { Host, TimerHandle } from '../../runtime/host.js';
import { extraKey, LEVEL, STOP, stateKey } from '../../runtime/module.js';
import { loadCells, replaceCells, storeCells, withDatabase } from './database.js';
import { parseTables } from './spec.js';
import { type Cell, type ChangeListener, Table, type TableChange } from './table.js';

export interface HtableParams {
  readonly htable: readonly string[];
  readonly timer_interval: number;
  readonly enable_dmq: number;
  readonly dmq_init_sync: number;
  readonly db_url: string | null;
  readonly key_name_column: string;
  readonly key_type_column: string;
  readonly value_type_column: string;
  readonly key_value_column: string;
  readonly expires_column: string;
  readonly array_size_suffix: string;
  readonly db_expires: number;
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
  #params: HtableParams;
  /** Tables that came out of the database: only those go back by themselves. */
  readonly #loaded = new Set<Table>();
  #timer: TimerHandle | undefined;
  #interval = 0;

  constructor(host: Host, params: HtableParams) {
    this.host = host;
    this.#params = params;
    this.configure(params);
  }

  /** Takes over the definitions: tables that stay keep their cells, tables that are gone are dropped. */
  configure(params: HtableParams): void {
    this.#params = params;
    const { tables } = parseTables(params.htable);
    const wanted = new Set(tables.map((t) => t.name));
    for (const name of this.tables.keys()) this.#dropUnless(wanted, name);
    for (const spec of tables) {
      const table = this.tables.get(spec.name);
      if (table === undefined) this.tables.set(spec.name, new Table(spec));
      else table.spec = spec;
    }
    this.version++;
    this.#setTimer(params.timer_interval > 0 ? params.timer_interval : DEFAULT_INTERVAL);
  }

  #dropUnless(wanted: ReadonlySet<string>, name: string): void {
    const table = this.tables.get(name);
    if (table === undefined || wanted.has(name)) return;
    this.tables.delete(name);
    this.#loaded.delete(table);
  }

  #setTimer(interval: number): void {
    const wanted = [...this.tables.values()].some((t) => t.spec.autoexpire > 0) ? interval : 0;
    if (wanted === this.#interval) return;
    this.#timer?.cancel();
    this.#interval = wanted;
    this.#timer = wanted > 0 ? this.host.clock.every(wanted * 1000, () => this.sweep()) : undefined;
  }

  /** Stops the timer and writes tables with `dbmode=1` to the database. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    for (const table of this.#loaded) {
      if (table.spec.dbmode === 0 || table.spec.cols.length > 0) continue;
      try {
        await this.store(table);
      } catch (e) {
        if (!(e instanceof DbError)) throw e;
        this.host.log.write(LEVEL.ERR, 'htable', `failed syncing hash table [${table.name}] to db: ${e.message}`);
      }
    }
  }

  /** Fills the tables that have one in the database and did not come out of it before. Rejects with a DbError. */
  async loadAll(): Promise<void> {
    for (const table of this.tables.values())
      if (this.hasDatabase && table.spec.dbtable !== '' && !this.#loaded.has(table)) await this.load(table);
  }

  get hasDatabase(): boolean {
    return (this.#params.db_url ?? '') !== '';
  }

  /** Reads a table from the database in the place of its cells. Rejects with a DbError, and then they stay. */
  async load(table: Table): Promise<void> {
    const cells = await withDatabase(this.host, this.#params.db_url ?? '', (db) =>
      loadCells(db, table, this.#params, this.now()),
    );
    replaceCells(table, cells, this.now());
    this.#loaded.add(table);
  }

  /** Writes a table to the database. Rejects with a DbError. */
  async store(table: Table): Promise<void> {
    await withDatabase(this.host, this.#params.db_url ?? '', (db) =>
      storeCells(db, this.host, table, this.#params, this.now()),
    );
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
