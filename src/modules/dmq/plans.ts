/** From a body to a plan, in the pool's threads (or at once, for dmq_process_message). Never throws. */
import { readDialog } from './dialog-body.js';
import { type CellColumns, readHtable } from './htable-body.js';
import { parseList } from './nodes.js';
import { readPresence } from './presence-body.js';
import type { Plan, Work } from './protocol.js';
import { readUsrloc } from './usrloc-body.js';

/** Cells that the script thread takes in one go. */
const MAX_CELLS = 1000;

const UNUSABLE: Plan = { kind: 'unusable', why: 'no body of this peer' };

/** What is to be done, in parts where it is much; at least one. */
export function plansOf(work: Work): readonly Plan[] {
  switch (work.kind) {
    case 'list':
      return [{ kind: 'list', ...parseList(work.body) }];
    case 'opaque':
      return [{ kind: 'opaque' }];
    case 'htable':
      return htablePlans(work.body);
    case 'usrloc': {
      const does = readUsrloc(work.body);
      return [does === undefined ? UNUSABLE : { kind: 'usrloc', does }];
    }
    case 'dialog': {
      const does = readDialog(work.body);
      return [does === undefined ? UNUSABLE : { kind: 'dialog', does }];
    }
    case 'presence': {
      const does = readPresence(work.body);
      return [does === undefined ? UNUSABLE : { kind: 'presence', does }];
    }
  }
}

function htablePlans(body: string): readonly Plan[] {
  const does = readHtable(body);
  if (does === undefined) return [UNUSABLE];
  if (does.kind !== 'cells' || does.cells.keys.length <= MAX_CELLS) return [{ kind: 'htable', does }];
  const parts: Plan[] = [];
  for (let i = 0; i < does.cells.keys.length; i += MAX_CELLS)
    parts.push({ kind: 'htable', does: { kind: 'cells', cells: part(does.cells, i, i + MAX_CELLS) } });
  return parts;
}

function part(cells: CellColumns, from: number, to: number): CellColumns {
  return {
    tables: cells.tables.slice(from, to),
    keys: cells.keys.slice(from, to),
    values: cells.values.slice(from, to),
    expires: cells.expires.slice(from, to),
    stamps: cells.stamps.slice(from, to),
  };
}
