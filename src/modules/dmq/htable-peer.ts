/** Peer `htable`: keeps the tables with `dmqreplicate=1` alike on all nodes (dmq.md, 6.1). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { applyMatching, applyPrefixed } from '../htable/operations.js';
import { HTABLE, type HtableParams, type HtableState } from '../htable/state.js';
import type { Table, TableChange } from '../htable/table.js';
import type { Bus } from './bus.js';
import { Friends, type FriendsOwner } from './friends.js';
import {
  type CellColumns,
  deleteText,
  expireText,
  type HtablePlan,
  removeText,
  SYNC_REQUEST,
  setText,
} from './htable-body.js';
import { htableCells } from './htable-sync.js';
import type { DmqNode } from './nodes.js';
import { type Outbox, type Outgoing, TELL } from './outbox.js';
import { BAD_REQUEST, FAILED, OK, type Peer, type PeerReply } from './peer.js';
import type { Plan } from './protocol.js';
import type { SyncSource } from './sync.js';
import { Recent, type Stamp, StampClock } from './versions.js';

const keyOf = (table: string, key: string): string => `${table}\0${key}`;

export class HtablePeer implements Peer, FriendsOwner {
  readonly name = 'htable';
  readonly kind = 'htable';
  readonly request = SYNC_REQUEST;
  readonly friends: Friends;
  readonly tables: HtableState;
  readonly #bus: Bus;
  readonly #clock: StampClock;
  /** Stamps of deleted cells; a cell that is there carries its own. */
  readonly #deleted: Recent<Stamp>;
  /** Written, not yet stamped: the listener is told before the cell changes. */
  #written: { readonly table: Table; readonly key: string; readonly stamp: Stamp }[] = [];
  readonly #listener = (change: TableChange) => this.#changed(change);
  /** Stamp of the first request for all cells: what was written here since is newer than any answer to it. */
  #askedAt: Stamp = Number.POSITIVE_INFINITY;
  cellsReceived = 0;
  /** Writes that came after newer ones, and were left out. */
  stale = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.tables = bus.host.state(HTABLE);
    this.#clock = new StampClock(bus.host.clock);
    this.#deleted = new Recent(bus.host.clock);
    this.friends = new Friends(bus, this);
    this.tables.onChange.push(this.#listener);
  }

  get #params(): HtableParams {
    return this.#bus.host.program.params('htable') as unknown as HtableParams;
  }

  get asks(): boolean {
    return this.#params.dmq_init_sync !== 0;
  }

  nextStamp(): Stamp {
    return this.#clock.next();
  }

  requestSync(): void {
    this.#askedAt = this.#clock.next();
    this.friends.askAll();
  }

  all(stamps: boolean): SyncSource {
    return htableCells(this, stamps);
  }

  stop(): void {
    this.friends.stop();
    const at = this.tables.onChange.indexOf(this.#listener);
    if (at >= 0) this.tables.onChange.splice(at, 1);
  }

  // ------------------------------------------------------------------- stamps

  /** When the key was last written or deleted; 0 where that is long ago. */
  #stampOf(table: Table, key: string): Stamp {
    const cell = table.cells.get(key);
    return cell === undefined ? this.#deletedAt(table, key) : cell.stamp;
  }

  #deletedAt(table: Table, key: string): Stamp {
    return this.#deleted.isEmpty ? 0 : (this.#deleted.get(keyOf(table.name, key)) ?? 0);
  }

  /** Call it when the change is done. */
  #stamp(table: Table, key: string, stamp: Stamp): void {
    const cell = table.cells.get(key);
    if (cell === undefined) this.#deleted.set(keyOf(table.name, key), stamp);
    else cell.stamp = stamp;
  }

  /** Gives the cells that were written their stamps. */
  stampWritten(): void {
    if (this.#written.length === 0) return;
    const written = this.#written;
    this.#written = [];
    for (const { table, key, stamp } of written) this.#stamp(table, key, stamp);
  }

  // ------------------------------------------------------------------ sending

  /** The script or a management command changes a table. */
  #changed(change: TableChange): void {
    if (this.#params.enable_dmq === 0) return;
    const table = this.tables.table(change.table);
    if (table === undefined || table.spec.dmqreplicate === 0) return;
    this.friends.meetAll();
    if ('by' in change) {
      const body = removeText(change.action, change.table, change.by, change.value);
      const stamp = this.#clock.next();
      for (const friend of this.friends) friend.outbox.barrier({ body, stamp });
      return;
    }
    if (this.#written.length === 0) queueMicrotask(() => this.stampWritten());
    this.#written.push({ table, key: change.key, stamp: this.#clock.next() });
    if (this.friends.size === 0) return;
    const key = keyOf(change.table, change.key);
    const tell = tellOf(change);
    for (const friend of this.friends) friend.outbox.tell(key, tell);
  }

  messages(key: string, tell: number): readonly Outgoing[] {
    const cut = key.indexOf('\0');
    const [name, cellKey] = [key.slice(0, cut), key.slice(cut + 1)];
    const table = this.tables.table(name);
    if (table === undefined) return [];
    this.stampWritten();
    const stamp = this.#stampOf(table, cellKey);
    const cell = table.cells.get(cellKey);
    if (cell === undefined) return [{ body: deleteText(name, cellKey), stamp }];
    const out: Outgoing[] = [];
    if (tell & TELL.AFRESH && !table.spec.updateexpire) out.push({ body: deleteText(name, cellKey), stamp });
    if (tell & TELL.VALUE) out.push({ body: setText(name, cellKey, cell.value), stamp });
    if (tell & TELL.EXPIRY) {
      const seconds = cell.expire === 0 ? 0 : cell.expire - this.tables.now();
      out.push({ body: expireText(name, cellKey, seconds), stamp });
    }
    return out;
  }

  // ---------------------------------------------------------------- receiving

  apply(ctx: Context, plan: Plan, node: DmqNode | undefined): PeerReply {
    return this.applyStamped(this.#bus.stampOf(ctx, node), plan, node);
  }

  applyStamped(stamp: Stamp, plan: Plan, node: DmqNode | undefined): PeerReply {
    if (plan.kind !== 'htable') return BAD_REQUEST;
    if (stamp > 0) this.#clock.heard(stamp);
    return this.#do(plan.does, stamp, node);
  }

  #do(does: HtablePlan, stamp: Stamp, node: DmqNode | undefined): PeerReply {
    if (does.kind === 'failed') return FAILED;
    if (does.kind === 'sync') return this.#answerSync(stamp > 0, node);
    if (does.kind === 'cells') return this.#takeCells(does.cells, node);
    const table = this.tables.table(does.table);
    if (table === undefined) return FAILED;
    if ('by' in does) {
      const apply = does.kind === 'delete-re' ? applyMatching : applyPrefixed;
      return apply(table, does.by, does.text) ? OK : FAILED;
    }
    if (does.key === '') return FAILED;
    this.stampWritten();
    // Last write wins; a write without a stamp is one of now.
    if (stamp > 0 && this.#stampOf(table, does.key) > stamp) {
      this.stale++;
      return OK;
    }
    this.#write(table, does, stamp > 0 ? stamp : this.#clock.next());
    return OK;
  }

  #write(table: Table, does: Extract<HtablePlan, { kind: 'set' | 'delete' | 'expire' }>, stamp: Stamp): void {
    if (does.kind === 'set') {
      const now = table.spec.autoexpire > 0 ? this.tables.now() : 0;
      table.set(does.key, does.value, now).stamp = stamp;
      return;
    }
    if (does.kind === 'delete') table.delete(does.key);
    else table.setLifetime(does.key, does.seconds, this.tables.now());
    this.#stamp(table, does.key, stamp);
  }

  #answerSync(stamps: boolean, node: DmqNode | undefined): PeerReply {
    if (node !== undefined && !node.local) this.friends.sync(node, stamps || node.kamscript);
    else this.#bus.log(LEVEL.WARN, 'a request for all htable cells from no other node of the bus: not answered');
    return OK;
  }

  #takeCells({ tables, keys, values, expires, stamps }: CellColumns, node: DmqNode | undefined): PeerReply {
    const state = this.tables;
    const now = state.now();
    const outbox = this.friends.of(node)?.outbox;
    const unknown = new Set<string>();
    let table: Table | undefined;
    this.stampWritten();
    for (let i = 0; i < keys.length; i++) {
      if (table?.name !== tables[i]) {
        table = state.table(tables[i]!);
        if (table === undefined) unknown.add(tables[i]!);
      }
      if (table === undefined) continue;
      const key = keys[i]!;
      const stamp = stamps[i]!;
      const cell = table.cells.get(key);
      const known = cell === undefined ? this.#deletedAt(table, key) : cell.stamp;
      if (!this.#isNews(table, key, stamp, known, outbox)) continue;
      table.put(cell, key, values[i]!, now, Math.max(expires[i]! - now, 0)).stamp = stamp;
    }
    this.cellsReceived += keys.length;
    for (const name of unknown) this.#bus.log(LEVEL.WARN, `unable to get table ${name}`);
    return OK;
  }

  /** A cell of a synchronisation, `known` when it was last written here: it must not undo what was written or heard since. */
  #isNews(table: Table, key: string, stamp: Stamp, known: Stamp, outbox: Outbox | undefined): boolean {
    if (stamp > 0) return known <= stamp;
    if (known > 0 && known >= this.#askedAt) return false;
    return outbox === undefined || outbox.isIdle || !outbox.owes(keyOf(table.name, key));
  }
}

function tellOf(change: TableChange): number {
  if (change.action === 'expire') return TELL.EXPIRY;
  return change.action === 'delete' ? TELL.VALUE | TELL.AFRESH : TELL.VALUE;
}
