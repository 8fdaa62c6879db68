/** Peer `htable`: keeps the tables with `dmqreplicate=1` alike on all nodes (dmq.md, 6.1). */
import type { Context } from '../../runtime/context.js';
import { LEVEL } from '../../runtime/host.js';
import { applyMatching, applyPrefixed } from '../htable/operations.js';
import { HTABLE, type HtableParams, type HtableState } from '../htable/state.js';
import type { Table, TableChange } from '../htable/table.js';
import { BAD_REQUEST, type Bus, FAILED, OK, type Peer, type PeerReply } from './bus.js';
import {
  type CellColumns,
  deleteText,
  expireText,
  type HtablePlan,
  removeText,
  SYNC_REQUEST,
  setText,
} from './htable-body.js';
import { HtableSync } from './htable-sync.js';
import { type DmqNode, keyText } from './nodes.js';
import { Outbox, type Outcome, type Outgoing, TELL } from './outbox.js';
import type { Plan } from './protocol.js';
import { type Stamp, Versions } from './versions.js';

export const JSON_TYPE = 'application/json';
/** Pause before a message that was lost is tried again, ms. */
const RETRY = 1000;
/** A node that comes back is asked for its cells no oftener than this, ms. */
const ASK_AGAIN = 60_000;

/** What is kept for one node that was active once. */
interface Friend {
  readonly node: DmqNode;
  readonly outbox: Outbox;
  sync: HtableSync | undefined;
  /** It missed more than was kept for it. */
  missedAll: boolean;
  /** When it was last asked for all its cells, ms; 0 never. */
  asked: number;
}

const keyOf = (table: string, key: string): string => `${table}\0${key}`;

export class HtablePeer implements Peer {
  readonly name = 'htable';
  readonly kind = 'htable';
  readonly bus: Bus;
  readonly versions: Versions;
  readonly #friends = new Map<string, Friend>();
  /** Written, not yet stamped: the listener is told before the cell changes. */
  #written: { readonly table: Table; readonly key: string; readonly stamp: Stamp }[] = [];
  readonly #listener = (change: TableChange) => this.#changed(change);
  /** Stamp of the first request for all cells: what was written here since is newer than any answer to it. */
  #askedAt: Stamp = Number.POSITIVE_INFINITY;
  /** Counters: see dmq.stats. */
  received = 0;
  cellsReceived = 0;
  stale = 0;

  constructor(bus: Bus) {
    this.bus = bus;
    this.versions = new Versions(bus.host.clock);
    this.tables.onChange.push(this.#listener);
    bus.onStatus((node, from, to) => this.#status(node, from, to));
  }

  get tables(): HtableState {
    return this.bus.host.state(HTABLE);
  }

  get params(): HtableParams {
    return this.bus.host.program.params('htable') as unknown as HtableParams;
  }

  get friends(): Iterable<Friend> {
    return this.#friends.values();
  }

  /** Asks for all cells: the first synchronisation. */
  requestSync(): void {
    if (this.params.dmq_init_sync === 0) return;
    const active = this.bus.nodes.active();
    this.#askedAt = this.versions.next();
    for (const node of this.bus.settings.initWithSingle ? active.slice(0, 1) : active) this.#ask(this.#friend(node));
  }

  #ask(friend: Friend): void {
    friend.asked = this.bus.host.clock.now();
    this.bus.send(this.name, friend.node, SYNC_REQUEST, JSON_TYPE, { stamp: this.versions.next() });
  }

  // ------------------------------------------------------------------ sending

  #friend(node: DmqNode): Friend {
    const key = keyText(node);
    const known = this.#friends.get(key);
    // A node that was removed and has come back is another entry of the list.
    if (known !== undefined && known.node === node) return known;
    if (known !== undefined) {
      known.sync?.stop();
      const missedAll = known.missedAll || known.sync?.done === false;
      const moved = this.#withOutbox({ ...known, node, sync: undefined, missedAll }, known.outbox);
      this.#friends.set(key, moved);
      return moved;
    }
    const made = this.#withOutbox({ node, sync: undefined, missedAll: false, asked: 0 });
    this.#friends.set(key, made);
    return made;
  }

