/**
 * All cells of the replicated tables, sent to one node: in messages of bounded size, few of them unanswered at a time, on
 * again after a loss. Cells that come to a table while it is walked through are told as changes, so the walk ends.
 * The bodies are written here and not in the pool: handing the cells over costs more than writing them.
 */
import type { Cell, Table } from '../htable/table.js';
import { cellText, NO_CELLS, quoted } from './htable-body.js';
import type { HtablePeer } from './htable-peer.js';
import type { DmqNode } from './nodes.js';
import { type Outbox, TELL } from './outbox.js';

/** Bytes of a body, about; all that is unanswered fits into the receive buffer that a system gives a socket (212,992). */
const BODY = 20_000;
/** Messages unanswered. */
const WINDOW = 8;
/** To a node that runs kamscript: its receive buffer is larger. */
const WIDE_WINDOW = 16;
/** Tries of one message before its cells are left to the outbox. */
const TRIES = 3;
/** ms until a walk that a removal holds up looks again. */
const HELD_UP = 50;
/** Messages written in one go: then SIP has its turn. */
const BURST = 8;

interface Chunk {
  readonly body: string;
  readonly table: Table;
  readonly keys: ReadonlySet<string>;
  tries: number;
}

export class HtableSync {
  readonly #peer: HtablePeer;
  readonly #node: DmqNode;
  readonly #outbox: Outbox;
  readonly #stamps: boolean;
  readonly #tables: Table[];
  #walk: { readonly table: Table; readonly cells: Iterator<Cell>; readonly last: number } | undefined;
  /** Gathered, and not answered yet. */
  readonly #open = new Set<Chunk>();
  /** Lost, to be sent again; they are among #open. */
  readonly #again: Chunk[] = [];
  #messages = 0;
  #stopped = false;
  #planned = false;
  sent = 0;
  done = false;

  constructor(peer: HtablePeer, friend: { readonly node: DmqNode; readonly outbox: Outbox }, stamps: boolean) {
    this.#peer = peer;
    this.#node = friend.node;
    this.#outbox = friend.outbox;
    this.#stamps = stamps;
    this.#tables = [...peer.tables.tables.values()].filter((t) => t.spec.dmqreplicate !== 0);
  }

  /** Messages not answered yet. */
  get open(): number {
    return this.#open.size;
  }

  /** Is an older state of the key under way? */
  isBusy(key: string): boolean {
    if (this.#open.size === 0) return false;
    const cut = key.indexOf('\0');
    const [table, cell] = [key.slice(0, cut), key.slice(cut + 1)];
    for (const chunk of this.#open) if (chunk.table.name === table && chunk.keys.has(cell)) return true;
    return false;
  }

  stop(): void {
    this.#stopped = true;
    this.#open.clear();
  }

  /** Sends as much as the window lets. */
  pump(): void {
    for (let n = 0; n < BURST && !this.#stopped && !this.done; n++) {
      if (this.#node.status !== 'active') return;
      const again = this.#again.shift();
      if (again !== undefined) this.#send(again);
      else if (this.#open.size >= (this.#stamps ? WIDE_WINDOW : WINDOW)) return;
      else if (this.#outbox.blocked) {
        this.#peer.bus.host.clock.after(HELD_UP, () => this.pump());
        return;
      } else if (!this.#next()) return;
    }
    this.#plan();
  }

  #plan(): void {
    if (this.#planned || this.done || this.#stopped) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.pump();
    });
  }

  /** Writes and sends the next message; false when there is none. */
  #next(): boolean {
    const chunk = this.#gather();
    if (chunk !== undefined) {
      this.#open.add(chunk);
      this.#send(chunk);
      return true;
    }
    if (this.#open.size > 0) return false;
    this.done = true;
    // A last message is always sent, even with no cells.
    if (this.#messages === 0) this.#peer.sendCells(this.#node, NO_CELLS, () => undefined);
    return false;
  }

  /** The next cells of one table, up to the size of a body. */
  #gather(): Chunk | undefined {
    const now = this.#peer.tables.now();
    this.#peer.stampWritten();
    while (this.#nextTable()) {
      const { table, cells, last } = this.#walk!;
      const name = quoted(table.name);
      const keys = new Set<string>();
      const items: string[] = [];
      let size = 0;
      while (size < BODY) {
        const { done, value: cell } = cells.next();
        if (done || cell.serial > last) {
          this.#walk = undefined;
          break;
        }
        if (table.isExpired(cell, now)) continue;
        const text = cellText(name, cell.key, cell.value, cell.expire, this.#stamps ? cell.stamp : 0);
        items.push(text);
        size += text.length + 1;
        keys.add(cell.key);
      }
      if (keys.size > 0) return { body: `{"cells":[${items.join(',')}]}`, table, keys, tries: 0 };
    }
    return undefined;
  }

  #nextTable(): boolean {
    if (this.#walk !== undefined) return true;
    const table = this.#tables.shift();
    if (table === undefined) return false;
    this.#walk = { table, cells: table.cells.values(), last: table.serial };
    return true;
  }

  #send(chunk: Chunk): void {
    chunk.tries++;
    this.#messages++;
    const sent = this.#peer.sendCells(this.#node, chunk.body, (outcome) => {
      if (this.#stopped) return;
      if (outcome === 'answered') {
        this.sent += chunk.keys.size;
        this.#over(chunk);
      } else if (chunk.tries < TRIES) {
        // Sent again as it was: nothing newer about its keys has gone out meanwhile.
        this.#again.push(chunk);
      } else {
        this.#over(chunk);
        for (const key of chunk.keys) this.#outbox.tell(`${chunk.table.name}\0${key}`, TELL.VALUE | TELL.EXPIRY);
      }
      this.pump();
    });
    if (!sent) this.#alone(chunk);
  }

  /** Too big for the transport, together: each cell by itself, and what is too big alone stays here. */
  #alone(chunk: Chunk): void {
    this.#over(chunk);
    if (chunk.keys.size > 1)
      for (const key of chunk.keys) this.#outbox.tell(`${chunk.table.name}\0${key}`, TELL.VALUE | TELL.EXPIRY);
    this.#plan();
  }

  #over(chunk: Chunk): void {
    this.#open.delete(chunk);
    this.#outbox.wake();
  }
}
