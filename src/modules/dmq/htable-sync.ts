/** The cells of the replicated tables as messages; what comes to a table meanwhile is told as a change, so it ends. */
import type { Cell, Table } from '../htable/table.js';
import { JsonWriter, NO_CELLS } from './htable-body.js';
import { FieldsWriter } from './htable-fields.js';
import type { HtablePeer } from './htable-peer.js';
import type { Chunk, SyncSource } from './sync.js';

/** Bytes of a body, about; eight of them fit into the receive buffer that a system gives a socket (212,992). */
const BODY = 20_000;

export function htableCells(peer: HtablePeer, stamps: boolean): SyncSource {
  const tables = [...peer.tables.tables.values()].filter((t) => t.spec.dmqreplicate !== 0);
  let walk: Walk | undefined;
  return {
    // A last message is always sent, even with no cells.
    empty: NO_CELLS,
    next() {
      peer.stampWritten();
      const now = peer.tables.now();
      for (;;) {
        if (walk === undefined) {
          const table = tables.shift();
          if (table === undefined) return undefined;
          walk = { table, cells: table.cells.values(), last: table.serial, stamp: peer.nextStamp(), over: false };
        }
        const chunk = gather(walk, now, stamps);
        if (walk.over) walk = undefined;
        if (chunk !== undefined) return chunk;
      }
    },
  };
}

interface Walk {
  readonly table: Table;
  readonly cells: Iterator<Cell>;
  /** Serial of the last cell that is looked at. */
  readonly last: number;
  /** Stamps are written as differences to it. */
  readonly stamp: number;
  over: boolean;
}

/** The next cells of a table, up to the size of a body. */
function gather(walk: Walk, now: number, stamps: boolean): Chunk | undefined {
  const { table } = walk;
  const out = stamps ? new FieldsWriter(table.name, walk.stamp) : new JsonWriter(table.name);
  const keys: string[] = [];
  while (out.length < BODY) {
    const { done, value: cell } = walk.cells.next();
    if (done || cell.serial > walk.last) {
      walk.over = true;
      break;
    }
    if (table.isExpired(cell, now)) continue;
    out.add(cell.key, cell.value, cell.expire, cell.stamp);
    keys.push(cell.key);
  }
  return keys.length === 0 ? undefined : chunkOf(`${table.name}\0`, keys, out.body);
}

function chunkOf(prefix: string, keys: readonly string[], body: string): Chunk {
  // Seldom asked for: only where a key is written meanwhile.
  let set: ReadonlySet<string> | undefined;
  return {
    body,
    size: keys.length,
    has(key) {
      set ??= new Set(keys);
      return key.startsWith(prefix) && set.has(key.slice(prefix.length));
    },
    keys: () => keys.map((key) => prefix + key),
  };
}
