/** sht_iterator_*(): walks over a table in the order of Kamailio's slots, by name, within one run. */
import type { Context } from '../../runtime/context.js';
import { extraKey } from '../../runtime/module.js';
import { HTABLE } from './state.js';
import type { Cell, Table } from './table.js';

/** Kamailio keeps four at a time. */
const MAX = 4;
const MAX_NAME = 31;

interface Walk {
  readonly table: Table;
  /** The cell in view; undefined before the first and behind the last: the next step begins anew. */
  cell: Cell | undefined;
  /** The order, and the table's serial when it was made. */
  order: readonly Cell[];
  serial: number;
  /** Place of the cell in view in the order. */
  at: number;
}

const WALKS = extraKey<Map<string, Walk>>('htable iterators');

export function startIterator(ctx: Context, name: string, tableName: string): boolean {
  const walks = ctx.extra(WALKS) ?? new Map<string, Walk>();
  ctx.setExtra(WALKS, walks);
  const table = ctx.host.state(HTABLE).table(tableName);
  if (name === '' || name.length > MAX_NAME || (!walks.has(name) && walks.size >= MAX) || table === undefined)
    return false;
  walks.set(name, { table, cell: undefined, order: [], serial: -1, at: -1 });
  return true;
}

const walk = (ctx: Context, name: string) => ctx.extra(WALKS)?.get(name);

export function iteratorCell(ctx: Context, name: string): Cell | undefined {
  return walk(ctx, name)?.cell;
}

/** Steps to the first live cell behind the one in view. */
function step(w: Walk): void {
  const from = w.cell;
  if (w.serial !== w.table.serial) {
    w.order = w.table.inOrder();
    w.serial = w.table.serial;
    w.at = from === undefined ? -1 : w.order.findLastIndex((c) => w.table.compare(c, from) <= 0);
  } else if (from === undefined) w.at = -1;
  do w.at++;
  while (w.order[w.at]?.live === false);
  w.cell = w.order[w.at];
}

export function nextCell(ctx: Context, name: string): boolean {
  const w = walk(ctx, name);
  if (w === undefined) return false;
  step(w);
  return w.cell !== undefined;
}

export function endIterator(ctx: Context, name: string): boolean {
  return ctx.extra(WALKS)?.delete(name) ?? false;
}

/** Removes the cell in view and goes to the one behind it: 1, or -2 when there is none. */
export function removeCell(ctx: Context, name: string): number {
  const w = walk(ctx, name);
  if (w?.cell === undefined) return -1;
  w.table.delete(w.cell.key);
  step(w);
  return w.cell === undefined ? -2 : 1;
}

/** Changes the cell in view; a value renews its lifetime where the table says so. */
export function setCell(ctx: Context, name: string, value: number | string): boolean {
  const w = walk(ctx, name);
  if (w?.cell === undefined) return false;
  const now = ctx.host.state(HTABLE).now();
  if (w.cell.live) w.table.set(w.cell.key, value, now);
  else w.cell.value = value;
  return true;
}

export function setCellLifetime(ctx: Context, name: string, seconds: number): boolean {
  const w = walk(ctx, name);
  if (w?.cell === undefined) return false;
  w.cell.expire = ctx.host.state(HTABLE).now() + seconds;
  return true;
}
