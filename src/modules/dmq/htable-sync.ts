/**
 * All cells of the replicated tables, sent to one node: in messages of bounded size, few of them unanswered at a time, on
 * again after a loss. Cells that come to a table while it is walked through are told as changes, so the walk ends.
 */
import type { Cell, Table } from '../htable/table.js';
import type { HtableCell } from './htable-body.js';
import type { HtablePeer } from './htable-peer.js';
import { type DmqNode, keyText } from './nodes.js';
import type { Outbox } from './outbox.js';

/** Bytes of a body, about: four of them fit into the receive buffer that a system gives a socket. */
const BODY = 16_000;
/** Messages unanswered. */
const WINDOW = 4;
/** Bytes of a cell beyond its texts. */
const FRAME = 70;
/** Tries of one message before its cells are left to the outbox. */
const TRIES = 3;
/** ms until a walk that a removal holds up looks again. */
const HELD_UP = 50;
const LARGE = 60_000;

interface Chunk {
  readonly cells: readonly HtableCell[];
  tries: number;
}

export class HtableSync {
  readonly #peer: HtablePeer;
  readonly #node: DmqNode;
  readonly #outbox: Outbox;
  readonly #stamps: boolean;
  readonly #tables: Table[];
  #walk: { readonly table: Table; readonly cells: Iterator<Cell>; readonly last: number } | undefined;
  /** Lost, to be sent again. */
  readonly #again: Chunk[] = [];
  #open = 0;
  #messages = 0;
  #stopped = false;
  sent = 0;
  done = false;

  constructor(peer: HtablePeer, friend: { readonly node: DmqNode; readonly outbox: Outbox }, stamps: boolean) {
    this.#peer = peer;
    this.#node = friend.node;
    this.#outbox = friend.outbox;
    this.#stamps = stamps;
    this.#tables = [...peer.tables.tables.values()].filter((t) => t.spec.dmqreplicate !== 0);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Sends as much as the window lets. */
  pump(): void {
    while (!this.#stopped && !this.done && this.#open < WINDOW) {
      if (this.#node.status !== 'active') return;
      if (this.#outbox.blocked) {
        this.#peer.bus.host.clock.after(HELD_UP, () => this.pump());
        return;
      }
      const chunk = this.#again.shift() ?? this.#gather();
      if (chunk === undefined) {
        if (this.#open === 0) this.#finish();
        return;
      }
      this.#write(chunk);
    }
  }

  #finish(): void {
    this.done = true;
    // A last message is always sent, even with no cells.
    if (this.#messages === 0) this.#peer.sendCells(this.#node, '{"cells":[]}', () => undefined);
  }

  /** The next cells, up to the size of a body. */
  #gather(): Chunk | undefined {
    const cells: HtableCell[] = [];
    const now = this.#peer.tables.now();
    let size = 0;
    while (size < BODY) {
      const next = this.#nextCell();
      if (next === undefined) break;
      const { table, cell } = next;
      if (table.isExpired(cell, now)) continue;
      const bytes = FRAME + table.name.length + cell.key.length + `${cell.value}`.length;
      // A big cell goes alone: beside others it could make a message too big to be sent.
      if (bytes > LARGE && cells.length > 0) {
        this.#again.push({ cells: [this.#cellOf(table, cell)], tries: 0 });
        continue;
      }
      cells.push(this.#cellOf(table, cell));
      size += bytes;
    }
    return cells.length === 0 ? this.#again.shift() : { cells, tries: 0 };
  }

  #cellOf(table: Table, cell: Cell): HtableCell {
    const key = `${table.name}\0${cell.key}`;
    // Until it is answered nothing newer about the key is sent: the two could overtake each other.
    this.#outbox.hold(key);
    const stamp = this.#peer.versions.of(key);
    return { table: table.name, key: cell.key, value: cell.value, expire: cell.expire, stamp };
  }

  #nextCell(): { table: Table; cell: Cell } | undefined {
    for (;;) {
      if (this.#walk === undefined) {
        const table = this.#tables.shift();
        if (table === undefined) return undefined;
        this.#walk = { table, cells: table.cells.values(), last: table.serial };
      }
      const { table, cells, last } = this.#walk;
      const next = cells.next();
      if (!next.done && next.value.serial <= last) return { table, cell: next.value };
      this.#walk = undefined;
    }
  }

  #write(chunk: Chunk): void {
    this.#open++;
    this.#messages++;
    const work = { kind: 'write-cells', cells: chunk.cells, stamps: this.#stamps } as const;
    this.#peer.bus.work(keyText(this.#node), work, (plan) => {
      if (plan.kind === 'body' && !this.#stopped) this.#send(chunk, plan.text);
      else this.#over(chunk);
    });
  }

  #send(chunk: Chunk, body: string): void {
    chunk.tries++;
    const sent = this.#peer.sendCells(this.#node, body, (outcome) => {
      if (outcome === 'lost') this.#lost(chunk);
      else {
        this.sent += chunk.cells.length;
        this.#over(chunk);
      }
      this.pump();
    });
    if (!sent) this.#over(chunk);
  }

  #lost(chunk: Chunk): void {
    this.#open--;
    if (this.#stopped || chunk.tries >= TRIES) {
      this.#release(chunk, !this.#stopped);
      return;
    }
    // Sent again as it was: its keys are held, what they hold now follows as a change.
    this.#again.push(chunk);
  }

  #over(chunk: Chunk): void {
    this.#open--;
    this.#release(chunk, false);
    if (this.#open === 0 && !this.done) queueMicrotask(() => this.pump());
  }

  #release(chunk: Chunk, tell: boolean): void {
    for (const c of chunk.cells) {
      const key = `${c.table}\0${c.key}`;
      this.#outbox.release(key);
      if (tell) this.#outbox.tell(key, VALUE_AND_EXPIRY);
    }
  }
}

const VALUE_AND_EXPIRY = 3;
