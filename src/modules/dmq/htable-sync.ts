/** The cells of the replicated tables as messages; what comes to a table meanwhile is told as a change, so it ends. */
import type { Cell, Table } from '../htable/table.js';
import { cellText, NO_CELLS, quoted } from './htable-body.js';
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
          walk = { table, cells: table.cells.values(), last: table.serial, over: false };
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
  over: boolean;
}

/** The next cells of a table, up to the size of a body. */
function gather(walk: Walk, now: number, stamps: boolean): Chunk | undefined {
  const { table } = walk;
  const name = quoted(table.name);
  const keys = new Set<string>();
  const items: string[] = [];
  for (let size = 0; size < BODY; ) {
    const { done, value: cell } = walk.cells.next();
    if (done || cell.serial > walk.last) {
      walk.over = true;
      break;
    }
    if (table.isExpired(cell, now)) continue;
    const text = cellText(name, cell.key, cell.value, cell.expire, stamps ? cell.stamp : 0);
    items.push(text);
    size += text.length + 1;
    keys.add(cell.key);
  }
  if (keys.size === 0) return undefined;
  const prefix = `${table.name}\0`;
  return {
    body: `{"cells":[${items.join(',')}]}`,
    size: keys.size,
    has: (key) => key.startsWith(prefix) && keys.has(key.slice(prefix.length)),
    keys: () => Array.from(keys, (key) => prefix + key),
  };
}