  #withOutbox(of: Omit<Friend, 'outbox'>, old?: Outbox): Friend {
    const friend: { -readonly [K in keyof Friend]: Friend[K] } = { ...of, outbox: undefined as never };
    friend.outbox = new Outbox({
      isUp: () => friend.node.status === 'active' && this.bus.nodes.find(friend.node) === friend.node,
      send: (message, then) => this.#send(friend.node, message, then),
      messages: (key, tell) => this.#messages(key, tell),
      overflowed: () => {
        friend.missedAll = true;
      },
      isBusy: (key) => friend.sync?.isBusy(key) ?? false,
      get busy() {
        return (friend.sync?.open ?? 0) > 0;
      },
      later: (fn) => void this.bus.host.clock.after(RETRY, fn),
    });
    if (old !== undefined) friend.outbox.inherit(old);
    return friend;
  }

  #send(node: DmqNode, message: Outgoing, then: (outcome: Outcome) => void): boolean {
    return this.bus.send(this.name, node, message.body, JSON_TYPE, {
      stamp: message.stamp,
      onReply: (code, made) => {
        const lost = code === 408 || (made && code !== 200);
        if (code === 408) this.bus.nodes.peerTimeout(node);
        then(lost ? 'lost' : 'answered');
      },
    });
  }

  /** What the key holds now. */
  #messages(key: string, tell: number): readonly Outgoing[] {
    const cut = key.indexOf('\0');
    const [name, cellKey] = [key.slice(0, cut), key.slice(cut + 1)];
    const table = this.tables.table(name);
    if (table === undefined) return [];
    this.stampWritten();
    const stamp = this.versions.of(table, cellKey);
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

  /** The script or a management command changes a table. */
  #changed(change: TableChange): void {
    if (this.params.enable_dmq === 0) return;
    const table = this.tables.table(change.table);
    if (table === undefined || table.spec.dmqreplicate === 0) return;
    for (const node of this.bus.nodes.active()) if (!this.#friends.has(keyText(node))) this.#friend(node);
    if ('by' in change) {
      const body = removeText(change.action, change.table, change.by, change.value);
      const stamp = this.versions.next();
      for (const friend of this.#friends.values()) friend.outbox.barrier({ body, stamp });
      return;
    }
    if (this.#written.length === 0) queueMicrotask(() => this.stampWritten());
    this.#written.push({ table, key: change.key, stamp: this.versions.next() });
    if (this.#friends.size === 0) return;
    const key = keyOf(change.table, change.key);
    const tell = this.#tell(change);
    for (const friend of this.#friends.values()) friend.outbox.tell(key, tell);
  }

  /** Gives the cells that were written their stamps. */
  stampWritten(): void {
    if (this.#written.length === 0) return;
    const written = this.#written;
    this.#written = [];
    for (const { table, key, stamp } of written) this.versions.set(table, key, stamp);
  }

  #tell(change: TableChange): number {
    if (change.action === 'expire') return TELL.EXPIRY;
    return change.action === 'delete' ? TELL.VALUE | TELL.AFRESH : TELL.VALUE;
  }

  #status(node: DmqNode, from: string | undefined, to: string | undefined): void {
    if (node.local || to !== 'active') return;
    const known = this.#friends.get(keyText(node));
    const friend = this.#friend(node);
    if (friend.missedAll) {
      friend.missedAll = false;
      this.#sync(friend, node.kamscript);
    }
    friend.outbox.wake();
    friend.sync?.pump();
    if (known === undefined || from === 'active' || node.kamscript || this.params.dmq_init_sync === 0) return;
    if (this.bus.host.clock.now() - friend.asked > ASK_AGAIN) this.#ask(friend);
  }

  #sync(friend: Friend, stamps: boolean): void {
    friend.sync?.stop();
    friend.sync = new HtableSync(this, friend, stamps);
    friend.sync.pump();
  }

  /** One message with many cells. */
  sendCells(node: DmqNode, body: string, then: (outcome: Outcome) => void): boolean {
    return this.#send(node, { body, stamp: this.versions.next() }, then);
  }

  // ---------------------------------------------------------------- receiving

  apply(ctx: Context, plan: Plan, node: DmqNode | undefined): PeerReply | undefined {
    if (plan.kind !== 'htable') return BAD_REQUEST;
    this.received++;
    const stamp = this.bus.stampOf(ctx, node);
    if (stamp > 0) this.versions.heard(stamp);
    return this.#do(plan.does, stamp, node);
  }

  #do(does: HtablePlan, stamp: Stamp, node: DmqNode | undefined): PeerReply {
    if (does.kind === 'failed') return FAILED;
    if (does.kind === 'sync') return this.#answerSync(stamp > 0, node);
    if (does.kind === 'cells') return this.#takeCells(does.cells, node);
    const state = this.tables;
    const table = state.table(does.table);
    if (table === undefined) return FAILED;
    if ('by' in does) {
      const apply = does.kind === 'delete-re' ? applyMatching : applyPrefixed;
      return apply(table, does.by, does.text) ? OK : FAILED;
    }
    if (does.key === '') return FAILED;
    this.stampWritten();
    const known = this.versions.of(table, does.key);
    // Last write wins; a write without a stamp is one of now.
    if (stamp > 0 && known > stamp) {
      this.stale++;
      return OK;
    }
    const written = stamp > 0 ? stamp : this.versions.next();
    if (does.kind === 'set') {
      table.set(does.key, does.value, table.spec.autoexpire > 0 ? state.now() : 0).stamp = written;
      return OK;
    }
    if (does.kind === 'delete') table.delete(does.key);
    else table.setLifetime(does.key, does.seconds, state.now());
    this.versions.set(table, does.key, written);
    return OK;
  }

  #answerSync(stamps: boolean, node: DmqNode | undefined): PeerReply {
    if (node === undefined) {
      this.bus.log(LEVEL.WARN, 'a request for all htable cells from a server that is no node of the bus: not answered');
      return OK;
    }
    const friend = this.#friend(node);
    friend.missedAll = false;
    this.#sync(friend, stamps || node.kamscript);
    return OK;
  }

  #takeCells({ tables, keys, values, expires, stamps }: CellColumns, node: DmqNode | undefined): PeerReply {
    const state = this.tables;
    const now = state.now();
    const outbox = node === undefined ? undefined : this.#friends.get(keyText(node))?.outbox;
    const unknown = new Set<string>();
    let table: Table | undefined;
    this.stampWritten();
    for (let i = 0; i < keys.length; i++) {
      if (table?.name !== tables[i]) table = state.table(tables[i]!);
      if (table === undefined) unknown.add(tables[i]!);
      else if (this.#cellIsNews(table, keys[i]!, stamps[i]!, outbox))
        table.set(keys[i]!, values[i]!, now, Math.max(expires[i]! - now, 0)).stamp = stamps[i]!;
    }
    this.cellsReceived += keys.length;
    for (const name of unknown) this.bus.log(LEVEL.WARN, `unable to get table ${name}`);
    return OK;
  }

  /** A cell of a synchronisation: it must not undo what was written here, or heard, since it was asked for. */
  #cellIsNews(table: Table, key: string, stamp: Stamp, outbox: Outbox | undefined): boolean {
    const known = this.versions.of(table, key);
    if (stamp > 0) return known <= stamp;
    if (known > 0 && known >= this.#askedAt) return false;
    return outbox === undefined || outbox.isIdle || !outbox.owes(keyOf(table.name, key));
  }

  stop(): void {
    for (const friend of this.#friends.values()) friend.sync?.stop();
    const at = this.tables.onChange.indexOf(this.#listener);
    if (at >= 0) this.tables.onChange.splice(at, 1);
  }
}
